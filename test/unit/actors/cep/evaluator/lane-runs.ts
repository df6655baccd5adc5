/** Rules, and steps of a lane: samples, events, time and changes of rules, in any order. */
import * as fc from "fast-check"

import type { Output } from "../../../../../actors/cep/evaluator.ts"
import { type LaneEvaluator, makeEvaluator } from "../../../../../actors/cep/make-evaluator.ts"
import type { CepEvent, RuleDocument } from "../../../../../schemas/index.ts"
import { stateOf, tenant, textOfSeries } from "./rule-lane.ts"

const start = 1_700_000_000_000
const optional = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })

const windows = fc.constantFrom(
  { type: "tumbling", size: "10s" } as const,
  { type: "hopping", size: "20s", slide: "5s" } as const,
  { type: "sliding", size: "15s" } as const,
  { type: "session", gap: "7s" } as const,
  { type: "count", count: 4, slide: 2 } as const,
)
const functions = fc.constantFrom(
  "count",
  "sum",
  "avg",
  "min",
  "max",
  "stddev",
  "rate",
  "delta",
  "first",
  "last",
)

const metricRule = fc
  .record({
    condition: fc.constantFrom(
      "value > 6",
      "value > previous",
      "a > 12.0",
      "value > a",
      'labels.gone == "x"',
    ),
    group_by: fc.constantFrom([], ["host"], ["host", "core"]),
    function: functions,
    window: windows,
    own: fc.boolean(),
    filter: optional(fc.constantFrom("value != 3.0")),
    for: optional(fc.constantFrom("3s", "12s")),
    clear: optional(fc.constantFrom("value < 3")),
    keep_firing_for: optional(fc.constant("9s")),
    cooldown: optional(fc.constant("11s")),
    missing_data: optional(
      fc.record({
        after: fc.constantFrom("8s", "20s"),
        state: fc.constantFrom("no_data", "firing", "resolved", "keep"),
      }),
    ),
    on_error: optional(fc.constantFrom("error", "keep", "firing")),
    timing: optional(
      fc.record({
        out_of_orderness: fc.constantFrom("0", "4s"),
        allowed_lateness: fc.constantFrom("0", "10s"),
        late: fc.constantFrom("drop", "publish"),
      }),
    ),
    levels: optional(fc.constant([{ severity: "critical", condition: "value > 8" }])),
    actions: optional(
      fc.constant([{ type: "publish_event", event: "rule.said", on: ["firing", "resolved"] }]),
    ),
  })
  .map(({ function: name, window, own, ...rule }) => ({
    ...rule,
    name: "metric rule",
    trigger: { type: "metric", metric: "cpu" },
    aggregates: { a: { function: name, window, ...(own ? { metric: "memory" } : {}) } },
  }))

const patternRule = fc
  .record({
    mode: optional(fc.constantFrom("alert", "trigger")),
    group_by: fc.constantFrom([], ["host"]),
    contiguity: fc.constantFrom("next", "followed_by", "followed_by_any"),
    strategy: fc.constantFrom("no_skip", "skip_to_next", "skip_past_last_event"),
    not: fc.boolean(),
    keep_firing_for: optional(fc.constant("9s")),
  })
  .map(({ contiguity, strategy, not, mode, ...rule }) => ({
    ...rule,
    ...(mode === undefined ? {} : { mode }),
    ...(mode === "trigger" ? { keep_firing_for: undefined } : {}),
    name: "pattern rule",
    trigger: { type: "event", event: "login" },
    pattern: {
      stages: [
        { name: "first", condition: "event.n > 4" },
        { name: "second", contiguity, times: { min: 1, max: 2 }, condition: "event.n < 8" },
        ...(not ? [{ name: "third", not: true, condition: "event.n == 0" }] : []),
      ],
      within: "20s",
      after_match: { type: strategy },
    },
    annotations: { summary: "{{ matched.first[0].event.n }}" },
  }))

const defined = (document: unknown): RuleDocument => JSON.parse(JSON.stringify(document)) as RuleDocument

const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constantFrom("cpu", "memory"),
      value: fc.integer({ min: 0, max: 10 }),
      host: fc.constantFrom("a", "b", "c"),
      back: fc.constantFrom(0, 0, 0, 2_000, 6_000, 30_000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("login"),
      value: fc.integer({ min: 0, max: 10 }),
      host: fc.constantFrom("a", "b"),
      back: fc.constant(0),
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("tick") }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("change"), rule: fc.oneof(metricRule, patternRule) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("remove") }) },
)

interface Step {
  readonly type: string
  readonly value?: number
  readonly host?: string
  readonly back?: number
  readonly rule?: unknown
}

/** `between` is called after each step with what the evaluator is then, and answers what goes on. */
export const feed = (
  rules: ReadonlyArray<unknown>,
  steps: ReadonlyArray<readonly [passed: number, step: Step]>,
  between: (evaluator: LaneEvaluator, index: number) => LaneEvaluator,
) => {
  let evaluator = makeEvaluator({ lane: 1 })
  const outputs: Array<Output> = []
  let at = start
  let sequence = 0
  let number = 0
  const change = (rule: string, document: unknown) => {
    number += 1
    sequence += 1
    const change = { tenant, rule, number, version: number }
    evaluator.change(document === undefined ? change : { ...change, document: defined(document) }, {
      sequence,
      at,
    })
  }
  for (const [index, document] of rules.entries()) change(`r${index}`, document)
  steps.forEach(([passed, { type, value = 0, host = "a", back = 0, rule }], index) => {
    at += passed
    sequence += 1
    const place = { sequence, at }
    if (type === "tick") evaluator.tick(place)
    else if (type === "change") change("r0", rule)
    else if (type === "remove") change("r1", undefined)
    else if (type === "login") {
      const event: CepEvent = { id: `e${index % 17}`, type, at: at - back, attributes: { n: value, host } }
      evaluator.events(tenant, [event], place)
    } else {
      const columns = {
        series: [textOfSeries(type, { host, core: String(value % 2) })],
        seriesOf: new Uint32Array(1),
        values: new Float64Array([value]),
        times: new Float64Array([at - back]),
      }
      evaluator.samples(tenant, columns, place)
    }
    if (index % 3 === 0) outputs.push(...evaluator.take())
    evaluator = between(evaluator, index)
  })
  outputs.push(...evaluator.take())
  return { outputs, state: stateOf(evaluator) }
}

export const runs = fc.record({
  rules: fc.array(fc.oneof(metricRule, patternRule), { minLength: 1, maxLength: 3 }),
  steps: fc.array(fc.tuple(fc.constantFrom(0, 500, 1_000, 3_000, 9_000), step), {
    minLength: 10,
    maxLength: 120,
  }),
})
