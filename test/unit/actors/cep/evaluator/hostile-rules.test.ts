/** Rules that are written to cost as much as they can: each input costs a bounded number of steps, and says no more than others can carry. */
import { describe, expect, it } from "vitest"
import { effortMax } from "../../../../../actors/cep/expression/effort.ts"
import { compileRule } from "../../../../../actors/cep/rule/compile-rule.ts"
import { alertCharactersMax, annotationsMax } from "../../../../../actors/cep/rule/texts.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"
import { RuleLane, tenant } from "./rule-lane.ts"

const onEvent: RuleDocument = { name: "Hostile", trigger: { type: "event", event: "e" }, mode: "alert" }
const onSample: RuleDocument = {
  name: "Hostile",
  trigger: { type: "metric", metric: "cpu" },
  mode: "trigger",
}
const figures = (lane: RuleLane) => lane.evaluator.figures(tenant, "r")!
const sizes = (lane: RuleLane) => lane.outputs.map((output) => JSON.stringify(output).length)

describe("a condition", () => {
  it("with many regular expressions over a long text is an error of its rule, not a halt of its lane", () => {
    const some = Array.from({ length: 60 }, (_, at) => `event.x.matches("(.*.*.*.*){9}${at}$")`)
    const lane = new RuleLane().rule("r", { ...onEvent, condition: some.slice(0, 50).join(" || ") })
    lane.event("e", 1, { x: "a".repeat(4_096) })
    expect(figures(lane)).toMatchObject({
      errors: 1,
      lastError: {
        detail: `it takes more than ${effortMax} steps: look at shorter texts, or at fewer items of a pattern`,
      },
    })
    lane.event("e", 2, { x: "a 7" })
    expect(figures(lane)).toMatchObject({ errors: 1, matches: 1 })
  })

  it("shares its steps with all else that its rule evaluates for an item, and each item and rule has its own", () => {
    const reading = (text: string) => `event.x.matches("(.*.*.*.*){9}${text}$")`
    const document: RuleDocument = {
      ...onEvent,
      on_error: "keep",
      filter: `${reading("7")} || event.v > 0`,
      condition: `event.v == 1 || ${reading("8")}`,
      clear: reading("9"),
    }
    const lane = new RuleLane().rule("r", document).rule("s", document)
    lane.event("e", 1, { v: 1, x: "a" })
    // Each of the three takes less than half of it: two of them are evaluated, the third is beyond it.
    const x = "a".repeat(600)
    for (let at = 2; at < 5; at++) lane.event("e", at, { v: 2, x })
    expect(["r", "s"].map((rule) => lane.evaluator.figures(tenant, rule))).toMatchObject([
      { evaluations: 4, errors: 3, matches: 1 },
      { evaluations: 4, errors: 3, matches: 1 },
    ])
    lane.event("e", 6, { v: 1, x }).event("e", 7, { v: 2, x: "a".repeat(300) })
    expect(figures(lane)).toMatchObject({ evaluations: 6, errors: 3, matches: 2 })
  })

  it("with many parts is counted with each partial match that it is evaluated for", () => {
    const condition = Array.from({ length: 20 }, () => "value > 1 && matched.a[0].value < 0").join(" || ")
    const stages = [
      { name: "a", condition: "value == 1" },
      { name: "b", condition },
    ]
    const lane = new RuleLane().rule("r", {
      ...onSample,
      pattern: { stages, after_match: { type: "no_skip" }, within: "7d" },
    })
    for (let at = 1; at <= 500; at++) lane.sample(1, at)
    lane.sample(2, 501)
    expect(figures(lane)).toMatchObject({ errors: 0, partialMatches: 500 })
    for (let at = 502; at <= 1_001; at++) lane.sample(1, at)
    lane.sample(2, 1_002)
    const { errors, partialMatches } = figures(lane)
    expect(partialMatches).toBeGreaterThan(500)
    expect(partialMatches + errors).toBe(1_001)
  })

  it("that goes over what a thousand partial matches hold is one, too, and changes no partial match", () => {
    const pattern: RuleDocument["pattern"] = {
      stages: [
        { name: "a" },
        {
          name: "b",
          times: { min: 1, max: 1_000 },
          condition: "value < 0 || !matched.b.exists(x, x.value > 1e9)",
        },
        {
          name: "z",
          condition: "matched.b.exists(x, x.value > value && x.value < value || x.value > 5 && x.value < 4)",
        },
      ],
      after_match: { type: "no_skip" },
      within: "7d",
    }
    const lane = new RuleLane().rule("r", { ...onSample, pattern })
    let at = 0
    while (figures(lane)?.errors !== 1 && at < 2_000) lane.sample(1, ++at)
    const { partialMatches } = figures(lane)
    expect(partialMatches).toBeGreaterThan(10)
    lane.sample(1, ++at)
    expect(figures(lane)).toMatchObject({ errors: 2, partialMatches })
  })
})

