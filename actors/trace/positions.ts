/**
 * How far each source is projected, and the fence that keeps two projectors apart: rows and the position behind them
 * are one transaction, and the position only moves from where its writer read it.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type Rows, rowsJson } from "./rows.ts"

/** A stretch of one source, from the position after which it begins to the one at which it ends. */
export interface Part extends Rows {
  readonly source: string
  readonly after: number
  readonly through: number
  /** Why the source goes no further: the next record cannot be read. */
  readonly halted: string | null
}

export interface StoredPosition {
  readonly source: string
  readonly position: number
  readonly halted: string | null
}

/** Another projector has moved a position since it was read: nothing was written. */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", {
  sources: Schema.Array(Schema.String),
}) {}

export const journalSource = (partition: number): string => `journal/${partition}`
export const traceSource = "trace"

export const readPositions = (sql: SqlClient): Effect.Effect<ReadonlyArray<StoredPosition>, SqlError> =>
  sql<StoredPosition>`SELECT source, position::float8 AS position, halted FROM projection_positions`

/** Makes the rows of sources that have none, at 0. Idempotent. */
export const ensurePositions = (sql: SqlClient, sources: ReadonlyArray<string>) =>
  sql`INSERT INTO projection_positions (source, position)
    SELECT source, 0 FROM jsonb_array_elements_text(${JSON.stringify(sources)}::text::jsonb) AS t(source)
    ON CONFLICT (source) DO NOTHING`

/** The moves of several consecutive parts of several sources. */
const movesOf = (parts: ReadonlyArray<Part>) => {
  const moves = new Map<string, Pick<Part, "source" | "after" | "through" | "halted">>()
  for (const { source, after, through, halted } of parts)
    moves.set(source, { source, after: moves.get(source)?.after ?? after, through, halted })
  return [...moves.values()]
}

/** Writes parts and moves their sources on. Atomicity: all or nothing. Errors: `Fenced`. */
export const write = (sql: SqlClient, parts: ReadonlyArray<Part>): Effect.Effect<void, SqlError | Fenced> =>
  Effect.gen(function* () {
    const moves = movesOf(parts)
    const moved = yield* sql<{ source: string }>`
      UPDATE projection_positions AS stored
      SET position = move.through, halted = move.halted, updated_at = now()
      FROM jsonb_to_recordset(${JSON.stringify(moves)}::text::jsonb)
        AS move(source text, after bigint, through bigint, halted text)
      WHERE stored.source = move.source AND stored.position = move.after
      RETURNING stored.source`
    if (moved.length < moves.length) return yield* new Fenced({ sources: moves.map(({ source }) => source) })
    yield* insertAll(sql, {
      entries: parts.flatMap(({ entries }) => entries),
      spans: parts.flatMap(({ spans }) => spans),
      logs: parts.flatMap(({ logs }) => logs),
    })
  }).pipe(sql.withTransaction)

/** A span may have been published twice: then the first one stays. */
const insertAll = Effect.fnUntraced(function* (sql: SqlClient, { entries, spans, logs }: Rows) {
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
