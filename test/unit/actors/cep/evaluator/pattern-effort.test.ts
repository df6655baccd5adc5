/** What showing conditions the items of a match costs is the same whoever has the lane. */
import { expect, it } from "vitest"
import type { RuleDocument } from "../../../../../schemas/index.ts"
import { RuleLane, tenant } from "./rule-lane.ts"

const times = 80
/** Each item after the first eighty is one more partial match, whose last stage asks for what was matched. */
const pattern: RuleDocument = {
  name: "Follows",
  trigger: { type: "metric", metric: "cpu" },
  pattern: {
    within: "1h",
    stages: [
      { name: "a", condition: "value == 1", times: { min: times, max: times }, repetition: "consecutive" },
      { name: "b", contiguity: "followed_by_any", condition: "value == 2" },
      { name: "c", contiguity: "followed_by", condition: "value > matched.b[0].value + 1000.0" },
    ],
  },
}

it("a pattern at the bound of its steps comes to the same after a restart", () => {
  const run = (isRestarted: boolean) => {
    const lane = new RuleLane().rule("r", pattern)
    for (let at = 0; at < times; at++) lane.sample(1, at)
    for (let at = 0; at < 800; at++) lane.sample(2, times + at)
    if (isRestarted) lane.reopen()
    lane.sample(2, 2_000).sample(2_000, 2_001)
    const { errors, lastError, partialMatches, matches } = lane.evaluator.figures(tenant, "r")!
    return { errors, lastError, partialMatches, matches, said: lane.said() }
  }
  const whole = run(false)
  expect(whole).toMatchObject({ errors: 0, matches: 1 })
  expect(run(true)).toEqual(whole)
})
