/** Patterns and windows that are written to make one item cost as much as they can: what it moves, ends, merges and tells is bounded. */
import { describe, expect, it } from "vitest"
import { changesPerItemMax } from "../../../../../actors/cep/group/judge.ts"
import { HeldBytes } from "../../../../../actors/cep/held-bytes.ts"
import { completedItemsMax } from "../../../../../actors/cep/patterns/completed-matches.ts"
import { movedPerItemMax } from "../../../../../actors/cep/patterns/matcher.ts"
import { partialMatchesMax } from "../../../../../actors/cep/patterns/partial-matches.ts"
import { compileRule } from "../../../../../actors/cep/rule/compile-rule.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"
import { RuleLane, tenant } from "./rule-lane.ts"

const onSample: RuleDocument = {
  name: "Hostile",
  trigger: { type: "metric", metric: "cpu" },
  mode: "trigger",
}
const figures = (lane: RuleLane) => lane.evaluator.figures(tenant, "r")!

describe("a pattern", () => {
  it("of which one item makes a thousand matches acts on the first of them", () => {
    const pattern: RuleDocument["pattern"] = {
      stages: [
        { name: "a", condition: "value == 1" },
        { name: "b", condition: "value == 2" },
      ],
      after_match: { type: "no_skip" },
      within: "7d",
    }
    const lane = new RuleLane().rule("r", { ...onSample, pattern })
    for (let at = 1; at <= 500; at++) lane.sample(1, at)
    lane.sample(2, 501)
    expect(lane.outputs).toHaveLength(changesPerItemMax)
    expect(figures(lane)).toMatchObject({ errors: 1, transitions: changesPerItemMax })
    lane.sample(1, 502).sample(2, 503)
    expect(lane.outputs).toHaveLength(changesPerItemMax + 1)
  })

  it("of which one item completes many long matches tells as many as hold a bounded number of items", () => {
    const pattern: RuleDocument["pattern"] = {
      stages: [
        { name: "a", condition: "value == 1" },
        { name: "b", times: { min: 1, max: 10_000 }, contiguity: "followed_by_any", condition: "value == 2" },
        { name: "z", condition: "value == 9" },
      ],
      after_match: { type: "no_skip" },
      within: "7d",
    }
    const compiled = compileRule("r", 1, { ...onSample, pattern })
    if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
    const matcher = compiled.program.pattern!.make(new HeldBytes())
    const offer = (value: number, at: number) =>
      matcher.offer({ name: "cpu", isEvent: false, labels: {}, attributes: {}, value, at })
    offer(1, 1)
    for (let at = 2; at <= 900; at++) offer(2, at)
    const before = matcher.limited()
    const told = offer(9, 901)
    const items = told.reduce((sum, { stages }) => sum + Object.values(stages).flat().length, 0)
    expect(items).toBeLessThanOrEqual(completedItemsMax)
    expect(items).toBeGreaterThan(completedItemsMax / 2)
    expect(matcher.limited() - before).toBeGreaterThan(0)
  })

  it("of optional stages moves a bounded number of partial matches with one item", () => {
    const optional = Array.from({ length: 20 }, (_, at) => ({
      name: `s${at}`,
      optional: true,
      contiguity: "followed_by_any" as const,
    }))
    const pattern: RuleDocument["pattern"] = {
      stages: [{ name: "a" }, ...optional, { name: "z", condition: "value > 1" }],
      after_match: { type: "no_skip" },
      within: "7d",
    }
    const compiled = compileRule("r", 1, { ...onSample, pattern })
    if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
    const matcher = compiled.program.pattern!.make(new HeldBytes())
    const died: Array<number> = []
    matcher.watch(({ at }) => died.push(at))
    const labels = {}
    const offer = (at: number) =>
      matcher.offer({ name: "cpu", isEvent: false, labels, attributes: {}, value: 0, at })
    for (let at = 1; at <= 40; at++) offer(at)
    expect(matcher.partialMatches()).toBe(partialMatchesMax)
    const before = matcher.limited()
    offer(41)
    // Those that found no place among the moved, those that had to make room for them, and no others.
    expect(matcher.limited() - before).toBe(died.filter((at) => at === 41).length)
    expect(matcher.limited() - before).toBeGreaterThan(movedPerItemMax)
  })
})

describe("windows", () => {
  const hopping = (
    count: number,
    name: "avg" | "percentile",
    size: number,
    lateness = "0s",
  ): RuleDocument => ({
    ...onSample,
    timing: { allowed_lateness: lateness },
    aggregates: Object.fromEntries(
      Array.from({ length: count }, (_, at) => [
        `a${at}`,
        {
          function: name,
          ...(name === "percentile" ? { percentile: at + 1 } : {}),
          window: { type: "hopping" as const, size: `${size - at}m`, slide: "1m" },
        },
      ]),
    ),
  })
  const fields = (document: RuleDocument) => {
    const compiled = compileRule("r", 1, document)
    return "problems" in compiled ? compiled.problems.map(({ field }) => field) : []
  }

  it("that one item after a pause would end thousands of times are not taken; those of a day by the minute are", () => {
    expect(fields(hopping(1, "avg", 1_440))).toEqual([])
    expect(fields(hopping(2, "avg", 1_440))).toEqual(["aggregates"])
    expect(fields(hopping(1, "avg", 1_441))).toEqual(["aggregates"])
  })

  it("that end by the hundred with one item, and each with another result, change an alert a bounded number of times", () => {
    const odd: RuleDocument = {
      ...onSample,
      mode: "alert",
      condition: "n % 2.0 == 1.0",
      aggregates: { n: { function: "count", window: { type: "hopping", size: "1000s", slide: "1s" } } },
    }
    const lane = new RuleLane().rule("r", odd)
    for (let at = 1; at <= 1_000; at++) lane.sample(1, at)
    const [said, { errors }] = [lane.outputs.length, figures(lane)]
    expect(errors).toBe(0)
    lane.sample(1, 1_900)
    expect(lane.outputs).toHaveLength(said + changesPerItemMax)
    expect(figures(lane).errors).toBeGreaterThan(500)
    const { errors: after } = figures(lane)
    lane.sample(1, 1_901)
    expect(figures(lane).errors).toBe(after)
  })

  it("with percentiles that would merge more than a bounded number of parts with one item are not taken", () => {
    expect(fields(hopping(1, "percentile", 60))).toEqual([])
    expect(fields(hopping(2, "percentile", 42))).toEqual([])
    expect(fields(hopping(1, "percentile", 61))).toEqual(["aggregates"])
    expect(fields(hopping(3, "percentile", 42))).toEqual(["aggregates"])
  })

  it("with percentiles that a late item would correct too often are not taken", () => {
    expect(fields(hopping(1, "percentile", 60, "5m"))).toEqual([])
    expect(fields(hopping(1, "percentile", 60, "6m"))).toEqual(["aggregates"])
    expect(fields(hopping(1, "percentile", 17, "24h"))).toEqual([])
    expect(fields(hopping(1, "percentile", 18, "24h"))).toEqual(["aggregates"])
  })

  it("are counted with the panes that they share: a finer window beside them makes each of theirs many", () => {
    const finer = { function: "avg" as const, window: { type: "tumbling" as const, size: "1s" } }
    const document = hopping(1, "percentile", 20)
    expect(fields(document)).toEqual([])
    expect(fields({ ...document, aggregates: { ...document.aggregates, finer } })).toEqual(["aggregates"])
  })
})
