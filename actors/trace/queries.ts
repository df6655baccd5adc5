/** The SQL of the read side. Rows come back as the spans and log lines they were. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Span } from "../../schemas/index.ts"
import type { LogRow, SpanRow } from "./rows.ts"
import { searchLimitMax, type TraceSearch } from "./store.ts"

export const spanOf = (row: SpanRow): Span => ({
  traceId: row.trace_id,
  spanId: row.span_id,
  ...(row.parent_id === null ? {} : { parentId: row.parent_id }),
  name: row.name,
  kind: row.kind as Span["kind"],
  service: row.service,
  startMs: row.start_ms,
  endMs: row.end_ms,
  status: row.status as Span["status"],
  attributes: row.attributes,
  tenant: row.tenant,
})

/** The earliest spans of a trace, at most `max`. */
export const spansOf = (sql: SqlClient, traceId: string, max: number) =>
  sql<SpanRow>`SELECT * FROM trace_spans WHERE trace_id = ${traceId} ORDER BY start_ms LIMIT ${max}`.pipe(
    Effect.map((rows) => rows.map(spanOf)),
  )

export const logsOf = Effect.fnUntraced(function* (
  sql: SqlClient,
  traceId: string,
  tenant: string | undefined,
  max: number,
) {
  const mine = sql.and([
    sql`trace_id = ${traceId}`,
    ...(tenant === undefined ? [] : [sql`tenant = ${tenant}`]),
  ])
  const rows = yield* sql<LogRow>`SELECT * FROM trace_logs WHERE ${mine} ORDER BY at_ms, log_key LIMIT ${max}`
  if (rows.length < max) return { rows, total: rows.length }
  const [counted] = yield* sql<{ total: number }>`
    SELECT count(*)::int AS total FROM trace_logs WHERE ${mine}`
  return { rows, total: counted?.total ?? rows.length }
})

const likeStart = (text: string): string => `${text.replace(/[\\%_]/g, "\\$&")}%`

export const search = (sql: SqlClient, query: TraceSearch): Effect.Effect<ReadonlyArray<Span>, SqlError> => {
  const { tenant, actor, user, status, minDurationMs, from, to } = query
  const limit = Math.max(1, Math.min(query.limit ?? searchLimitMax, searchLimitMax))
  const conditions = [
    ...(tenant === undefined ? [] : [sql`tenant = ${tenant}`]),
    ...(actor === undefined
      ? []
      : [actor.endsWith("/") ? sql`actor LIKE ${likeStart(actor)}` : sql`actor = ${actor}`]),
    ...(user === undefined ? [] : [sql`principal = ${user}`]),
    ...(status === undefined ? [] : [sql`status = ${status}`]),
    ...(minDurationMs === undefined ? [] : [sql`end_ms - start_ms >= ${minDurationMs}::float8`]),
    ...(from === undefined ? [] : [sql`start_ms >= ${from}::float8`]),
    ...(to === undefined ? [] : [sql`start_ms < ${to}::float8`]),
  ]
  // Each half by its own index; over the union of both, the newest would be found by sorting everything.
  const newest = (relation: string) =>
    sql`(SELECT * FROM ${sql(relation)} WHERE ${sql.and(conditions)} ORDER BY start_ms DESC LIMIT ${limit})`
  return sql<SpanRow>`SELECT * FROM (${newest("spans")} UNION ALL ${newest("hop_spans")}) AS found
    ORDER BY start_ms DESC LIMIT ${limit}`.pipe(Effect.map((rows) => rows.map(spanOf)))
}
