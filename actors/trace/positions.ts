/**
 * How far each source is projected, and the fence that keeps two projectors apart: rows and the position behind them
 * are one transaction, and the position only moves from where its writer read it.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { countEntries } from "../statistics/entries.ts"
import { insertRows, insertWhatIsTaken, isRefusal } from "./insert.ts"
import type { Rows } from "./rows.ts"

/** A stretch of one source, from the position after which it begins to the one at which it ends. */
export interface Part extends Rows {
  readonly source: string
  readonly after: number
  readonly through: number
  /** Why the source goes no further: the next record cannot be read. */
  readonly halted: string | null
  /** Places before one of its records where earlier ones were missing. */
  readonly gaps: number
}

export interface StoredPosition {
  readonly source: string
  readonly position: number
  readonly halted: string | null
  readonly gaps: number
  readonly refused: number
}

/** Another projector has moved a position since it was read: nothing was written. */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", {
  sources: Schema.Array(Schema.String),
}) {}

export const journalSource = (partition: number): string => `journal/${partition}`
export const traceSource = "trace"

export const readPositions = (sql: SqlClient): Effect.Effect<ReadonlyArray<StoredPosition>, SqlError> =>
  sql<StoredPosition>`
    SELECT source, position::float8 AS position, halted, gaps::float8 AS gaps, refused::float8 AS refused
    FROM projection_positions`

/** Makes the rows of sources that have none, at 0. Idempotent. */
export const ensurePositions = (sql: SqlClient, sources: ReadonlyArray<string>) =>
  sql`INSERT INTO projection_positions (source, position)
    SELECT source, 0 FROM jsonb_array_elements_text(${JSON.stringify(sources)}::text::jsonb) AS t(source)
    ON CONFLICT (source) DO NOTHING`

type Move = Pick<Part, "source" | "after" | "through" | "halted" | "gaps">

/** The moves of several consecutive parts of several sources. */
const movesOf = (parts: ReadonlyArray<Part>): ReadonlyArray<Move> => {
  const moves = new Map<string, Move>()
  for (const { source, after, through, halted, gaps } of parts) {
    const earlier = moves.get(source)
    moves.set(source, {
      source,
      after: earlier?.after ?? after,
      through,
      halted,
      gaps: gaps + (earlier?.gaps ?? 0),
    })
  }
  return [...moves.values()]
}

/** Moves the sources of some parts on and does `insert`. Atomicity: all or nothing. */
const moving = <E>(sql: SqlClient, parts: ReadonlyArray<Part>, insert: Effect.Effect<void, E>) =>
  Effect.gen(function* () {
    const moves = movesOf(parts)
    const moved = yield* sql<{ source: string }>`
      UPDATE projection_positions AS stored
      SET position = move.through, halted = move.halted, gaps = stored.gaps + move.gaps, updated_at = now()
      FROM jsonb_to_recordset(${JSON.stringify(moves)}::text::jsonb)
        AS move(source text, after bigint, through bigint, halted text, gaps bigint)
      WHERE stored.source = move.source AND stored.position = move.after
      RETURNING stored.source`
    if (moved.length < moves.length) return yield* new Fenced({ sources: moves.map(({ source }) => source) })
    yield* insert
  }).pipe(sql.withTransaction)

/**
 * Writes parts and moves their sources on; a row that the database refuses is left out, logged and counted. Atomicity:
 * all or nothing of the rest. Errors: `Fenced`.
 */
export const write = (sql: SqlClient, parts: ReadonlyArray<Part>): Effect.Effect<void, SqlError | Fenced> =>
  Effect.catchIf(
    moving(sql, parts, Effect.andThen(insertRows(sql, rowsOf(parts)), count(sql, parts))),
    isRefusal,
    () => {
      const insert = Effect.forEach(parts, (part) => insertWhatIsTaken(sql, part), { discard: true })
      return moving(sql, parts, Effect.andThen(insert, count(sql, parts)))
    },
  )

/** What is left out as a row has happened all the same. */
const count = (sql: SqlClient, parts: ReadonlyArray<Part>) => countEntries(sql, rowsOf(parts).entries)

const rowsOf = (parts: ReadonlyArray<Part>): Rows => ({
  entries: parts.flatMap(({ entries }) => entries),
  spans: parts.flatMap(({ spans }) => spans),
  logs: parts.flatMap(({ logs }) => logs),
})
