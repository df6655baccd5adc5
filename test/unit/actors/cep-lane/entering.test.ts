/** The rules of a lane that was rebuilt are told to enter it anew, whatever does not answer meanwhile. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { describe, expect, it } from "vitest"
import { markRebuild, runEntering } from "../../../../actors/cep/lane/entering.ts"
import type { LaneProblem } from "../../../../actors/cep/lane/lanes.ts"
import type { LiveLane } from "../../../../actors/cep/lane/live-lane.ts"
import { RuleIndex, type RuleIndexService } from "../../../../actors/cep-rule/index/rule-index.ts"
import { Engine, type EngineShape, KeyValue } from "../../../../engine/index.ts"
import { makeKeyValue, ValueStore } from "../../../../engine/memory/key-value.ts"
import { VirtualTime } from "../../../../engine/testkit/virtual-time.ts"
import { Tenants } from "../../../../resources/index.ts"
import type { RuleDocument } from "../../../../schemas/index.ts"
import { laneOf, MetricStream, metricToken, ruleSource } from "../../../../streams/index.ts"
import { lanesInWorld } from "../../../support/lanes.ts"
import { makeMemoryEventStream } from "../../../support/memory-event-stream.ts"

const lane = 1
const tenants = ["acme", "beta"]
/** A metric of that tenant in this lane, and one that is not. */
const nameOf = (tenant: string, isHere: boolean) =>
  Array.from({ length: 100 }, (_, index) => `m${index}`).find(
    (name) => (laneOf(tenant, name, lanesInWorld) === lane) === isHere,
  )!
const document = (metric: string): RuleDocument => ({ name: metric, trigger: { type: "metric", metric } })

/** A node on which that lane runs; `told` are `tenant/rule request`. */
const makeNode = () => {
  const time = new VirtualTime("entering")
  const told: Array<string> = []
  const problems = new Map<number, LaneProblem>()
  const away = new Set<string>()
  const stream = makeMemoryEventStream(() => time.now, lanesInWorld)
  const store = makeKeyValue(new ValueStore())
  const index: Pick<RuleIndexService, "page"> = {
    page: (tenant, after) =>
      Effect.suspend(() => {
        if (away.has(tenant))
          return Effect.fail(new Error(`the database of ${tenant} does not answer`) as never)
        const rules = [
          { rule: "here", document: document(nameOf(tenant, true)) },
          { rule: "elsewhere", document: document(nameOf(tenant, false)) },
        ]
        return Effect.succeed(after === "" ? rules : [])
      }),
  }
  const engine = {
    tell: (_: unknown, rule: string, { request }: { request: string }, { tenant }: { tenant: string }) =>
      Effect.sync(() => void told.push(`${tenant}/${rule} ${request}`)),
  }
  const list = () => Effect.succeed({ rows: tenants.map((id) => ({ id })), total: tenants.length })
  const services = Layer.mergeAll(
    Layer.succeed(Engine, engine as unknown as EngineShape),
    Layer.succeed(KeyValue.KeyValue, store),
    Layer.succeed(MetricStream, stream),
    Layer.succeed(RuleIndex, index as RuleIndexService),
    Layer.succeed(Tenants, { list } as unknown as (typeof Tenants)["Service"]),
  )
  let live: ReadonlyArray<LiveLane> = []
  const begin = () => {
    live = [{ lane } as LiveLane]
  }
  const entering = runEntering({
    live: () => live,
    note: (of, problem) => (problem === undefined ? problems.delete(of) : problems.set(of, problem)),
  }).pipe(Effect.provide(services))
  const run = (body: Effect.Effect<unknown, unknown, Scope.Scope>) => {
    const exit = time.run(Effect.scoped(Effect.andThen(Effect.forkScoped(entering), body)))
    if (exit._tag === "Failure") throw new Error(String(exit.cause))
  }
  return { told, problems, away, stream, store, begin, run }
}

describe("the rules of a lane that was rebuilt", () => {
  it("are told once: those that live there, and those that were changed there since it was evaluated", () => {
    const { told, stream, store, begin, run } = makeNode()
    const change = (rule: string) => {
      const message = { _tag: "RuleChanged", rule, number: 2, version: 1 }
      const data = new TextEncoder().encode(JSON.stringify(message))
      return stream.append(metricToken("beta", lane, ruleSource), data)
    }
    run(
      Effect.gen(function* () {
        const from = yield* change("long-gone")
        yield* change("gone")
        begin()
        yield* Effect.sleep(1_000)
        expect(told).toEqual([])
        yield* markRebuild(store, lane, { request: "one", at: 0, from })
        begin()
        yield* Effect.sleep(1_000)
        expect(told).toEqual(["acme/here one", "beta/gone one", "beta/here one"])
        // Whoever takes the lane over finds that it was done.
        begin()
        yield* Effect.sleep(1_000)
        expect(told).toHaveLength(3)
        yield* markRebuild(store, lane, { request: "two", at: 0, from: 10 })
        begin()
        yield* Effect.sleep(1_000)
        expect(told.slice(3)).toEqual(["acme/here two", "beta/here two"])
      }),
    )
  })

  it("are told of all changes since the first of several rebuilds of which none is through", () => {
    const { told, stream, store, begin, run } = makeNode()
    run(
      Effect.gen(function* () {
        const message = { _tag: "RuleChanged", rule: "gone", number: 2, version: 1 }
        const data = new TextEncoder().encode(JSON.stringify(message))
        const sequence = yield* stream.append(metricToken("beta", lane, ruleSource), data)
        yield* markRebuild(store, lane, { request: "one", at: 0, from: sequence - 1 })
        yield* markRebuild(store, lane, { request: "two", at: 0, from: sequence })
        begin()
        yield* Effect.sleep(1_000)
        expect(told).toEqual(["acme/here two", "beta/gone two", "beta/here two"])
      }),
    )
  })

  it("wait for no other tenant's database, and it is told as long as one does not answer", () => {
    const { told, problems, away, store, begin, run } = makeNode()
    away.add("acme")
    run(
      Effect.gen(function* () {
        yield* markRebuild(store, lane, { request: "one", at: 0, from: 0 })
        begin()
        yield* Effect.sleep(12_000)
        expect(new Set(told)).toEqual(new Set(["beta/here one"]))
        expect(problems.get(lane)).toMatchObject({
          state: "entering",
          reason: "the database of acme does not answer",
          times: 3,
        })
        away.clear()
        yield* Effect.sleep(6_000)
        expect(told).toContain("acme/here one")
        expect(problems.size).toBe(0)
      }),
    )
  })
})
