/**
 * Brings a set of tables to the shape the code expects, and back. Several nodes may run it at once: each
 * run is one transaction behind an exclusive table lock, so a set is migrated once and wholly or not at
 * all. What was applied is recorded with a checksum; changing the checksum's input makes every database refuse.
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { MigrationChanged, type MigrationError, MigrationFailed, MigrationOutOfOrder } from "./errors.ts"

/** One step of a set. `up` and `down` may hold several statements, but none that cannot run in a transaction. */
export interface Migration {
  /** Shape: sorts in the order of application, such as `0001_spans`. */
  readonly id: string
  readonly up: string
  readonly down: string
}

export interface MigrateOptions {
  /** Whose migrations these are, such as `actors/agent`: ids are unique within a set. Default: `millrace`. */
  readonly set?: string
}

interface Recorded {
  readonly id: string
  readonly checksum: string
}

const defaultSet = "millrace"

/** Nodes that start together race to create the record table; the losers' error tells nothing. */
const createTable = (sql: SqlClient) =>
  sql`CREATE TABLE IF NOT EXISTS millrace_migrations (
    set_name text NOT NULL,
    id text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (set_name, id)
  )`.pipe(Effect.retry({ times: 3 }))

export const checksumOf = (migration: Migration): string =>
  createHash("sha256")
    .update(JSON.stringify([migration.up, migration.down]))
    .digest("hex")
    .slice(0, 32)

/** One statement that runs several: the client's protocol takes one at a time. */
const block = (text: string): string => {
  const tag = `$migration_${createHash("sha256").update(text).digest("hex").slice(0, 12)}`
  return `DO ${tag}_do$ BEGIN EXECUTE ${tag}$${text}${tag}$; END ${tag}_do$`
}

const locked = <A, E>(
  sql: SqlClient,
  set: string,
  work: (recorded: ReadonlyArray<Recorded>) => Effect.Effect<A, E>,
) =>
  Effect.gen(function* () {
    yield* sql`LOCK TABLE millrace_migrations IN ACCESS EXCLUSIVE MODE`
    const recorded = yield* sql<Recorded>`
      SELECT id, checksum FROM millrace_migrations WHERE set_name = ${set} ORDER BY id COLLATE "C"`
    return yield* work(recorded)
  }).pipe(sql.withTransaction)

/** The list must ascend, agree with what was applied, and not slip anything in before it. */
const checkList = Effect.fnUntraced(function* (
  set: string,
  migrations: ReadonlyArray<Migration>,
  recorded: ReadonlyArray<Recorded>,
) {
  const checksums = new Map(recorded.map(({ id, checksum }) => [id, checksum]))
  let previous = ""
  let pending = ""
  for (const migration of migrations) {
    const { id } = migration
    if (id <= previous) return yield* new MigrationOutOfOrder({ set, id, after: previous })
    previous = id
    const checksum = checksums.get(id)
    if (checksum === undefined) {
      pending ||= id
      continue
    }
    if (pending !== "") return yield* new MigrationOutOfOrder({ set, id: pending, after: id })
    const found = checksumOf(migration)
    if (found !== checksum) return yield* new MigrationChanged({ set, id, recorded: checksum, found })
  }
  return checksums
})

const run = (sql: SqlClient, set: string, { id, up, down }: Migration, direction: "up" | "down") =>
  sql
    .unsafe(block(direction === "up" ? up : down))
    .unprepared.pipe(Effect.mapError((cause) => new MigrationFailed({ set, id, direction, cause })))

/**
 * Applies what is not yet applied, in order, and returns the ids it applied. Idempotent. What a newer
 * version applied beyond the list is left alone, so that versions can be mixed while they roll out.
 *
 * Errors: `MigrationChanged`, `MigrationOutOfOrder`, `MigrationFailed`; nothing of this run is kept then.
 */
export const migrate = Effect.fn("migrate")(function* (
  sql: SqlClient,
  migrations: ReadonlyArray<Migration>,
  { set = defaultSet }: MigrateOptions = {},
): Effect.fn.Return<ReadonlyArray<string>, MigrationError | SqlError> {
  yield* createTable(sql)
  return yield* locked(
    sql,
    set,
    Effect.fnUntraced(function* (recorded) {
      const checksums = yield* checkList(set, migrations, recorded)
      const pending = migrations.filter(({ id }) => !checksums.has(id))
      for (const migration of pending) {
        yield* run(sql, set, migration, "up")
        const checksum = checksumOf(migration)
        yield* sql`INSERT INTO millrace_migrations ${sql.insert({ set_name: set, id: migration.id, checksum })}`
      }
      return pending.map(({ id }) => id)
    }),
  )
})

/**
 * Takes back, newest first, what was applied after `to`, or everything without it; returns the ids.
 *
 * Errors: as `migrate`.
 */
export const migrateBack = Effect.fn("migrateBack")(function* (
  sql: SqlClient,
  migrations: ReadonlyArray<Migration>,
  { set = defaultSet, to = "" }: MigrateOptions & { readonly to?: string } = {},
): Effect.fn.Return<ReadonlyArray<string>, MigrationError | SqlError> {
  yield* createTable(sql)
  return yield* locked(
    sql,
    set,
    Effect.fnUntraced(function* (recorded) {
      const checksums = yield* checkList(set, migrations, recorded)
      const applied = migrations.filter(({ id }) => id > to && checksums.has(id)).reverse()
      for (const migration of applied) {
        yield* run(sql, set, migration, "down")
        yield* sql`DELETE FROM millrace_migrations WHERE set_name = ${set} AND id = ${migration.id}`
      }
      return applied.map(({ id }) => id)
    }),
  )
})
