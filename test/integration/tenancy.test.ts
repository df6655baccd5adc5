/** That a tenant's work sees and changes its own rows only, whatever it forgets. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { recordChanges, Tenancy, tenantTables } from "../../resources/index.ts"
import { ephemeralDatabase } from "../support/database.ts"
import { interruptEverywhere, untouched } from "../support/interrupted-work.ts"

const tenancy = Tenancy.layer(tenantTables).pipe(Layer.provideMerge(ephemeralDatabase()))

layer(tenancy, { timeout: 60_000 })("a tenant's work", (it) => {
  it.effect("sees its own rows only, and cannot write others", () =>
    Effect.gen(function* () {
      const { within } = yield* Tenancy
      const write = (tenant: string, as = tenant) =>
        within(as, (sql) =>
          recordChanges(sql, { tenant, user: "u" }, [
            { action: "user.change", objectType: "user", objectId: "1", before: { a: 1 }, after: { a: 2 } },
          ]),
        )
      yield* write("a")
      yield* write("b")
      const seen = yield* within("a", (sql) => sql<{ tenant: string }>`SELECT tenant FROM audit_log`)
      expect(seen.map(({ tenant }) => tenant)).toEqual(["a"])
      expect((yield* Effect.exit(write("b", "a")))._tag).toBe("Failure")
    }),
  )

  it.effect("cannot rewrite the audit log", () =>
    Effect.gen(function* () {
      const { within, management } = yield* Tenancy
      const asTenant = within("a", (sql) => sql`UPDATE audit_log SET actor = 'x'`)
      expect((yield* Effect.exit(asTenant))._tag).toBe("Failure")
      expect((yield* Effect.exit(management`DELETE FROM audit_log`))._tag).toBe("Failure")
    }),
  )

  it.effect("never turns into another tenant's, and may be nested for the same one", () =>
    Effect.gen(function* () {
      const { within, management } = yield* Tenancy
      const nested = (inner: string) => within("a", () => within(inner, (sql) => sql`SELECT 1 AS one`))
      expect(yield* nested("a")).toEqual([{ one: 1 }])
      const mixed = yield* Effect.exit(nested("b"))
      expect(String(mixed)).toContain("inside work for the tenant a")
      const inPlatform = management.withTransaction(within("a", (sql) => sql`SELECT 1`))
      expect(String(yield* Effect.exit(inPlatform))).toContain("inside a transaction of the platform")
      // What is the platform's is out of reach for whoever works for a tenant.
      const platform = within("a", () => management`SELECT 1 FROM millrace_migrations`)
      expect((yield* Effect.exit(platform))._tag).toBe("Failure")
    }),
  )

  it.effect("leaves nothing behind in the one session when it is interrupted, whenever that is", () =>
    Effect.gen(function* () {
      const states = yield* interruptEverywhere(8)
      expect(states).toEqual(states.map(() => untouched))
    }),
  )
})
