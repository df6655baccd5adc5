/** That tenants are kept apart by PostgreSQL itself: in one database, in databases of their own, and for poor login roles. */
import { randomBytes } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { inject } from "vitest"
import {
  Changes,
  Database,
  makeOwnDatabases,
  migrateAllTenants,
  recordChanges,
  Secrets,
  Tenancy,
  Tenants,
  tenantTables,
} from "../../resources/index.ts"
import { interruptEverywhere, untouched } from "../support/interrupted-work.ts"

const by = { tenant: "default", user: "root" }
const name = () => `t${randomBytes(6).toString("hex")}`

const databaseAt = (url: string) =>
  Database.layer({ url: Redacted.make(url), maxConnections: 4 }).pipe(Layer.fresh)

const at = (url: string, part: { readonly database?: string; readonly login?: string }): string => {
  const address = new URL(url)
  if (part.database !== undefined) address.pathname = `/${part.database}`
  if (part.login !== undefined) {
    address.username = part.login
    address.password = "secret"
  }
  return address.href
}

// Always the same: the database of TEST_POSTGRES_URL stays.
const secrets = Secrets.layer({ keys: [{ id: "k", key: Buffer.alloc(32, 7) }] })
const platformAt = (url: string) =>
  Tenants.layer.pipe(
    Layer.provideMerge(Tenancy.layerRouted(tenantTables)),
    Layer.provideMerge(Layer.mergeAll(databaseAt(url), secrets, Changes.layerLocal)),
  )

/** A new empty database; it goes away with its server. */
const newDatabase = (url: string, owner?: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const database = name()
    yield* sql.unsafe(`CREATE DATABASE ${database}${owner === undefined ? "" : ` OWNER ${owner}`}`).unprepared
    return at(url, { database, ...(owner === undefined ? {} : { login: owner }) })
  }).pipe(Effect.provide(databaseAt(url)))

const statement = (url: string, text: string) =>
  Effect.gen(function* () {
    return yield* (yield* SqlClient).unsafe<Record<string, unknown>>(text).unprepared
  }).pipe(Effect.provide(databaseAt(url)))

const note = (tenant: string, objectId = "1") =>
  Tenancy.use(({ within }) =>
    within(tenant, (sql) =>
      recordChanges(sql, { tenant, user: "u" }, [{ action: "thing.change", objectType: "thing", objectId }]),
    ),
  )

const rowsAt = (url: string) =>
  Effect.map(statement(url, "SELECT tenant FROM audit_log WHERE object_type = 'thing'"), (rows) =>
    rows.map(({ tenant }) => tenant),
  )

