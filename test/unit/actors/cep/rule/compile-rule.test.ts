import { describe, expect, it } from "@effect/vitest"
import { compileRule } from "../../../../../actors/cep/rule/compile-rule.ts"
import type { Program } from "../../../../../actors/cep/rule/program.ts"
import { fillPolicy } from "../../../../../actors/cep/rule/texts.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"

const base: RuleDocument = {
  name: "cpu",
  trigger: { type: "metric", metric: "cpu", where: { env: "prod" } },
  condition: "value > 80",
}
const login: RuleDocument = { name: "login", trigger: { type: "event", event: "login" } }

const program = (document: RuleDocument): Program => {
  const made = compileRule("r1", 3, document)
  if ("problems" in made) throw new Error(JSON.stringify(made.problems, undefined, 1))
  return made.program
}

const problems = (document: RuleDocument) => {
  const made = compileRule("r1", 3, document)
  return "problems" in made ? made.problems : []
}

const sliding = { type: "sliding", size: "5m" } as const

describe("a rule's program", () => {
  it("has its times in milliseconds and the defaults of what the document leaves out", () => {
    const { forMs, keepFiringMs, cooldownMs, onError, severity, mode, groupBy, reachMs } = program({
      ...base,
      for: "1m30s",
    })
    expect({ forMs, keepFiringMs, cooldownMs, onError, severity, mode, groupBy, reachMs }).toEqual({
      forMs: 90_000,
      keepFiringMs: 0,
      cooldownMs: 0,
      onError: "error",
      severity: "warning",
      mode: "alert",
      groupBy: [],
      reachMs: 90_000,
    })
  })

  it("feeds aggregates from the trigger, narrowed, or from what they name themselves", () => {
    const { inputs, aggregates } = program({
      ...base,
      aggregates: {
        usual: { function: "avg", window: sliding },
        web: { function: "max", window: sliding, where: { role: "web" } },
        hosts: { function: "distinct", window: sliding, field: "host" },
        failures: { function: "count", event: "failed", window: sliding },
        again: { function: "sum", event: "failed", field: "amount", window: sliding },
      },
    })
    expect(inputs).toEqual([
      { isEvent: false, name: "cpu", where: { env: "prod" }, isTrigger: true },
      { isEvent: false, name: "cpu", where: { env: "prod", role: "web" }, isTrigger: true },
      { isEvent: false, name: "cpu", where: { env: "prod" }, isTrigger: true, field: "host" },
      { isEvent: true, name: "failed", where: {}, isTrigger: false },
      { isEvent: true, name: "failed", where: {}, isTrigger: false, field: "amount" },
    ])
    expect(aggregates.specs.map(({ input }) => input)).toEqual([0, 1, 2, 3, 4])
  })

  it("looks at what stages of its pattern name, and a match fires for five minutes", () => {
    const made = program({
      ...base,
      pattern: {
        stages: [
          { name: "high", condition: "value > 90" },
          { name: "restart", event: "restarted", condition: "event.host == matched.high[0].labels.host" },
        ],
        within: "10m",
      },
      condition: "size(matched.high) > 0",
    })
    expect(made.inputs.map(({ name, isEvent }) => [name, isEvent])).toEqual([
      ["cpu", false],
      ["restarted", true],
    ])
    expect(made.pattern?.stages).toEqual(["high", "restart"])
    expect(made.keepFiringMs).toBe(300_000)
    expect(made.reachMs).toBe(900_000)
  })

  it("is started by an event of its own when it has a schedule, and then has no states", () => {
    const made = program({ name: "daily", trigger: { type: "schedule", every: "1h" } })
    expect(made.inputs.map(({ name }) => name)).toEqual(["millrace.schedule/r1"])
    expect(made.mode).toBe("trigger")
    expect(program(login).mode).toBe("trigger")
    const counting = { failures: { function: "count", window: sliding } } as const
    expect(program({ ...login, aggregates: counting, condition: "failures > 3" }).mode).toBe("alert")
  })

  it("has its levels from the severest down", () => {
    const { levels } = program({
      ...base,
      levels: [
        { severity: "info", condition: "value > 70" },
        { severity: "critical", condition: "value > 95" },
      ],
    })
    expect(levels.map(({ severity }) => severity)).toEqual(["critical", "info"])
  })

  it("fills the texts of its alerts and actions in; what is not there is said in the text", () => {
    const made = program({
      ...base,
      aggregates: { usual: { function: "avg", window: sliding } },
      annotations: {
        summary: "{{ value }} on {{ labels.host }}, usual {{ round(usual, 1) }}",
        zone: "{{ labels.zone }}",
      },
      actions: [
        { type: "notify", channel: "ops" },
        { type: "publish_event", event: "cpu.high", attributes: { value: "{{ value }}" } },
        { type: "ask_ops", question: "Why {{ value * 2 }}?" },
      ],
    })
    const policy = fillPolicy(made, {
      value: 81.5,
      previous: Number.NaN,
      at: 1,
      labels: { host: "a" },
      event: {},
      aggregates: new Float64Array([Number.NaN]),
      matched: {},
    })
    expect(policy.annotations).toEqual({
      summary: "81.5 on a, usual <no value yet>",
      zone: '<error: there is no label "zone">',
    })
    expect(policy.actions).toEqual([
      { type: "notify", channel: "ops" },
      { type: "ask_ops", question: "Why 163?" },
    ])
    expect(made.published).toMatchObject([{ event: "cpu.high", on: ["firing"] }])
  })
})

