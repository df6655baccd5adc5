/**
 * Monthly budgets of a tenant, a user and a model. A call reserves what it may take before it is made, under a lock on
 * the budgets that it falls under, so that many calls at once, on whatever node, do not pass a limit together. What the
 * call really took replaces the reservation; one that is never settled ends by itself.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { Refused } from "../refusal.ts"

export type BudgetScope = "MODEL" | "TENANT" | "USER"

/** What a call may take. */
export interface Reservation {
  readonly id: string
  readonly tenant: string
  readonly userId: string
  readonly modelId: string
  readonly tokens: number
  /** Exact to what a double is: an estimate. */
  readonly cost: number
  readonly currency: string
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly holdMs: number
}

interface BudgetRow {
  readonly scope: BudgetScope
  readonly scope_id: string
  readonly tokens_max: number | null
  readonly cost_max: number | null
  readonly currency: string
}

interface Used {
  readonly tokens: number
  readonly cost: number
}

/** The first moment of a month and of the next. Budgets' months are UTC's. */
export const monthOf = (now: number) => {
  const date = new Date(now)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  return { begins: new Date(Date.UTC(year, month)), ends: new Date(Date.UTC(year, month + 1)) }
}

const exceeded = (budget: BudgetRow, unit: "tokens" | "cost", limit: number, used: number, now: number) => {
  const { ends } = monthOf(now)
  return new Refused({
    reason: "limit",
    code: "LLM_BUDGET_001",
    text: "The month's budget for model calls is used up.",
    details: {
      budget: budget.scope,
      unit: unit === "cost" ? budget.currency : "tokens",
      limit,
      used,
      renews_at: ends.toISOString(),
      remedy: "ask for less, wait until the budget renews, or ask an administrator to raise it",
    },
    retryAfterSeconds: Math.max(1, Math.ceil((ends.getTime() - now) / 1_000)),
  })
}

const check = (budget: BudgetRow, used: Used, wanted: Reservation): Refused | undefined => {
  const { tokens_max: tokensMax, cost_max: costMax } = budget
  if (tokensMax !== null && used.tokens + wanted.tokens > tokensMax)
    return exceeded(budget, "tokens", tokensMax, used.tokens, wanted.now)
  // A model with no price, or one in another currency, takes nothing of this budget.
  const cost = wanted.currency === budget.currency ? wanted.cost : 0
  if (costMax !== null && used.cost + cost > costMax)
    return exceeded(budget, "cost", costMax, used.cost, wanted.now)
  return undefined
}

/** Of settled calls in this month, and of those under way. */
const usedOf = (sql: SqlClient, budget: BudgetRow, wanted: Reservation) => sql<Used>`
  SELECT (coalesce(settled.tokens, 0) + coalesce(open.tokens, 0))::float8 AS tokens,
    (coalesce(settled.cost, 0) + coalesce(open.cost, 0))::float8 AS cost
  FROM (SELECT sum(tokens) AS tokens, sum(cost) FILTER (WHERE currency = ${budget.currency}) AS cost
      FROM llm_usage_months WHERE tenant = ${wanted.tenant} AND scope = ${budget.scope}
      AND scope_id = ${budget.scope_id}
      AND month = ${monthOf(wanted.now).begins.toISOString().slice(0, 10)}::text::date) AS settled,
    (SELECT sum(tokens) AS tokens, sum(cost) FILTER (WHERE currency = ${budget.currency}) AS cost
      FROM llm_reservations WHERE tenant = ${wanted.tenant}
      AND expires_at > ${new Date(wanted.now).toISOString()}::timestamptz
      AND (${budget.scope} = 'TENANT' OR (${budget.scope} = 'USER' AND user_id = ${budget.scope_id})
        OR (${budget.scope} = 'MODEL' AND model_id = ${budget.scope_id}))) AS open`

/**
 * Inside `Tenancy.within`. Answers whether anything was reserved: without budgets nothing has to be.
 * Errors: `LLM_BUDGET_001`.
 */
export const reserve = Effect.fn("llm.reserve")(function* (sql: SqlClient, wanted: Reservation) {
  const { tenant, userId, modelId } = wanted
  const budgets = yield* sql<BudgetRow>`
    SELECT scope, scope_id, tokens_max::float8 AS tokens_max, cost_max::float8 AS cost_max, currency
    FROM llm_budgets WHERE tenant = ${tenant} AND (scope = 'TENANT' OR (scope = 'USER' AND scope_id = ${userId})
      OR (scope = 'MODEL' AND scope_id = ${modelId}))
    ORDER BY scope, scope_id FOR UPDATE`
  if (budgets.length === 0) return false
  for (const budget of budgets) {
    // A statement of its own: only what begins after the lock sees what others reserved before it.
    const [used] = yield* usedOf(sql, budget, wanted)
    const refused = check(budget, used!, wanted)
    if (refused !== undefined) return yield* refused
  }
  const expires = new Date(wanted.now + wanted.holdMs).toISOString()
  yield* sql`DELETE FROM llm_reservations WHERE tenant = ${tenant}
    AND expires_at <= ${new Date(wanted.now).toISOString()}::timestamptz`
  yield* sql`INSERT INTO llm_reservations VALUES (${tenant}, ${wanted.id}::text::uuid, ${userId}, ${modelId},
    ${wanted.tokens}::float8::bigint, ${wanted.cost}::float8::numeric, ${wanted.currency}, ${expires}::timestamptz)`
  return true
})
