import { describe, expect, it } from "vitest"
import { partialMatchesMax } from "../../../../../actors/cep/patterns/partial-matches.ts"
import { RuleLane, tenant } from "./rule-lane.ts"

describe("what a monitor shows of a rule", () => {
  it("counts the partial matches that there was no room for", () => {
    const pattern = {
      stages: [{ name: "a" }, { name: "z", condition: "value < 0.0" }],
      after_match: { type: "no_skip" },
      within: "7d",
    } as const
    const lane = new RuleLane().rule("r", {
      name: "Never ends",
      trigger: { type: "metric", metric: "cpu" },
      pattern,
    })
    for (let at = 1; at <= partialMatchesMax; at++) lane.sample(1, at)
    expect(lane.evaluator.figures(tenant, "r")).toMatchObject({ partialMatchesDropped: 0 })
    for (let at = 1; at <= 3; at++) lane.sample(1, partialMatchesMax + at)
    expect(lane.evaluator.figures(tenant, "r")).toMatchObject({
      partialMatches: partialMatchesMax,
      partialMatchesDropped: 3,
    })
  })
})