describe("a document that cannot be a rule", () => {
  it("is told everything at once, each with its field", () => {
    const found = problems({
      ...base,
      filter: "previous > 3",
      condition: "vlaue > 3",
      for: "30d",
      group_by: ["a", "a"],
      aggregates: {
        value: { function: "avg", window: { type: "tumbling", size: "0" } },
        p: { function: "percentile", window: { type: "hopping", size: "7s", slide: "10s" } },
      },
      pattern: { stages: [{ name: "a" }, { name: "b", condition: "foo > 3" }] },
      annotations: { summary: "{{ nope }}" },
      actions: [{ type: "publish_event", event: "millrace.x" }],
    })
    expect(found.map(({ field }) => field)).toEqual([
      "for",
      "group_by",
      "for",
      "aggregates.value",
      "aggregates.value.window.size",
      "aggregates.p.percentile",
      "aggregates.p.window.slide",
      "pattern.stages.1.condition",
      "filter",
      "condition",
      "actions.0.event",
      "annotations.summary",
    ])
    for (const { problem, remedy } of found) expect([problem, remedy]).not.toContain("")
  })

  const poll = { url: "https://example.org/load", every: "30s", format: "json", path: "$.load" } as const
  const polled = (changes: object): RuleDocument => ({
    ...base,
    trigger: { type: "metric", metric: "cpu", poll: { ...poll, ...changes } },
  })
  const aggregated = (aggregate: object): RuleDocument =>
    ({ ...base, aggregates: { it: { function: "avg", window: sliding, ...aggregate } } }) as RuleDocument

  it.each<readonly [string, string, RuleDocument]>([
    ["trigger.poll.url", "no address", polled({ url: "ftp://example.org" })],
    ["trigger.poll.every", "too short", polled({ every: "10ms" })],
    ["trigger.poll.timeout", "longer than the time until", polled({ timeout: "45s" })],
    ["trigger.poll.path", "is missing", polled({ path: undefined })],
    ["trigger.poll.path", "selector", polled({ path: "$.[" })],
    ["trigger.poll.path", "means nothing", polled({ format: "prometheus" })],
    [
      "trigger.where.a-b",
      "no name of a label",
      { ...base, trigger: { type: "metric", metric: "cpu", where: { "a-b": "c" } } },
    ],
    ["for", "no state", { ...base, mode: "trigger", for: "1m" }],
    ["clear", "no state", { ...base, mode: "trigger", clear: "value < 3" }],
    ["for", "a match is there or not", { ...base, for: "1m", pattern: { stages: [{ name: "a" }] } }],
    [
      "missing_data",
      "a schedule",
      {
        name: "s",
        mode: "alert",
        trigger: { type: "schedule", every: "1h" },
        missing_data: { after: "5m", state: "no_data" },
      },
    ],
    ["cooldown", "too long", { ...base, cooldown: "60d" }],
    [
      "levels",
      "twice",
      {
        ...base,
        levels: [
          { severity: "info", condition: "true" },
          { severity: "info", condition: "false" },
        ],
      },
    ],
    [
      "levels.0.condition",
      "not true or false",
      { ...base, levels: [{ severity: "info", condition: "value" }] },
    ],
    ["condition", "there is no value", { ...login, condition: "value > 3" }],
    ["clear", "ends too early", { ...base, clear: "value <" }],
    ["annotations.it", 'without a "}}"', { ...base, annotations: { it: "{{ value" } }],
    ["actions.0.question", "there is no x", { ...base, actions: [{ type: "ask_ops", question: "{{ x }}" }] }],
    ["actions.0.event", "start itself", { ...login, actions: [{ type: "publish_event", event: "login" }] }],
    ["aggregates.it", "a metric and an event", aggregated({ metric: "a", event: "b" })],
    ["aggregates.it.field", "takes their values", aggregated({ field: "x" })],
    ["aggregates.it.field", "needs the label", aggregated({ function: "distinct" })],
    ["aggregates.it.field", "needs the attribute", aggregated({ event: "b" })],
    ["aggregates.it.percentile", "means nothing for avg", aggregated({ percentile: 99 })],
    [
      "aggregates.it.percentile",
      "not between 0 and 100",
      aggregated({ function: "percentile", percentile: 100 }),
    ],
    ["aggregates.it.window.size", "too long", aggregated({ window: { type: "sliding", size: "400d" } })],
    [
      "aggregates.it.window.slide",
      "in 4999 parts",
      aggregated({ window: { type: "hopping", size: "4999s", slide: "1s" } }),
    ],
    [
      "aggregates.it.window.slide",
      "leaves samples",
      aggregated({ window: { type: "count", count: 3, slide: 5 } }),
    ],
    [
      "aggregates.it.window.size",
      "shorter than the gap",
      aggregated({ window: { type: "session", gap: "1h", size: "1m" } }),
    ],
  ])("%s: %s", (field, problem, document) => {
    expect(problems(document)).toEqual([
      expect.objectContaining({ field, problem: expect.stringContaining(problem) }),
    ])
  })

  it.each(["value", "labels", "size", "in", "true", "int"])("has an aggregate named %s", (name) => {
    const found = problems({ ...base, aggregates: { [name]: { function: "avg", window: sliding } } })
    expect(found.map(({ field }) => field)).toEqual([`aggregates.${name}`])
  })

  it("has more aggregates than may be", () => {
    const names = Array.from({ length: 17 }, (_, index) => [
      `a${index}`,
      { function: "avg", window: sliding } as const,
    ])
    expect(problems({ ...base, aggregates: Object.fromEntries(names) })).toMatchObject([
      { field: "aggregates" },
    ])
  })
})
