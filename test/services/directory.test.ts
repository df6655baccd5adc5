/** What only a database with true concurrency can show of the directory: that racing changes of a tenant wait for each other. */
import { randomBytes } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inject } from "vitest"
import { Changes, Database, Directory, Tenancy, tenantTables } from "../../resources/index.ts"

const rounds = 20

const directoryAt = (url: string) =>
  Directory.layer().pipe(
    Layer.provideMerge(
      Layer.merge(
        Changes.layerLocal,
        Tenancy.layer(tenantTables).pipe(
          Layer.provideMerge(
            Database.layer({ url: Redacted.make(url), maxConnections: 8 }).pipe(Layer.fresh),
          ),
        ),
      ),
    ),
  )

const newTenant = () => `race${randomBytes(6).toString("hex")}`
const system = (tenant: string) => ({ tenant, user: "system" })
const login = (tenant: string, username: string) =>
  Directory.use(({ provision }) =>
    provision(
      tenant,
      { issuer: "i", subject: username, username, email: `${username}@example.test`, groups: ["one", "two"] },
      system(tenant),
    ),
  )
const atOnce = { concurrency: "unbounded" } as const

describe.each(inject("databases"))("on %s", (_, url) => {
  it.live("of two administrators that resign at once, one stays", () =>
    Effect.gen(function* () {
      const { grantRole, revokeRole, users } = yield* Directory
      for (let round = 0; round < rounds; round++) {
        const tenant = newTenant()
        const both = [yield* login(tenant, "a"), yield* login(tenant, "b")]
        for (const { id } of both) yield* grantRole(system(tenant), id, "ADMIN")
        yield* Effect.all(
          both.map(({ id }) => Effect.exit(revokeRole(system(tenant), id, "ADMIN"))),
          atOnce,
        )
        expect((yield* users(tenant, { page: 1, limit: 10, role: "ADMIN" })).total).toBe(1)
      }
    }).pipe(Effect.provide(directoryAt(url))),
  )

  it.live("first logins at once make one user each, and each group once", () =>
    Effect.gen(function* () {
      const { users, groups } = yield* Directory
      for (let round = 0; round < rounds; round++) {
        const tenant = newTenant()
        yield* Effect.all(
          ["a", "a", "b", "b"].map((username) => login(tenant, username)),
          atOnce,
        )
        expect((yield* users(tenant, { page: 1, limit: 10 })).total).toBe(2)
        const { rows } = yield* groups(tenant, { page: 1, limit: 10 })
        expect(rows.map(({ name, members }) => [name, members])).toEqual([
          ["one", 2],
          ["two", 2],
        ])
      }
    }).pipe(Effect.provide(directoryAt(url))),
  )

  it.live("a role is not deleted under somebody who gets it at the same time", () =>
    Effect.gen(function* () {
      const { createRole, deleteRole, grantRole, roles, user } = yield* Directory
      for (let round = 0; round < rounds; round++) {
        const tenant = newTenant()
        const { id } = yield* login(tenant, "a")
        yield* createRole(system(tenant), { name: "R", description: "", permissions: [] })
        yield* Effect.all(
          [Effect.exit(grantRole(system(tenant), id, "R")), Effect.exit(deleteRole(system(tenant), "R"))],
          atOnce,
        )
        const there = (yield* roles(tenant)).some(({ name }) => name === "R")
        expect((yield* user(tenant, id)).roles.includes("R")).toBe(there)
      }
    }).pipe(Effect.provide(directoryAt(url))),
  )
})
