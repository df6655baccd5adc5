/** Keeps the projection within its bounds of age and number, a slice at a time so that nobody waits for long. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { TraceLimits } from "./limits.ts"

const timed = [
  { table: "spans", column: "start_ms" },
  { table: "journal_entries", column: "start_ms" },
  { table: "trace_logs", column: "at_ms" },
] as const

/** Answers how many rows left. `now`: milliseconds since the epoch. */
export const prune = Effect.fnUntraced(function* (
  sql: SqlClient,
  now: number,
  limits: Pick<TraceLimits, "retentionMs" | "rowsMax" | "pruneSlice">,
): Effect.fn.Return<number, SqlError> {
  let pruned = 0
  for (const { table, column } of timed) {
    const time = sql(column)
    const surplus = yield* sql<{ at: number }>`
      SELECT ${time} AS at FROM ${sql(table)} ORDER BY ${time} DESC OFFSET ${limits.rowsMax} LIMIT 1`
    const before = Math.max(now - limits.retentionMs, surplus[0] === undefined ? 0 : surplus[0].at)
    const inclusive = surplus[0]?.at === before
    const old = inclusive ? sql`${time} <= ${before}` : sql`${time} < ${before}`
    for (let left = limits.pruneSlice; left >= limits.pruneSlice; pruned += left) {
      const deleted = yield* sql`DELETE FROM ${sql(table)} WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM ${sql(table)} WHERE ${old} ORDER BY ${time} LIMIT ${limits.pruneSlice})) RETURNING 1`
      left = deleted.length
      yield* Effect.yieldNow
    }
  }
  return pruned
})

/** Gives deleted rows' room back to the tables. Not within a transaction. */
export const vacuum = (sql: SqlClient) => sql.unsafe("VACUUM spans, journal_entries, trace_logs").unprepared
