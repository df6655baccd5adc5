/** What calls took, by day, user, model or agent: read from the running totals, never from the ledger. */
import type { SqlClient } from "effect/sql/SqlClient"

export type UsageGroup = "day" | "user" | "model" | "agent"

export interface UsageSearch {
  readonly groupBy: UsageGroup
  /** Days in UTC, both included: `2026-11-21`. */
  readonly from: string
  readonly to: string
  /** Only this user's. */
  readonly userId?: string | undefined
  readonly page: number
  readonly limit: number
}

export interface UsageRow {
  /** The day, or an id; an empty agent is a person's own call. */
  readonly key: string
  readonly name: string
  readonly calls: number
  readonly failed: number
  readonly tokens_in: number
  readonly tokens_out: number
  readonly cost: number
  /** Empty where no price was set. */
  readonly currency: string
}

const columns: Record<UsageGroup, readonly [key: string, name: string]> = {
  day: ["day::text", "day::text"],
  user: ["user_id", "max(user_name)"],
  model: ["model_id", "max(model_name)"],
  agent: ["agent", "agent"],
}

export const usageBy = (sql: SqlClient, tenant: string, search: UsageSearch) => {
  const [key, name] = columns[search.groupBy].map((column) => sql.literal(column))
  return sql<UsageRow>`
    SELECT ${key!} AS key, ${name!} AS name, sum(calls)::float8 AS calls, sum(failed)::float8 AS failed,
      sum(tokens_in)::float8 AS tokens_in, sum(tokens_out)::float8 AS tokens_out, sum(cost)::float8 AS cost, currency
    FROM llm_usage_totals WHERE tenant = ${tenant} AND day >= ${search.from}::text::date
      AND day <= ${search.to}::text::date AND (${search.userId ?? null}::text IS NULL OR user_id = ${search.userId ?? null})
    GROUP BY 1, currency, ${key!} ORDER BY 1, currency
    LIMIT ${search.limit}::int OFFSET ${(search.page - 1) * search.limit}::int`
}
