import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { EngineShape } from "../../../engine/index.ts"
import {
  type Alert,
  type AlertFeed,
  alertTopic,
  CepRuleProtocol,
  type Rule,
  RuleIndexProtocol,
  ruleIndexKey,
} from "../../../schemas/index.ts"
import { ask, rejectionOf, tenant, withProduct } from "../../support/product.ts"

const rule: Rule = {
  name: "busy",
  metric: "cpu",
  group_by: ["host"],
  operator: ">",
  threshold: 80,
  clear: 70,
  for_ms: 5_000,
  severity: "warning",
  notify: "ops",
  enabled: true,
}

const define = (engine: EngineShape, changes: Partial<Rule> = {}) =>
  ask(engine, CepRuleProtocol, "r", { _tag: "Define", rule: { ...rule, ...changes } })
const read = (engine: EngineShape) => ask(engine, CepRuleProtocol, "r", { _tag: "Read" })
const observe = (engine: EngineShape, at: number, value: number, host = "web") =>
  ask(engine, CepRuleProtocol, "r", {
    _tag: "Observe",
    samples: [{ name: "cpu", labels: { host }, value, at: at * 1_000 }],
  })
const alertsOf = (engine: EngineShape) =>
  Effect.gen(function* () {
    const heard: Array<Alert> = []
    yield* engine.listen(alertTopic(tenant), (body) => heard.push((body as AlertFeed).alert))
    return heard
  })

/** Samples as `second:value`, and after which of them the rule is in which state. */
const tables: ReadonlyArray<{
  readonly title: string
  readonly rule: Partial<Rule>
  readonly samples: ReadonlyArray<readonly [second: number, value: number, status: string]>
  readonly alerts: ReadonlyArray<string>
}> = [
  {
    title: "raises an alert once the condition held for its time, and not earlier",
    rule: {},
    samples: [
      [0, 50, "inactive"],
      [1, 90, "pending"],
      [3, 85, "pending"],
      [5.9, 85, "pending"],
      [6, 85, "firing"],
      [9, 99, "firing"],
    ],
    alerts: ["raised 6 since 1"],
  },
  {
    title: "starts anew when the condition ended before its time",
    rule: {},
    samples: [
      [1, 90, "pending"],
      [4, 80, "inactive"],
      [5, 90, "pending"],
      [9, 90, "pending"],
      [10, 90, "firing"],
    ],
    alerts: ["raised 10 since 5"],
  },
  {
    title: "resolves at the clear level and not between it and the threshold",
    rule: { for_ms: 0 },
    samples: [
      [1, 81, "firing"],
      [2, 75, "firing"],
      [3, 70.5, "firing"],
      [4, 70, "inactive"],
      [5, 75, "inactive"],
      [6, 80, "inactive"],
    ],
    alerts: ["raised 1 since 1", "resolved 4 since 1"],
  },
  {
    title: "watches for low values with their clear level above",
    rule: { operator: "<", threshold: 10, clear: 20, for_ms: 0 },
    samples: [
      [1, 10, "inactive"],
      [2, 9, "firing"],
      [3, 15, "firing"],
      [4, 20, "inactive"],
    ],
    alerts: ["raised 2 since 2", "resolved 4 since 2"],
  },
  {
    title: "includes the threshold with >= and uses it as the clear level when there is none",
    rule: { operator: ">=", for_ms: 0, clear: 80 },
    samples: [
      [1, 80, "firing"],
      [2, 79.9, "inactive"],
    ],
    alerts: ["raised 1 since 1", "resolved 2 since 1"],
  },
  {
    title: "ignores samples that are not newer than the last one",
    rule: {},
    samples: [
      [10, 90, "pending"],
      [4, 10, "pending"],
      [10, 10, "pending"],
      [15, 90, "firing"],
    ],
    alerts: ["raised 15 since 10"],
  },
]

