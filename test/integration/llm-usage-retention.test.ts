/** That old rows of the ledger go and what they added up to stays. */
import { randomUUID } from "node:crypto"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LlmUsage, Tenancy, tenantTables } from "../../resources/index.ts"
import { ephemeralDatabase } from "../support/database.ts"

const services = LlmUsage.layer.pipe(
  Layer.provideMerge(Tenancy.layer(tenantTables)),
  Layer.provideMerge(ephemeralDatabase()),
)

const called = (tenant: string, at: string) =>
  LlmUsage.use((usage) =>
    usage.record({
      tenant,
      id: randomUUID(),
      at,
      user_id: "u1",
      user_name: "ann",
      model_id: "m1",
      model_name: "gpt",
      agent: "",
      operation: "chat",
      tokens_in: 100,
      tokens_out: 50,
      price_in: 2.5,
      price_out: 10,
      currency: "USD",
      estimated: false,
      status: "ok",
      duration_ms: 12,
      trace_id: null,
      fallback_of: null,
    }),
  )

const stateOf = Effect.fnUntraced(function* (tenant: string) {
  const { within } = yield* Tenancy
  return yield* within(tenant, (sql) =>
    Effect.all({
      rows: sql<{ day: string }>`SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day
        FROM llm_usage ORDER BY at`.pipe(Effect.map((rows) => rows.map(({ day }) => day))),
      totals: sql`SELECT day::text, calls::int, tokens_in::int, cost::text FROM llm_usage_totals ORDER BY day`,
      months: sql`SELECT month::text, scope, tokens::int, cost::text FROM llm_usage_months ORDER BY 1, 2`,
    }),
  )
})

layer(services, { timeout: 60_000, excludeTestServices: true })("the ledger's old rows", (it) => {
  it.effect("go by whole months, while sums of days and months stay, also when they are made again", () =>
    Effect.gen(function* () {
      for (const day of ["2020-01-15", "2020-02-29", "2020-03-01", "2020-03-20", "2020-05-02"])
        for (const tenant of ["a", "b"]) yield* called(tenant, `${day}T12:00:00.000Z`)
      const usage = yield* LlmUsage
      const before = yield* stateOf("a")
      // So many days ago it was March 7th: March stays as a whole.
      const days = Math.floor((Date.now() - Date.parse("2020-03-07T12:00:00Z")) / (24 * 3_600_000))
      const gone = yield* Effect.all([usage.prune("a", days), usage.prune("a", days)], {
        concurrency: "unbounded",
      })
      expect(gone[0] + gone[1]).toBe(2)
      const after = yield* stateOf("a")
      expect(after.rows).toEqual(["2020-03-01", "2020-03-20", "2020-05-02"])
      expect({ ...after, rows: [] }).toEqual({ ...before, rows: [] })
      yield* usage.recompute("a")
      expect(yield* stateOf("a")).toEqual(after)
      expect((yield* stateOf("b")).rows).toHaveLength(5)
      expect(yield* usage.prune("a", days)).toBe(0)
    }),
  )

  it.effect("are all that the database lets go", () =>
    Effect.gen(function* () {
      const { within } = yield* Tenancy
      yield* called("c", new Date(Date.now()).toISOString())
      yield* called("c", "2020-01-15T12:00:00.000Z")
      yield* within("c", (sql) => sql`DELETE FROM llm_usage`)
      expect((yield* stateOf("c")).rows).toHaveLength(1)
    }),
  )
})
