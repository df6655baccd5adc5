/**
 * What every database behind `Database.layer` must do, embedded or not. Run it on a database of its own:
 * it makes tables and leaves them.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { SqlClient } from "effect/sql/SqlClient"
import {
  Database,
  type DatabaseServices,
  type Migration,
  migrate,
  migrateBack,
  vector,
} from "../../resources/index.ts"

const fibers = 16
const rowsPerFiber = 10

/** Its own physical connection, beside the pool. */
const connection = Effect.flatMap(PgClient.PgClient, ({ config }) => PgConnection.make(config))

const migrations: ReadonlyArray<Migration> = [
  {
    id: "0001_mills",
    up: "CREATE TABLE mill (id int PRIMARY KEY); INSERT INTO mill SELECT generate_series(1, 3);",
    down: "DROP TABLE mill;",
  },
  {
    id: "0002_wheels",
    up: "ALTER TABLE mill ADD wheels int DEFAULT 2",
    down: "ALTER TABLE mill DROP wheels",
  },
]

export const databaseContract = (title: string, database: Layer.Layer<DatabaseServices, unknown>): void => {
  layer(database, { excludeTestServices: true, timeout: "2 minutes" })(title, (it) => {
    it.effect("overlapping transactions see their own rows and nobody else's", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* sql`CREATE TABLE overlap (fiber int, row int, PRIMARY KEY (fiber, row))`
        const transaction = (fiber: number) =>
          Effect.gen(function* () {
            for (let row = 0; row < rowsPerFiber; row++) {
              yield* sql`INSERT INTO overlap ${sql.insert({ fiber, row })}`
              const rows = yield* sql<{ asked: number; found: bigint }>`
                SELECT ${fiber}::int AS asked, count(*) AS found FROM overlap WHERE fiber = ${fiber}`
              expect(rows).toEqual([{ asked: fiber, found: BigInt(row + 1) }])
            }
            if (fiber % 2 === 1) return yield* Effect.fail("rolled back")
          }).pipe(sql.withTransaction, Effect.ignore)
        const single = (fiber: number) =>
          Effect.map(sql<{ asked: number }>`SELECT ${fiber}::int AS asked`, (rows) =>
            expect(rows).toEqual([{ asked: fiber }]),
          )
        const work = Array.from({ length: fibers }, (_, fiber) => [transaction(fiber), single(fiber)]).flat()
        yield* Effect.all(work, { concurrency: "unbounded", discard: true })
        const kept = yield* sql`SELECT fiber, count(*) AS rows FROM overlap GROUP BY fiber ORDER BY fiber`
        const even = Array.from({ length: fibers / 2 }, (_, half) => ({
          fiber: 2 * half,
          rows: BigInt(rowsPerFiber),
        }))
        expect(kept).toEqual(even)
      }),
    )

    it.effect("a connection that closes inside a transaction is rolled back", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* sql`CREATE TABLE abandoned (id int PRIMARY KEY)`
        const scope = yield* Scope.make()
        const leaving = yield* Scope.provide(connection, scope)
        yield* leaving.query("BEGIN")
        yield* leaving.query("INSERT INTO abandoned VALUES (1)")
        yield* Scope.close(scope, Exit.void)
        // The same key can be taken only once the transaction that holds it is gone.
        yield* sql`INSERT INTO abandoned VALUES (1)`
        expect(yield* sql`SELECT id FROM abandoned`).toEqual([{ id: 1 }])
      }),
    )

    it.effect("a notification reaches every listening connection, and goes on when one stops", () =>
      Effect.gen(function* () {
        const client = yield* PgClient.PgClient
        const staying = yield* client.listen("mill")
        const scope = yield* Scope.make()
        const leaving = yield* Scope.provide(client.listen("mill"), scope)
        yield* client.notify("mill", "first")
        expect((yield* Queue.take(staying)).payload).toBe("first")
        expect((yield* Queue.take(leaving)).payload).toBe("first")
        yield* Scope.close(scope, Exit.void)
        yield* client.notify("mill", "second")
        expect((yield* Queue.take(staying)).payload).toBe("second")
      }).pipe(Effect.scoped),
    )

    it.effect("a notification of a transaction that is rolled back is not heard", () =>
      Effect.gen(function* () {
        const client = yield* PgClient.PgClient
        const heard = yield* client.listen("wheel")
        const announce = client`SELECT pg_notify('wheel', 'never')`.pipe(Effect.andThen(Effect.fail("undo")))
        yield* Effect.ignore(client.withTransaction(announce))
        yield* client.notify("wheel", "after")
        expect((yield* Queue.take(heard)).payload).toBe("after")
      }).pipe(Effect.scoped),
    )

    it.effect("an error inside a transaction leaves the connection usable", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* sql`CREATE TABLE recovery (id int PRIMARY KEY)`
        const twice = sql`INSERT INTO recovery VALUES (1)`.pipe(
          Effect.andThen(sql`INSERT INTO recovery VALUES (1)`),
        )
        const failure = yield* Effect.flip(sql.withTransaction(twice))
        expect(failure.reason._tag).toBe("UniqueViolation")
        const nested = Effect.gen(function* () {
          yield* sql`INSERT INTO recovery VALUES (2)`
          yield* Effect.ignore(sql.withTransaction(twice))
          yield* sql`INSERT INTO recovery VALUES (3)`
        })
        yield* sql.withTransaction(nested)
        expect(yield* sql`SELECT id FROM recovery ORDER BY id`).toEqual([{ id: 2 }, { id: 3 }])
        const syntax = yield* Effect.flip(sql`SELEKT 1`)
        expect(syntax.reason._tag).toBe("SqlSyntaxError")
        expect(yield* sql`SELECT 1 AS one`).toEqual([{ one: 1 }])
      }),
    )

    it.effect("nodes that migrate at once apply every migration once", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const ids = migrations.map(({ id }) => id)
        const applied = yield* Effect.all(
          Array.from({ length: 4 }, () => migrate(sql, migrations, { set: "together" })),
          { concurrency: "unbounded" },
        )
        expect(applied.flat()).toEqual(ids)
        expect(yield* sql`SELECT count(*) AS mills, sum(wheels) AS wheels FROM mill`).toEqual([
          { mills: 3n, wheels: 6n },
        ])
        expect(yield* migrateBack(sql, migrations, { set: "together", to: "0001_mills" })).toEqual([
          "0002_wheels",
        ])
        expect(yield* migrateBack(sql, migrations, { set: "together" })).toEqual(["0001_mills"])
        expect(yield* sql`SELECT to_regclass('mill')::text AS mill`).toEqual([{ mill: null }])
      }),
    )

    it.effect("a migration that was changed, slipped in, or fails is refused and leaves nothing", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const step = (id: string, up: string): Migration => ({ id, up, down: "SELECT 1" })
        const first = step("0002_first", "CREATE TABLE refused (id int)")
        yield* migrate(sql, [first], { set: "refused" })
        const run = (list: ReadonlyArray<Migration>) => Effect.flip(migrate(sql, list, { set: "refused" }))
        expect(yield* run([step("0002_first", "SELECT 2")])).toMatchObject({ code: "migration-changed" })
        expect(yield* run([step("0001_early", "SELECT 1"), first])).toMatchObject({
          code: "migration-out-of-order",
        })
        const broken = step("0003_broken", "CREATE TABLE half (id int); SELECT nothing FROM nowhere")
        expect(yield* run([first, broken])).toMatchObject({ code: "migration-failed", id: "0003_broken" })
        expect(yield* sql`SELECT to_regclass('half')::text AS half`).toEqual([{ half: null }])
        expect(yield* migrate(sql, [first], { set: "refused" })).toEqual([])
      }),
    )

    it.effect("vectors are ordered by distance and come back as numbers", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        expect((yield* Database).hasVector).toBe(true)
        yield* sql`CREATE TABLE embedding (id int PRIMARY KEY, place vector(3))`
        const places = [
          [0, 0, 0],
          [1, 2, 3],
          [0.5, 0.25, 0],
        ]
        yield* Effect.forEach(
          places,
          (place, id) => sql`INSERT INTO embedding VALUES (${id}, ${vector(place)})`,
        )
        const nearest = yield* sql<{ id: number; place: Float32Array }>`
          SELECT id, place FROM embedding ORDER BY place <-> ${vector([1, 1, 1])}, id LIMIT 2`
        expect(nearest.map(({ id }) => id)).toEqual([2, 0])
        expect(Array.from(nearest[0]!.place)).toEqual([0.5, 0.25, 0])
        expect(yield* sql`SELECT array_agg(place ORDER BY id) AS places FROM embedding`).toEqual([
          { places: places.map((place) => Float32Array.from(place)) },
        ])
      }),
    )

    it.effect("large rows and parameters arrive whole", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* sql`CREATE TABLE large (id int PRIMARY KEY, words text, bytes bytea)`
        const words = "millrace ".repeat(900_000)
        const bytes = Uint8Array.from({ length: 5_000_000 }, (_, index) => (index * 31) % 251)
        yield* sql`INSERT INTO large VALUES (1, ${words}, ${PgTypes.bytea(bytes)})`
        const rows = yield* sql<{ words: string; bytes: Uint8Array }>`SELECT words, bytes FROM large`
        expect(rows[0]!.words === words).toBe(true)
        expect(Buffer.compare(rows[0]!.bytes, bytes)).toBe(0)
      }),
    )

    it.effect("a long result streams in order while other statements run", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const rows = 20_000
        const numbers = sql<{ n: number }>`SELECT n FROM generate_series(1, ${rows}::int) AS n`.stream
        const inOrder = yield* Stream.runFoldEffect(
          numbers,
          () => 0,
          (previous, { n }) =>
            n % 1000 === 0
              ? Effect.map(sql<{ n: number }>`SELECT ${n}::int AS n`, (echo) => echo[0]!.n)
              : Effect.succeed(n === previous + 1 ? n : -1),
        )
        expect(inOrder).toBe(rows)
      }),
    )

    it.effect("values keep their types: bigint counts, JSON, times and arrays", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const at = new Date("2026-11-21T00:00:00.123Z")
        const rows = yield* sql`SELECT
          count(*) AS many,
          ${PgTypes.jsonb({ nested: [1, "two"] })} AS json,
          ${at}::timestamptz AS at,
          ${Result.getOrThrow(PgTypes.array([1, 2], PgTypes.OID.int4))} AS whole,
          NULL::text AS nothing`
        expect(rows).toEqual([{ many: 1n, json: { nested: [1, "two"] }, at, whole: [1, 2], nothing: null }])
      }),
    )

    it.effect("it says that it is up", () =>
      Effect.gen(function* () {
        const database = yield* Database
        const health = yield* database.health
        expect(health).toMatchObject({ status: "up", mode: database.mode, version: database.version })
        expect(health.latencyMs).toBeGreaterThanOrEqual(0)
      }),
    )
  })
}
