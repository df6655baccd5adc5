import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { builtinRules, runMetricFeed, seedBuiltins } from "../../../actors/index.ts"
import type { EngineShape } from "../../../engine/index.ts"
import { AgentProtocol, CepRuleProtocol, type Rule } from "../../../schemas/index.ts"
import { ask, tenant, withProduct } from "../../support/product.ts"

const define = (engine: EngineShape, rule: Rule) =>
  ask(engine, CepRuleProtocol, "r", { _tag: "Define", rule })
const read = (engine: EngineShape) => ask(engine, CepRuleProtocol, "r", { _tag: "Read" })

describe("the metric feed", () => {
  const cpu = (value: number, at: number) => [
    { name: "host_cpu_usage_percent", labels: { host: "web" }, value, at },
    { name: "host_load1", labels: { host: "web" }, value: 1, at },
  ]

  it(
    "hands samples to the rules, and the alert reaches the agent ops, which tells of it",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* seedBuiltins(engine, tenant)
        yield* Effect.forkChild(product.provide(engine)(runMetricFeed()))
        yield* Effect.sleep(1_000)
        for (const value of [95, 95, 95, 95, 95, 95, 95]) {
          yield* product.publish(cpu(value, product.time.now))
          yield* Effect.sleep(1_000)
        }
        const { alerts } = yield* ask(engine, AgentProtocol, "ops", { _tag: "RecentAlerts" })
        expect(alerts).toMatchObject([{ rule: "host-cpu-high", status: "raised", group: { host: "web" } }])
        const told = yield* ask(engine, AgentProtocol, "ops", {
          _tag: "Execute",
          task: "which alerts were there",
        })
        expect(told.text).toMatch(/1 of them not resolved[\s\S]*CPU of a host is busy/)
      }),
    ),
  )

  it(
    "gives each message to a rule once, in order, although two nodes feed and one dies and starts again",
    withProduct((product) =>
      Effect.gen(function* () {
        const first = yield* product.start()
        yield* seedBuiltins(first.engine, tenant)
        const second = yield* product.start()
        const feed = (engine: EngineShape) =>
          Effect.forkChild(product.provide(engine)(runMetricFeed({ saveEveryMs: 2_000 })))
        yield* feed(first.engine)
        yield* feed(second.engine)
        yield* Effect.sleep(1_000)
        for (let index = 0; index < 40; index++) {
          yield* product.publish(cpu(index, product.time.now))
          if (index === 15) yield* first.crash
          if (index === 20) yield* feed((yield* product.start()).engine)
          yield* Effect.sleep(500)
        }
        yield* Effect.sleep(10_000)
        const view = yield* ask(second.engine, CepRuleProtocol, "host-cpu-high", { _tag: "Read" })
        expect(view).toMatchObject({ evaluations: 40, ignored: 0, groups: [{ value: 39 }] })
      }),
    ),
  )

  it(
    "notices a rule that is defined while it runs",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* Effect.forkChild(product.provide(engine)(runMetricFeed({ refreshMs: 1_000_000 })))
        yield* Effect.sleep(1_000)
        yield* product.publish(cpu(1, product.time.now))
        yield* Effect.sleep(1_000)
        yield* define(engine, builtinRules["host-cpu-high"]!)
        yield* Effect.sleep(1_000)
        yield* product.publish(cpu(2, product.time.now))
        yield* Effect.sleep(1_000)
        expect((yield* read(engine)).evaluations).toBe(1)
      }),
    ),
  )

  it(
    "gives samples to the rules of their own tenant and to no other's, and serves every tenant",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        for (const of of ["acme", "evil"]) yield* seedBuiltins(engine, of)
        yield* Effect.forkChild(product.provide(engine)(runMetricFeed()))
        yield* Effect.sleep(1_000)
        for (const [of, value] of [
          ["acme", 10],
          ["evil", 99],
          ["acme", 11],
          ["nobody", 98],
        ] as const) {
          yield* product.publish(cpu(value, product.time.now), of)
          yield* Effect.sleep(1_000)
        }
        const seenBy = (of: string) =>
          Effect.map(
            ask(engine, CepRuleProtocol, "host-cpu-high", { _tag: "Read" }, { tenant: of }),
            ({ evaluations, groups }) => [evaluations, groups.map(({ value }) => value)],
          )
        expect(yield* seenBy("acme")).toEqual([2, [11]])
        expect(yield* seenBy("evil")).toEqual([1, [99]])
      }),
    ),
  )

  it(
    "leaves a seeded rule as people changed it",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* seedBuiltins(engine, tenant)
        const changed = { ...builtinRules["host-cpu-high"]!, threshold: 95 }
        yield* ask(engine, CepRuleProtocol, "host-cpu-high", { _tag: "Define", rule: changed })
        yield* seedBuiltins(engine, tenant)
        const view = yield* ask(engine, CepRuleProtocol, "host-cpu-high", { _tag: "Read" })
        expect(view.definition.threshold).toBe(95)
      }),
    ),
  )
})
