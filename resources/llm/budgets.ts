/** Budgets as administrators see and set them. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { type BudgetScope, monthOf } from "./budget.ts"

/** Null: no limit. */
export interface BudgetLimit {
  readonly scope: BudgetScope
  /** A user's or a model's id; empty for the tenant. */
  readonly scope_id: string
  readonly tokens_max: number | null
  readonly cost_max: number | null
  readonly currency: string
}

export interface Budget extends BudgetLimit {
  /** In this month. */
  readonly tokens_used: number
  readonly cost_used: number
  readonly renews_at: string
}

const rowsOf = (sql: SqlClient, tenant: string) => {
  const { begins } = monthOf(Date.now())
  return sql<Omit<Budget, "renews_at">>`
    SELECT b.scope, b.scope_id, b.tokens_max::float8 AS tokens_max, b.cost_max::float8 AS cost_max, b.currency,
      coalesce(sum(m.tokens), 0)::float8 AS tokens_used,
      coalesce(sum(m.cost) FILTER (WHERE m.currency = b.currency), 0)::float8 AS cost_used
    FROM llm_budgets b LEFT JOIN llm_usage_months m ON m.tenant = b.tenant AND m.scope = b.scope
      AND m.scope_id = b.scope_id AND m.month = ${begins.toISOString().slice(0, 10)}::text::date
    WHERE b.tenant = ${tenant} GROUP BY b.tenant, b.scope, b.scope_id ORDER BY b.scope, b.scope_id`
}

export const readBudgets = (sql: SqlClient, tenant: string) =>
  Effect.map(rowsOf(sql, tenant), (rows): ReadonlyArray<Budget> => {
    const renewsAt = monthOf(Date.now()).ends.toISOString()
    return rows.map((row) => ({ ...row, renews_at: renewsAt }))
  })

/** What it was and what it is now. */
export const writeBudget = Effect.fnUntraced(function* (sql: SqlClient, tenant: string, limit: BudgetLimit) {
  const { scope, scope_id: id, tokens_max: tokensMax, cost_max: costMax, currency } = limit
  const isIt = (budget: Budget) => budget.scope === scope && budget.scope_id === id
  const before = (yield* readBudgets(sql, tenant)).find(isIt)
  if (tokensMax === null && costMax === null)
    yield* sql`DELETE FROM llm_budgets WHERE tenant = ${tenant} AND scope = ${scope} AND scope_id = ${id}`
  else
    yield* sql`INSERT INTO llm_budgets VALUES (${tenant}, ${scope}, ${id}, ${tokensMax}::float8::bigint,
        ${costMax}::float8::numeric, ${currency}, now())
      ON CONFLICT (tenant, scope, scope_id) DO UPDATE SET tokens_max = excluded.tokens_max,
        cost_max = excluded.cost_max, currency = excluded.currency, updated_at = now()`
  const after: Budget = (yield* readBudgets(sql, tenant)).find(isIt) ?? {
    ...limit,
    tokens_used: before?.tokens_used ?? 0,
    cost_used: before?.cost_used ?? 0,
    renews_at: monthOf(Date.now()).ends.toISOString(),
  }
  return { before, after }
})
