/** That the ledger, its sums and the budgets agree, whatever is called and whoever calls at once. */
import { randomUUID } from "node:crypto"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import fc from "fast-check"
import { LlmUsage, type LlmUsageService, Tenancy, tenantTables } from "../../resources/index.ts"
import { ephemeralDatabase } from "../support/database.ts"

type Entry = Parameters<LlmUsageService["record"]>[0]
type Wanted = Parameters<LlmUsageService["reserve"]>[0]

const services = LlmUsage.layer.pipe(
  Layer.provideMerge(Tenancy.layer(tenantTables)),
  Layer.provideMerge(ephemeralDatabase()),
)

const entry = (tenant: string, more: Partial<Entry> = {}): Entry => ({
  tenant,
  id: randomUUID(),
  at: "2026-11-10T12:00:00.000Z",
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
  ...more,
})

const wanted = (tenant: string, more: Partial<Wanted> = {}): Wanted => ({
  id: randomUUID(),
  tenant,
  userId: "u1",
  modelId: "m1",
  tokens: 100,
  cost: 0.1,
  currency: "USD",
  now: Date.now(),
  holdMs: 60_000,
  ...more,
})

const entries = fc.array(
  fc.record({
    at: fc
      .date({
        min: new Date("2026-10-30T00:00:00Z"),
        max: new Date("2026-12-02T00:00:00Z"),
        noInvalidDate: true,
      })
      .map((date) => date.toISOString()),
    user_id: fc.constantFrom("u1", "u2", ""),
    model_id: fc.constantFrom("m1", "m2"),
    agent: fc.constantFrom("", "guide"),
    tokens_in: fc.nat(1_000_000),
    tokens_out: fc.nat(1_000_000),
    price_in: fc.constantFrom(0, 0.15, 2.5, 1e-7),
    price_out: fc.constantFrom(0, 0.6, 10.01),
    currency: fc.constantFrom("", "USD", "KRW"),
    status: fc.constantFrom("ok" as const, "failed" as const, "aborted" as const),
  }),
  { minLength: 30, maxLength: 60 },
)

/** Exactly, as texts: sums of money are compared to the last digit. */
const sumsOf = (tenant: string) =>
  Effect.flatMap(Tenancy, ({ within }) =>
    within(tenant, (sql) =>
      Effect.all({
        totals: sql<{ row: string }>`SELECT t::text AS row FROM llm_usage_totals t ORDER BY 1`,
        months: sql<{ row: string }>`SELECT m::text AS row FROM llm_usage_months m ORDER BY 1`,
      }),
    ),
  )

layer(services, { timeout: 60_000 })("the ledger of model calls", (it) => {
  it.effect("has sums that equal its rows, whatever was called, also by many at once", () =>
    Effect.gen(function* () {
      const usage = yield* LlmUsage
      for (const [round, calls] of fc.sample(entries, 3).entries()) {
        const tenant = `random-${round}`
        yield* Effect.forEach(calls, (call) => usage.record(entry(tenant, call)), { concurrency: 8 })
        const kept = yield* sumsOf(tenant)
        expect(kept.totals.length).toBeGreaterThan(5)
        yield* usage.recompute(tenant)
        expect(yield* sumsOf(tenant)).toEqual(kept)
      }
    }),
  )

  it.effect("counts an entry once that is written twice", () =>
    Effect.gen(function* () {
      const usage = yield* LlmUsage
      const one = entry("twice")
      yield* usage.record(one)
      yield* usage.record(one)
      const { totals, months } = yield* sumsOf("twice")
      expect(totals).toMatchObject([{ row: expect.stringContaining(",0.000750000000)") }])
      expect(months).toHaveLength(3)
      const [row] = yield* usage.report("twice", {
        groupBy: "user",
        from: "2026-11-01",
        to: "2026-11-30",
        page: 1,
        limit: 10,
      })
      expect(row).toEqual({
        key: "u1",
        name: "ann",
        calls: 1,
        failed: 0,
        tokens_in: 100,
        tokens_out: 50,
        cost: 0.00075,
        currency: "USD",
      })
    }),
  )

  it.effect("can be read by its own tenant only, and changed by nobody", () =>
    Effect.gen(function* () {
      const usage = yield* LlmUsage
      const { within } = yield* Tenancy
      yield* usage.record(entry("mine"))
      expect(yield* within("other", (sql) => sql`SELECT * FROM llm_usage WHERE tenant = 'mine'`)).toEqual([])
      const change = within("mine", (sql) => sql`UPDATE llm_usage SET tokens_in = 0`)
      expect((yield* Effect.exit(change))._tag).toBe("Failure")
    }),
  )
})

