/** That no entry of a call gets lost because the database was away when the call ended. */
import { expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import {
  LlmUsage,
  type LlmUsageService,
  llmLimits,
  Tenancy,
  type TenancyService,
} from "../../../resources/index.ts"

type Entry = Parameters<LlmUsageService["record"]>[0]

/** A database that is away or not, for all or for one tenant; what was written into it is counted by tenant. */
const makeDatabase = () => {
  const database = { away: false as boolean | string, written: [] as Array<string> }
  const within = (tenant: string) =>
    Effect.suspend(() =>
      database.away === true || database.away === tenant
        ? Effect.die(new Error("away"))
        : Effect.sync(() => void database.written.push(tenant)),
    )
  const tenancy = { within } as unknown as TenancyService
  return { database, layer: LlmUsage.layer.pipe(Layer.provide(Layer.succeed(Tenancy, Tenancy.of(tenancy)))) }
}

const entry = (tenant: string, id: string): Entry => ({
  tenant,
  id,
  at: "2026-11-10T12:00:00.000Z",
  user_id: "u1",
  user_name: "ann",
  model_id: "m1",
  model_name: "gpt",
  agent: "",
  operation: "chat",
  tokens_in: 1,
  tokens_out: 1,
  price_in: 0,
  price_out: 0,
  currency: "",
  estimated: false,
  status: "ok",
  duration_ms: 1,
  trace_id: null,
  fallback_of: null,
})

const open = Effect.fnUntraced(function* () {
  const { database, layer } = makeDatabase()
  const scope = yield* Scope.make()
  const usage = Context.get(yield* Layer.buildWithScope(layer, scope), LlmUsage)
  return { database, usage, close: Scope.close(scope, Exit.void) }
})

it.effect("an entry waits while the database is away, and is written when it is back", () =>
  Effect.gen(function* () {
    const { database, usage, close } = yield* open()
    database.away = true
    yield* usage.record(entry("a", "1"))
    yield* usage.record(entry("b", "2"))
    expect(usage.waiting()).toBe(2)
    yield* TestClock.adjust(llmLimits.pendingRetryMs)
    expect(usage.waiting()).toBe(2)
    database.away = false
    yield* TestClock.adjust(llmLimits.pendingRetryMs)
    expect(database.written).toEqual(["a", "b"])
    expect(usage.waiting()).toBe(0)
    yield* close
  }),
)

it.effect("a tenant whose database stays away keeps no other tenant's entries waiting", () =>
  Effect.gen(function* () {
    const { database, usage, close } = yield* open()
    database.away = true
    yield* usage.record(entry("a", "1"))
    yield* usage.record(entry("b", "2"))
    database.away = "a"
    yield* TestClock.adjust(llmLimits.pendingRetryMs)
    expect(database.written).toEqual(["b"])
    expect(usage.waiting()).toBe(1)
    yield* close
  }),
)

it.effect("an entry that waits is written when the node stops", () =>
  Effect.gen(function* () {
    const { database, usage, close } = yield* open()
    database.away = true
    yield* usage.record(entry("a", "1"))
    database.away = false
    yield* close
    expect(database.written).toEqual(["a"])
  }),
)

it.effect("no call is let in while as many entries wait as may", () =>
  Effect.gen(function* () {
    const { database, usage, close } = yield* open()
    database.away = true
    for (let id = 0; id < llmLimits.pendingEntriesMax; id++) yield* usage.record(entry("a", String(id)))
    const wanted = {
      id: "x",
      tenant: "a",
      userId: "u",
      modelId: "m",
      tokens: 1,
      cost: 0,
      currency: "",
      now: 0,
      holdMs: 1,
    }
    expect(yield* Effect.result(usage.reserve(wanted))).toMatchObject({ failure: { code: "LLM_CALL_007" } })
    yield* close
  }),
)
