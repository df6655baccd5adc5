/** Figures of use for a range of days, read from sums and never from what they were made of. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { asTenant, Tenancy } from "../../resources/index.ts"

/** Days in UTC, both included. */
export interface StatisticsRange {
  readonly start: string
  readonly end: string
  readonly groupBy: "day" | "week" | "month"
}

/** Shape: seed 0 §4.5. */
export interface Statistics {
  readonly total_users: number
  readonly active_users: number
  /** Of now, those that were registered until the end of the range and are not archived. */
  readonly total_agents: number
  readonly production_agents: number
  readonly total_sessions: number
  readonly total_api_calls: number
  /** Tokens by the model's name. */
  readonly llm_usage: Readonly<Record<string, number>>
}

export interface Breakdown {
  /** The first day of the week, from Monday, or of the month. */
  readonly date: string
  readonly sessions: number
  readonly api_calls: number
}

const figures = (sql: SqlClient, tenant: string, { start, end }: StatisticsRange) =>
  sql<{ sessions: number; api_calls: number; active: number }>`
    SELECT
      (SELECT coalesce(sum(value), 0)::float8 FROM statistics_daily WHERE tenant = ${tenant}
        AND metric = 'sessions' AND day BETWEEN ${start}::text::date AND ${end}::text::date) AS sessions,
      (SELECT coalesce(sum(value), 0)::float8 FROM statistics_daily WHERE tenant = ${tenant}
        AND metric = 'api_calls' AND day BETWEEN ${start}::text::date AND ${end}::text::date) AS api_calls,
      (SELECT count(DISTINCT dimension)::float8 FROM statistics_daily WHERE tenant = ${tenant}
        AND metric = 'active' AND day BETWEEN ${start}::text::date AND ${end}::text::date) AS active`

/** Every day of the range is there, also one on which nothing happened. */
const breakdown = (sql: SqlClient, tenant: string, { start, end, groupBy }: StatisticsRange) =>
  sql<Breakdown>`
    SELECT to_char(date_trunc(${groupBy}::text, days.day), 'YYYY-MM-DD') AS date,
      coalesce(sum(value) FILTER (WHERE metric = 'sessions'), 0)::float8 AS sessions,
      coalesce(sum(value) FILTER (WHERE metric = 'api_calls'), 0)::float8 AS api_calls
    FROM generate_series(${start}::text::timestamp, ${end}::text::timestamp, interval '1 day') AS days(day)
    LEFT JOIN statistics_daily AS daily ON daily.tenant = ${tenant} AND daily.day = days.day::date
      AND daily.metric IN ('sessions', 'api_calls')
    GROUP BY 1 ORDER BY 1`

/** Users and agents are counted over the tables of their own tenant; tokens come from the ledger's daily totals. */
const ownFigures = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  { start, end }: StatisticsRange,
) {
  const [users] = yield* sql<{ total: number }>`SELECT count(*)::float8 AS total FROM users
    WHERE tenant = ${tenant} AND created_at < ${end}::text::date + 1`
  const [agents] = yield* sql<{ total: number; production: number }>`
    SELECT count(*)::float8 AS total, (count(*) FILTER (WHERE status = 'PRODUCTION'))::float8 AS production
    FROM agents WHERE tenant = ${tenant} AND NOT archived
      AND to_timestamp((view->>'registeredAt')::float8 / 1000) < ${end}::text::date + 1`
  const models = yield* sql<{ model: string; tokens: number }>`
    SELECT max(model_name) AS model, sum(tokens_in + tokens_out)::float8 AS tokens FROM llm_usage_totals
    WHERE tenant = ${tenant} AND day BETWEEN ${start}::text::date AND ${end}::text::date
    GROUP BY model_id ORDER BY 1`
  return { users: users?.total ?? 0, agents: agents ?? { total: 0, production: 0 }, models }
})

/** Models of one name are one line: they were registered one after the other. */
const usageOf = (models: ReadonlyArray<{ readonly model: string; readonly tokens: number }>) => {
  const usage: Record<string, number> = {}
  for (const { model, tokens } of models) usage[model] = (usage[model] ?? 0) + tokens
  return usage
}

/** Of one tenant. The range is checked already. */
export const readStatistics = Effect.fn("statistics.read")(function* (
  tenant: string,
  range: StatisticsRange,
): Effect.fn.Return<
  { readonly statistics: Statistics; readonly daily_breakdown: ReadonlyArray<Breakdown> },
  SqlError,
  Tenancy
> {
  const { management, within } = yield* Tenancy
  const [sums, daily_breakdown] = yield* asTenant(management, tenant, (sql) =>
    Effect.all([figures(sql, tenant, range), breakdown(sql, tenant, range)]),
  )
  const { users, agents, models } = yield* within(tenant, (sql) => ownFigures(sql, tenant, range))
  const { sessions = 0, api_calls = 0, active = 0 } = sums[0] ?? {}
  const statistics: Statistics = {
    total_users: users,
    active_users: active,
    total_agents: agents.total,
    production_agents: agents.production,
    total_sessions: sessions,
    total_api_calls: api_calls,
    llm_usage: usageOf(models),
  }
  return { statistics, daily_breakdown }
})