for (const [title, server] of inject("databases"))
  describe(`tenants on ${title}`, () => {
    it.live("lose nothing to work that is interrupted, whenever that is: its connection is as it was", () =>
      Effect.gen(function* () {
        const states = yield* Effect.provide(interruptEverywhere(4), platformAt(server))
        expect(states).toEqual(states.map(() => untouched))
      }),
    )

    it.effect("with databases of their own have their rows there and nowhere else", () =>
      Effect.gen(function* () {
        const main = yield* newDatabase(server)
        const own = yield* newDatabase(server)
        yield* Effect.gen(function* () {
          const tenants = yield* Tenants
          yield* tenants.create(by, { id: "shared", name: "Shared" })
          const made = yield* tenants.create(by, { id: "apart", name: "Apart", database_url: own })
          expect(made).toMatchObject({ id: "apart", own_database: true, state: "active", version: 1 })
          yield* note("shared")
          yield* note("apart")
          expect(yield* rowsAt(main)).toEqual(["shared"])
          expect(yield* rowsAt(own)).toEqual(["apart"])
          const [stored] = yield* statement(main, "SELECT database_url FROM tenants WHERE id = 'apart'")
          expect(String(stored?.database_url)).not.toContain("127.0.0.1")
          const progress: Array<string> = []
          yield* migrateAllTenants(({ tenant, number, of }) =>
            Effect.sync(() => void progress.push(`${tenant} ${number}/${of}`)),
          )
          expect(progress).toEqual(["apart 1/1"])
        }).pipe(Effect.provide(platformAt(main)))
        // Another node that starts later finds the way as well, and applies row-level security there too.
        yield* Effect.gen(function* () {
          yield* note("apart", "2")
          const { within } = yield* Tenancy
          const foreign = within("apart", (sql) =>
            recordChanges(sql, { tenant: "shared", user: "u" }, [
              { action: "thing.change", objectType: "thing", objectId: "3" },
            ]),
          )
          expect((yield* Effect.exit(foreign))._tag).toBe("Failure")
        }).pipe(Effect.provide(Layer.fresh(platformAt(main))))
        expect(yield* rowsAt(own)).toEqual(["apart", "apart"])
      }),
    )

    it.effect("see their own rows only, whatever a connection did before", () =>
      Effect.gen(function* () {
        const main = yield* newDatabase(server)
        yield* Effect.gen(function* () {
          yield* note("a")
          yield* note("b")
          const { within } = yield* Tenancy
          const seenBy = (tenant: string) =>
            Effect.map(
              within(tenant, (sql) => sql<{ tenant: string }>`SELECT tenant FROM audit_log`),
              (rows) => rows.map((row) => row.tenant),
            )
          expect([yield* seenBy("a"), yield* seenBy("b"), yield* seenBy("c")]).toEqual([["a"], ["b"], []])
          for (let round = 0; round < 8; round++) {
            const failing = within("a", (sql) => sql`SELECT 1 / 0`)
            expect((yield* Effect.exit(failing))._tag).toBe("Failure")
            expect((yield* Effect.exit(within("a", () => Effect.interrupt)))._tag).toBe("Failure")
          }
          const sql = yield* SqlClient
          const whoIs = sql<{ who: string; tenant: string | null }>`
            SELECT current_user::text AS who, nullif(current_setting('millrace.tenant', true), '') AS tenant`
          const after = yield* Effect.all(
            Array.from({ length: 8 }, () => whoIs),
            { concurrency: "unbounded" },
          )
          expect(after.flat()).toEqual(Array(8).fill({ who: "postgres", tenant: null }))
        }).pipe(Effect.provide(platformAt(main)))
        const asRole = (parameter: string) =>
          Effect.gen(function* () {
            const sql = yield* SqlClient
            return yield* sql.withTransaction(
              Effect.gen(function* () {
                yield* sql`SET LOCAL ROLE millrace_tenant`
                if (parameter !== "") yield* sql`SELECT set_config('millrace.tenant', ${parameter}, true)`
                return (yield* sql`SELECT 1 FROM audit_log`).length
              }),
            )
          }).pipe(Effect.provide(databaseAt(main)))
        expect([yield* asRole(""), yield* asRole("c"), yield* asRole("a")]).toEqual([0, 0, 1])
      }),
    )

    it.effect("work for a login role that is no superuser, which is told what it lacks", () =>
      Effect.gen(function* () {
        const login = name()
        yield* statement(server, `CREATE ROLE ${login} LOGIN PASSWORD 'secret'`)
        const main = yield* newDatabase(server, login)
        // The administrator adds vectors on the way: a plain login role cannot.
        yield* statement(at(server, { database: new URL(main).pathname.slice(1) }), "SELECT 1")
        const refused = yield* Effect.flip(Effect.scoped(Layer.build(platformAt(main))))
        expect(String((refused as Error).message)).toContain(
          `CREATE ROLE millrace_tenant NOLOGIN; GRANT millrace_tenant TO "${login}";`,
        )
        yield* Effect.ignore(statement(server, "CREATE ROLE millrace_tenant NOLOGIN"))
        yield* statement(server, `GRANT millrace_tenant TO ${login}`)
        yield* Effect.gen(function* () {
          yield* note("a")
          yield* note("b")
          const { within } = yield* Tenancy
          const rows = yield* within("a", (sql) => sql`SELECT 1 FROM audit_log`)
          expect(rows.length).toBe(1)
        }).pipe(Effect.provide(platformAt(main)))
      }),
    )

    it.effect("are not made with a database that cannot be used, and the reason is told", () =>
      Effect.gen(function* () {
        const main = yield* newDatabase(server)
        const own = yield* newDatabase(server)
        yield* Effect.gen(function* () {
          const tenants = yield* Tenants
          yield* tenants.create(by, { id: "first", name: "First", database_url: own })
          const refusal = (id: string, database_url: string) =>
            Effect.map(Effect.flip(tenants.create(by, { id, name: id, database_url })), (error) => {
              expect(error).toMatchObject({ _tag: "Refused", details: { field: "database_url" } })
              const { code, details } = error as { code: string; details: Record<string, unknown> }
              expect(JSON.stringify(details)).not.toContain("hunter2")
              return [code, String(details.reason ?? "")]
            })
          const nowhere = new URL(at(server, { database: "nowhere" }))
          nowhere.password = "hunter2"
          expect(yield* refusal("x", nowhere.href)).toEqual([
            "TEN_DB_003",
            expect.stringMatching(/"nowhere" does not exist/),
          ])
          expect(yield* refusal("x", "http://127.0.0.1/x")).toEqual(["TEN_DB_002", ""])
          expect(yield* refusal("x", own)).toEqual(["TEN_DB_003", expect.stringMatching(/another tenant/)])
          expect(yield* refusal("x", main)).toEqual(["TEN_DB_003", expect.stringMatching(/the platform/)])
          expect(yield* tenants.find("x")).toBeUndefined()
        }).pipe(Effect.provide(platformAt(main)))
      }),
    )

    it.effect("are all migrated, past one whose database is away, and the others go on working", () =>
      Effect.gen(function* () {
        const main = yield* newDatabase(server)
        const [gone, there] = [yield* newDatabase(server), yield* newDatabase(server)]
        yield* Effect.gen(function* () {
          const tenants = yield* Tenants
          yield* tenants.create(by, { id: "gone", name: "Gone", database_url: gone })
          yield* tenants.create(by, { id: "there", name: "There", database_url: there })
          yield* statement(server, `DROP DATABASE ${new URL(gone).pathname.slice(1)} WITH (FORCE)`)
          const results = yield* migrateAllTenants(() => Effect.void)
          expect(results).toEqual([
            { tenant: "gone", number: 1, of: 2, failure: expect.stringMatching(/cannot be used/) },
            { tenant: "there", number: 2, of: 2 },
          ])
          expect((yield* Effect.flip(note("gone")))._tag).toBe("SqlError")
          yield* note("there")
          // What was away comes back without a restart.
          yield* statement(server, `CREATE DATABASE ${new URL(gone).pathname.slice(1)}`)
          yield* note("gone")
          expect(yield* rowsAt(gone)).toEqual(["gone"])
        }).pipe(Effect.provide(platformAt(main)))
      }),
    )

    it.effect("keep no more databases open than they may; the one unused for longest makes room", () =>
      Effect.gen(function* () {
        const urls = new Map<string, string>()
        for (const tenant of ["a", "b", "c"]) urls.set(tenant, yield* newDatabase(server))
        const databases = yield* makeOwnDatabases([], (tenant) => Effect.succeed(urls.get(tenant)!), 2)
        const whose = (tenant: string) =>
          Effect.flatMap(databases.get(tenant), (sql) => sql`SELECT tenant FROM tenant_home`)
        for (const tenant of ["a", "b", "c", "a"])
          expect(yield* Effect.scoped(whose(tenant))).toEqual([{ tenant }])
        expect(yield* databases.open).toBe(2)
        // Those in use stay: a third at the same time is refused.
        const third = Effect.andThen(whose("a"), Effect.andThen(whose("b"), whose("c")))
        expect((yield* Effect.exit(Effect.scoped(third)))._tag).toBe("Failure")
        expect(yield* Effect.scoped(whose("c"))).toEqual([{ tenant: "c" }])
      }).pipe(Effect.scoped),
    )
  })
