/**
 * Takes old rows out of the ledger of model calls. Sums of days and months stay for ever; which of them can still be made
 * again from rows is written down before the first row goes. Whole months (UTC) go, since budgets are sums of months.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { TenancyService } from "../tenants/tenancy.ts"
import { monthOf } from "./budget.ts"

/** Rows that go in one transaction. */
const batchRows = 1_000
const dayMs = 24 * 3_600_000

/** From this day on the ledger is whole. */
export const keptFrom = (sql: SqlClient, tenant: string): Effect.Effect<string | undefined, SqlError> =>
  Effect.map(
    sql<{ from: string }>`SELECT kept_from::text AS "from" FROM llm_usage_kept WHERE tenant = ${tenant}`,
    ([row]) => row?.from,
  )

const noteFrom = (sql: SqlClient, tenant: string, from: string) =>
  sql`INSERT INTO llm_usage_kept AS k (tenant, kept_from) VALUES (${tenant}, ${from}::text::date)
    ON CONFLICT (tenant) DO UPDATE SET kept_from = greatest(k.kept_from, excluded.kept_from)`

const hasOlder = (sql: SqlClient, tenant: string, from: string) =>
  Effect.map(
    sql`SELECT 1 FROM llm_usage WHERE tenant = ${tenant} AND at < ${from}::text::timestamptz LIMIT 1`,
    (rows) => rows.length > 0,
  )

/**
 * Keeps the last days, and the whole month in which they begin. Answers how many rows went. Several nodes may do so at
 * once; interrupted, it goes on the next time. Gotcha: the database itself refuses to let rows of the last 62 days go.
 */
export const pruneLedger = Effect.fn("llm.prune")(function* (
  { within }: Pick<TenancyService, "within">,
  tenant: string,
  days: number,
  now: number,
): Effect.fn.Return<number, SqlError> {
  const from = monthOf(now - days * dayMs).begins.toISOString()
  const isDue = yield* within(tenant, (sql) => hasOlder(sql, tenant, from))
  if (!isDue) return 0
  yield* within(tenant, (sql) => noteFrom(sql, tenant, from))
  for (let gone = 0; ; ) {
    const rows = yield* within(
      tenant,
      (sql) => sql`DELETE FROM llm_usage WHERE tenant = ${tenant} AND id IN (
        SELECT id FROM llm_usage WHERE tenant = ${tenant} AND at < ${from}::text::timestamptz
        ORDER BY at LIMIT ${batchRows}::int) RETURNING 1 AS one`,
    )
    gone += rows.length
    if (rows.length < batchRows) return gone
  }
})