layer(services, { timeout: 60_000 })("budgets", (it) => {
  const by = (tenant: string) => ({ tenant, user: "boss" })
  const limit = { scope: "TENANT", scope_id: "", tokens_max: 1_000, cost_max: null, currency: "USD" } as const

  it.effect("are never passed by calls at the same moment", () =>
    Effect.gen(function* () {
      const usage = yield* LlmUsage
      yield* usage.setBudget(by("race"), limit)
      const asking = Array.from({ length: 25 }, () => Effect.result(usage.reserve(wanted("race"))))
      const results = yield* Effect.all(asking, { concurrency: "unbounded" })
      expect(results.filter(({ _tag }) => _tag === "Success")).toHaveLength(10)
      const [refused] = results.flatMap((result) => (result._tag === "Failure" ? [result.failure] : []))
      expect(refused).toMatchObject({ reason: "limit", code: "LLM_BUDGET_001" })
      expect(refused).toMatchObject({
        details: { budget: "TENANT", unit: "tokens", limit: 1_000, used: 1_000 },
      })
    }),
  )

  it.effect("get back what a call reserved and did not take", () =>
    Effect.gen(function* () {
      const usage = yield* LlmUsage
      yield* usage.setBudget(by("settled"), limit)
      const call = wanted("settled", { tokens: 900 })
      expect(yield* usage.reserve(call)).toBe(true)
      expect((yield* Effect.result(usage.reserve(wanted("settled", { tokens: 200 }))))._tag).toBe("Failure")
      const at = new Date(call.now).toISOString()
      yield* usage.record(entry("settled", { id: call.id, at, tokens_in: 10, tokens_out: 10 }))
      yield* usage.reserve(wanted("settled", { tokens: 900 }))
      expect(yield* usage.budgets("settled")).toMatchObject([{ tokens_used: 20, tokens_max: 1_000 }])
    }),
  )

  it.effect("forget what a node reserved that died", () =>
    Effect.gen(function* () {
      const usage = yield* LlmUsage
      yield* usage.setBudget(by("dead"), limit)
      const call = wanted("dead", { tokens: 1_000 })
      yield* usage.reserve(call)
      yield* usage.reserve(wanted("dead", { tokens: 1_000, now: call.now + call.holdMs }))
    }),
  )

  it.effect("hold for cost, a user and a model, and renew with the month", () =>
    Effect.gen(function* () {
      const usage = yield* LlmUsage
      const none = { tokens_max: null, currency: "USD" } as const
      yield* usage.setBudget(by("kinds"), { ...none, scope: "USER", scope_id: "u1", cost_max: 1 })
      yield* usage.setBudget(by("kinds"), { ...none, scope: "MODEL", scope_id: "m2", cost_max: 0.05 })
      const now = Date.UTC(2026, 10, 20)
      yield* usage.record(entry("kinds", { price_in: 9_000 }))
      const ask = (more: Partial<Wanted>) => Effect.result(usage.reserve(wanted("kinds", { now, ...more })))
      expect(yield* ask({ cost: 0.2 })).toMatchObject({
        failure: { details: { budget: "USER", unit: "USD", renews_at: "2026-12-01T00:00:00.000Z" } },
      })
      expect((yield* ask({ cost: 0.2, userId: "u2" }))._tag).toBe("Success")
      expect(yield* ask({ userId: "u2", modelId: "m2" })).toMatchObject({
        failure: { details: { budget: "MODEL" } },
      })
      expect((yield* ask({ cost: 0.2, now: Date.UTC(2026, 11, 1) }))._tag).toBe("Success")
    }),
  )

  it.effect("are audited when they are set and taken away", () =>
    Effect.gen(function* () {
      const usage = yield* LlmUsage
      const { within } = yield* Tenancy
      yield* usage.setBudget(by("audited"), limit)
      yield* usage.setBudget(by("audited"), { ...limit, tokens_max: null })
      expect(yield* usage.budgets("audited")).toEqual([])
      const rows = yield* within("audited", (sql) => sql`SELECT action, object_id FROM audit_log`)
      expect(rows).toEqual(Array(2).fill({ action: "llm-budget.set", object_id: "TENANT" }))
    }),
  )
})
