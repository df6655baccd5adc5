/** Puts rows into the tables. A row that the database refuses for what it holds keeps no other one out. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { maskText } from "../../resources/index.ts"
import { type EntryRow, type Rows, rowsJson } from "./rows.ts"

/** All or, when one row is refused, none. A span may have been published twice: then the first one stays. */
export const insertRows = Effect.fnUntraced(function* (
  sql: SqlClient,
  { entries, spans, logs }: Rows,
): Effect.fn.Return<void, SqlError> {
  if (entries.length > 0)
    yield* sql`INSERT INTO journal_entries
      SELECT * FROM jsonb_populate_recordset(NULL::journal_entries, ${rowsJson(entries)}::text::jsonb)`
  if (spans.length > 0)
    yield* sql`INSERT INTO spans
      SELECT * FROM jsonb_populate_recordset(NULL::spans, ${rowsJson(spans)}::text::jsonb)
      ON CONFLICT DO NOTHING`
  if (logs.length > 0)
    yield* sql`INSERT INTO trace_logs
      SELECT * FROM jsonb_populate_recordset(NULL::trace_logs, ${rowsJson(logs)}::text::jsonb)
      ON CONFLICT DO NOTHING`
})

/** Classes of SQLSTATE that speak of the data: data exception, integrity violation, program limit exceeded. */
const refusalCode = /^(?:22|23|54)/

/** True for what would fail again for ever; false for a database that is away, busy or set up wrongly. */
export const isRefusal = (error: unknown): error is SqlError => {
  if (!isSqlError(error)) return false
  const { code } = (error.reason.cause ?? {}) as { readonly code?: unknown }
  return typeof code === "string" && refusalCode.test(code)
}

const why = (error: SqlError): string =>
  maskText(error.reason.cause instanceof Error ? error.reason.cause.message : error.message).slice(0, 300)

/** One statement in a savepoint: after a refusal the transaction goes on. */
const attempt = (sql: SqlClient, rows: Partial<Rows>) =>
  sql.withTransaction(insertRows(sql, { entries: [], spans: [], logs: [], ...rows }))

/** Inserts all rows but those that are refused alone, which go to `refused`. Halves what is refused together. */
const insertHalving = <Row>(
  insert: (rows: ReadonlyArray<Row>) => Effect.Effect<void, SqlError>,
  refused: (row: Row, error: SqlError) => Effect.Effect<number, SqlError>,
  rows: ReadonlyArray<Row>,
): Effect.Effect<number, SqlError> =>
  rows.length === 0
    ? Effect.succeed(0)
    : Effect.catchIf(Effect.as(insert(rows), 0), isRefusal, (error) => {
        if (rows.length === 1) return refused(rows[0]!, error)
        const middle = rows.length >> 1
        return Effect.zipWith(
          insertHalving(insert, refused, rows.slice(0, middle)),
          insertHalving(insert, refused, rows.slice(middle)),
          (left, right) => left + right,
        )
      })

/** A journal entry says that it was there, even when what happened cannot be kept. */
const withoutEvents = (row: EntryRow, error: SqlError): EntryRow => ({
  ...row,
  events: null,
  dead_detail: row.dead_detail ?? `the events are left out: ${why(error)}`,
})

/** Inside a transaction: inserts what the database takes of a part and counts the rest at its source. */
export const insertWhatIsTaken = Effect.fnUntraced(function* (
  sql: SqlClient,
  part: Rows & { readonly source: string },
): Effect.fn.Return<void, SqlError> {
  const leftOut = (place: string, error: SqlError) =>
    Effect.as(
      Effect.logError(`the trace projection leaves out what the database refuses: ${place}: ${why(error)}`),
      1,
    )
  const placeOf = ({ sequence, index }: EntryRow) => `${part.source}, sequence ${sequence}, entry ${index}`
  const entries = yield* insertHalving<EntryRow>(
    (some) => attempt(sql, { entries: some }),
    (row, error) =>
      attempt(sql, { entries: [withoutEvents(row, error)] }).pipe(
        Effect.andThen(leftOut(`the events of ${placeOf(row)}`, error)),
        Effect.catchIf(isRefusal, (again) => leftOut(placeOf(row), again)),
      ),
    part.entries,
  )
  const spans = yield* insertHalving(
    (some) => attempt(sql, { spans: some }),
    ({ trace_id, span_id }, error) => leftOut(`span ${trace_id}/${span_id}`.slice(0, 200), error),
    part.spans,
  )
  const logs = yield* insertHalving(
    (some) => attempt(sql, { logs: some }),
    ({ log_key }, error) => leftOut(`log line ${log_key}`.slice(0, 200), error),
    part.logs,
  )
  const refused = entries + spans + logs
  if (refused > 0)
    yield* sql`UPDATE projection_positions SET refused = refused + ${refused}::int
      WHERE source = ${part.source}`
})
