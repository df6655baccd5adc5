/** That every change is in the audit log as it was, and that whoever changes the log afterwards is found out. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { SqlClient } from "effect/sql/SqlClient"
import fc from "fast-check"
import { KeyValue } from "../../engine/index.ts"
import { none } from "../../engine/memory/interference.ts"
import { makeKeyValue } from "../../engine/memory/key-value.ts"
import { makeStores } from "../../engine/testkit/memory-deployment.ts"
import {
  anchorAudits,
  auditPage,
  auditStream,
  recordChanges,
  Tenancy,
  tenantTables,
  verifyAudit,
} from "../../resources/index.ts"
import { ephemeralDatabase } from "../support/database.ts"

const values = Layer.sync(KeyValue.KeyValue, () => makeKeyValue(makeStores({ now: () => 0 }).values, none))
const services = Tenancy.layer(tenantTables).pipe(
  Layer.provideMerge(ephemeralDatabase()),
  Layer.merge(values),
)

const record = (tenant: string, changes: ReadonlyArray<{ before?: unknown; after?: unknown; id?: string }>) =>
  Tenancy.use(({ within }) =>
    within(tenant, (sql) =>
      recordChanges(
        sql,
        { tenant, user: `u-${tenant}`, requestId: "r", address: "127.0.0.1" },
        changes.map(({ id = "1", ...change }) => ({
          action: "thing.change",
          objectType: "thing",
          objectId: id,
          ...change,
        })),
      ),
    ),
  )

/** As somebody who owns the database and hides what they do. */
const tampering = (work: (sql: SqlClient) => Effect.Effect<unknown, unknown>) =>
  Tenancy.use(({ management: sql }) =>
    sql`ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only`.pipe(
      Effect.andThen(work(sql)),
      Effect.ensuring(Effect.ignore(sql`ALTER TABLE audit_log ENABLE TRIGGER audit_log_append_only`)),
    ),
  )

let tenants = 0
const newTenant = () => `t${++tenants}`