describe("what an alert says", () => {
  const long = "x".repeat(4_096)

  it("is bounded, however often its texts repeat what was sent", () => {
    const text = "{{ event.x }}".repeat(40)
    const annotations = Object.fromEntries(
      Array.from({ length: annotationsMax }, (_, at) => [`a${at}`, text]),
    )
    const actions = Array.from({ length: 16 }, () => ({
      type: "execute_agent" as const,
      agent: "a",
      message: text,
    }))
    const lane = new RuleLane().rule("r", { ...onEvent, condition: "event.v > 5", annotations, actions })
    lane.event("e", 1, { v: 9, x: long })
    expect(sizes(lane)).toHaveLength(1)
    expect(sizes(lane)[0]).toBeGreaterThan(alertCharactersMax)
    expect(sizes(lane)[0]).toBeLessThan(alertCharactersMax + 4_000)
  })

  it("keeps no more annotations than alerts have, which its author is told", () => {
    const annotations = Object.fromEntries(
      Array.from({ length: annotationsMax + 1 }, (_, at) => [`a${at}`, "b"]),
    )
    const attributes = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`a${at}`, "b"]))
    const actions = [{ type: "publish_event" as const, event: "f", attributes }]
    expect(compileRule("r", 1, { ...onEvent, annotations, actions })).toMatchObject({
      problems: [{ field: "actions.0.attributes" }, { field: "annotations" }],
    })
  })

  it("tells as much of a match as there is room for", () => {
    const pattern: RuleDocument["pattern"] = {
      stages: [{ name: "a" }, { name: "b", times: { min: 3, max: 3 } }],
    }
    const lane = new RuleLane().rule("r", { ...onEvent, mode: "trigger", pattern })
    const attributes = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`a${at}`, long]))
    lane.event("e", 1, { v: 1 })
    for (let at = 2; at <= 4; at++) lane.event("e", at, attributes)
    const [output] = lane.outputs
    expect(output).toMatchObject({
      type: "transition",
      transition: { matched: { a: [{ attributes: { v: 1 } }], b: [] } },
    })
    expect(sizes(lane)[0]).toBeLessThan(4_000)
  })

  it("and what its rule publishes are bounded, too", () => {
    const attributes = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`a${at}`, "{{ event.x }}"]))
    const actions = [{ type: "publish_event" as const, event: "f", attributes }]
    const lane = new RuleLane().rule("r", { ...onEvent, actions })
    lane.event("e", 1, { x: long })
    for (const size of sizes(lane)) expect(size).toBeLessThan(20_000)
  })
})

describe("the body of a call", () => {
  const bodyOf = (body: string, attributes: Readonly<Record<string, string>>) => {
    const actions = [{ type: "call_api" as const, api: "https://example.org/", body }]
    const [output] = new RuleLane().rule("r", { ...onEvent, actions }).event("e", 1, attributes).outputs
    const action = output?.type === "transition" ? output.transition.policy.actions[0] : undefined
    return action?.type === "call_api" ? action.body : undefined
  }

  it("that is JSON stays the JSON that its author wrote, whatever was sent", () => {
    const host = 'a", "admin": true, "b": "\\'
    const template =
      '{ "text": "on \\" {{ event.host }} !", "host": {{ event.host }}, "at": {{ at }}, "none": "{{ event.no }}" }'
    const body = JSON.parse(bodyOf(template, { host })!)
    expect(Object.keys(body)).toEqual(["text", "host", "at", "none"])
    expect(body).toMatchObject({ text: `on " ${host} !`, host, none: expect.stringContaining("<error") })
  })

  it("that is none is filled in as it is", () => {
    expect(bodyOf("host={{ event.host }}", { host: 'a"b' })).toBe('host=a"b')
  })
})

describe("the path of a poll", () => {
  const problemsOf = (path: string) => {
    const poll = { url: "https://example.org/", every: "1m", format: "json", path } as const
    const compiled = compileRule("r", 1, { ...onSample, trigger: { type: "metric", metric: "cpu", poll } })
    return "problems" in compiled ? compiled.problems.map(({ field }) => field) : []
  }

  it.each([
    "$..load",
    "$[?@..a]",
    "$[*,*][*,*]",
    "$[?count($[*]) > 1]",
    "$[?@.a[?@.b]]",
    "$[?match(@.a, '(a+)+$')]",
    "$[? search ( @.a , '(a|a)*b' ) ]",
  ])("that may take for ever is not taken: %s", (path) => {
    expect(problemsOf(path)).toEqual(["trigger.poll.path"])
  })

  it.each(["$", "$.data.load", "$['a,b..c?$'][0].x", "$.nodes[?@.name == 'a..b, $?'].load", "$[*].a[-1]"])(
    "that names a place is: %s",
    (path) => {
      expect(problemsOf(path)).toEqual([])
    },
  )
})