describe("a threshold rule", () => {
  for (const table of tables) {
    it(
      table.title,
      withProduct((product) =>
        Effect.gen(function* () {
          const { engine } = yield* product.start()
          const alerts = yield* alertsOf(engine)
          yield* define(engine, table.rule)
          const seen: Array<string | undefined> = []
          for (const [second, value] of table.samples) {
            yield* observe(engine, second, value)
            seen.push((yield* read(engine)).groups[0]?.status)
          }
          expect(seen).toEqual(table.samples.map(([, , status]) => status))
          expect(
            alerts.map(({ status, at, since }) => `${status} ${at / 1_000} since ${since / 1_000}`),
          ).toEqual(table.alerts)
        }),
      ),
    )
  }

  it(
    "keeps a state per group, and survives the death of its node between two samples",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine, crash } = yield* product.start()
        yield* define(engine)
        yield* observe(engine, 1, 90, "web")
        yield* observe(engine, 4, 90, "db")
        yield* crash
        const { engine: after } = yield* product.start()
        yield* observe(after, 6, 90, "web")
        yield* observe(after, 6, 90, "db")
        const { groups, evaluations, matches } = yield* read(after)
        expect(groups.map(({ group, status }) => [group.host, status])).toEqual([
          ["web", "firing"],
          ["db", "pending"],
        ])
        expect({ evaluations, matches }).toEqual({ evaluations: 4, matches: 4 })
      }),
    ),
  )

  it(
    "resolves what fires when it is disabled, and then sees nothing",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        const alerts = yield* alertsOf(engine)
        yield* define(engine, { for_ms: 0 })
        yield* observe(engine, 1, 90)
        yield* ask(engine, CepRuleProtocol, "r", { _tag: "Disable" })
        yield* observe(engine, 2, 90)
        expect(alerts.map(({ status }) => status)).toEqual(["raised", "resolved"])
        expect(alerts[0]!.id).toBe(alerts[1]!.id)
        expect(yield* read(engine)).toMatchObject({
          evaluations: 1,
          groups: [],
          definition: { enabled: false },
        })
        yield* Effect.sleep(100)
        expect((yield* ask(engine, RuleIndexProtocol, ruleIndexKey, { _tag: "Read" })).rules).toEqual([])
      }),
    ),
  )

  it(
    "looks only at its metric and at the labels it asks for",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* define(engine, { where: { zone: "a" } })
        const samples = [
          { name: "cpu", labels: { host: "web", zone: "a" }, value: 1, at: 1 },
          { name: "cpu", labels: { host: "db", zone: "b" }, value: 1, at: 1 },
          { name: "memory", labels: { host: "web", zone: "a" }, value: 1, at: 2 },
        ]
        yield* ask(engine, CepRuleProtocol, "r", { _tag: "Observe", samples })
        expect(yield* read(engine)).toMatchObject({ evaluations: 1, groups: [{ group: { host: "web" } }] })
      }),
    ),
  )

  const bad: ReadonlyArray<readonly [field: string, changes: Partial<Rule>]> = [
    ["name", { name: "  " }],
    ["metric", { metric: "cpu usage" }],
    ["group_by", { group_by: ["host name"] }],
    ["group_by", { group_by: ["host", "host"] }],
    ["where", { where: { "a-b": "x" } }],
    ["clear", { clear: 90 }],
    ["clear", { operator: "<", clear: 70 }],
    ["for_ms", { for_ms: -1 }],
    ["for_ms", { for_ms: 1.5 }],
    ["notify", { notify: "no such name" }],
  ]
  for (const [field, changes] of bad) {
    it(
      `is refused with the field and the remedy for ${JSON.stringify(changes)}`,
      withProduct((product) =>
        Effect.gen(function* () {
          const { engine } = yield* product.start()
          expect(yield* rejectionOf(define(engine, changes))).toEqual({
            _tag: "BadRule",
            problems: [{ field, problem: expect.stringMatching(/./), remedy: expect.stringMatching(/./) }],
          })
        }),
      ),
    )
  }
})