layer(services, { excludeTestServices: true, timeout: "3 minutes" })("the audit log", (it) => {
  it.effect("verifies whatever values were recorded, strange ones included", () =>
    Effect.gen(function* () {
      const anything = fc.oneof(
        fc.jsonValue({ maxDepth: 4 }),
        fc.double(),
        fc.string({ unit: "binary" }),
        fc.object(),
        fc.constantFrom(-0, 1e308, 5e-324, 2 ** 60, "\u0000", "\ud800", "\uDC00x", {
          "\u0000": 1,
          "1": 2,
          a: -0,
        }),
      )
      const changes = fc.array(fc.tuple(anything, anything, fc.string()), { maxLength: 4 })
      for (const all of fc.sample(changes, 60)) {
        const tenant = newTenant()
        yield* record(
          tenant,
          all.map(([before, after, id]) => ({ before, after, id })),
        )
        expect(yield* verifyAudit(tenant)).toMatchObject({ valid: true, entries: all.length })
      }
    }),
  )

  it.effect("tells where it was changed, whichever field of whichever entry it was", () =>
    Effect.gen(function* () {
      const tenant = newTenant()
      yield* record(
        tenant,
        Array.from({ length: 12 }, (_, index) => ({ before: { index }, after: { index: index + 1 } })),
      )
      const changes = [
        "at = at + interval '1 millisecond'",
        "actor = 'somebody else'",
        "action = 'thing.read'",
        "object_type = 'other'",
        "object_id = '2'",
        "before = NULL",
        `after = '{"index": 99}'`,
        "request_id = NULL",
        "trace_id = 'x'",
        "address = NULL",
        "previous_hash = hash",
        "hash = previous_hash",
        "sequence = sequence + 100",
      ]
      const backup = `backup_${tenant}`
      yield* tampering(
        (sql) => sql`CREATE TABLE ${sql(backup)} AS SELECT * FROM audit_log WHERE tenant = ${tenant}`,
      )
      const restore = (sql: SqlClient) =>
        Effect.andThen(
          sql`DELETE FROM audit_log WHERE tenant = ${tenant}`,
          sql`INSERT INTO audit_log SELECT * FROM ${sql(backup)}`,
        )
      for (const [index, change] of changes.entries()) {
        const sequence = (index % 12) + 1
        yield* tampering((sql) =>
          sql.unsafe(`UPDATE audit_log SET ${change} WHERE tenant = '${tenant}' AND sequence = ${sequence}`),
        )
        expect([change, yield* verifyAudit(tenant)]).toEqual([
          change,
          { valid: false, entries: sequence - 1, broken_at: sequence, fault: expect.any(String) },
        ])
        yield* tampering(restore)
      }
      for (const sequence of [1, 6, 12]) {
        yield* tampering(
          (sql) => sql`DELETE FROM audit_log WHERE tenant = ${tenant} AND sequence = ${sequence}::int`,
        )
        expect(yield* verifyAudit(tenant)).toMatchObject({ valid: false, broken_at: sequence })
        yield* tampering(restore)
      }
      yield* tampering(
        (sql) => sql`UPDATE audit_log SET actor = CASE sequence WHEN 3 THEN 'x' ELSE 'y' END,
          sequence = -sequence WHERE tenant = ${tenant} AND sequence IN (3, 4)`,
      )
      yield* tampering(
        (sql) => sql`UPDATE audit_log SET sequence = 7 + sequence WHERE tenant = ${tenant} AND sequence < 0`,
      )
      expect(yield* verifyAudit(tenant)).toMatchObject({ valid: false, broken_at: 3 })
      yield* tampering(restore)
      expect(yield* verifyAudit(tenant)).toEqual({ valid: true, entries: 12, anchored_to: 12 })
    }),
  )

  it.effect("shows a chain that was cut or written anew as a whole, once its end was noted", () =>
    Effect.gen(function* () {
      const tenant = newTenant()
      yield* record(tenant, [{ after: 1 }, { after: 2 }, { after: 3 }])
      yield* anchorAudits([tenant])
      const forget = (sql: SqlClient) =>
        Effect.andThen(
          sql`DELETE FROM audit_log WHERE tenant = ${tenant}`,
          sql`DELETE FROM audit_heads WHERE tenant = ${tenant}`,
        )
      yield* tampering(forget)
      yield* record(tenant, [{ after: 1 }, { after: 2 }])
      expect(yield* verifyAudit(tenant)).toMatchObject({ valid: false, broken_at: 3, fault: "shortened" })
      yield* record(tenant, [{ after: "harmless" }, { after: 4 }])
      expect(yield* verifyAudit(tenant)).toMatchObject({ valid: false, broken_at: 3, fault: "rewritten" })
    }),
  )

  it.effect("leaves out what is too large, and says how large it was", () =>
    Effect.gen(function* () {
      const tenant = newTenant()
      const large = Array.from({ length: 200 }, () => "x".repeat(1_000))
      yield* record(tenant, [{ before: large, after: "small", id: "y".repeat(5_000) }])
      const { entries } = yield* auditPage(tenant, {}, { limit: 10 })
      expect(entries[0]).toMatchObject({
        before: { left_out: { limit: "valueBytesMax", bytes_max: 32_768, bytes: expect.any(Number) } },
        after: "small",
      })
      expect(entries[0]!.object_id.length).toBeLessThan(600)
      expect((yield* verifyAudit(tenant)).valid).toBe(true)
    }),
  )

  it.effect(
    "is read a page at a time, newest first, by its filters, and exported in order, by its tenant only",
    () =>
      Effect.gen(function* () {
        const [mine, other] = [newTenant(), newTenant()]
        for (const id of ["a", "b", "a", "c", "a"]) yield* record(mine, [{ id }])
        yield* record(other, [{ id: "a" }])
        const first = yield* auditPage(mine, { object_id: "a" }, { limit: 2 })
        expect(first.entries.map(({ sequence }) => sequence)).toEqual([5, 3])
        const second = yield* auditPage(mine, { object_id: "a" }, { limit: 2, before: first.next })
        expect([second.entries.map(({ sequence }) => sequence), second.next]).toEqual([[1], undefined])
        const { at } = first.entries[0]!
        const none = yield* auditPage(mine, { actor: `u-${other}` }, { limit: 2 })
        expect(none.entries).toEqual([])
        const since = yield* auditPage(mine, { from: at, action: "thing.change" }, { limit: 10 })
        expect(since.entries.every((entry) => entry.at >= at && entry.tenant === mine)).toBe(true)
        expect((yield* auditPage(mine, { to: "2001-01-01T00:00:00Z" }, { limit: 10 })).entries).toEqual([])
        const exported = yield* Stream.runCollect(auditStream(mine, {}))
        expect(exported.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5])
      }),
  )
})
