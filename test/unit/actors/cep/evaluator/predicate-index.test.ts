/** The cost of finding whom an item concerns follows the rules that may match: what is looked at is counted. */
import { describe, expect, it } from "vitest"
import { PredicateIndex } from "../../../../../actors/cep/predicate-index.ts"
import { cpuRule, RuleLane } from "./rule-lane.ts"

describe("finding the rules of an item", () => {
  const where = (host: string) => ({ isEvent: false, name: "cpu", where: { host, cluster: "one" } })

  it("looks at the rules that may match, not at all that there are", () => {
    const index = new PredicateIndex<number>()
    for (let rule = 0; rule < 10_000; rule++) index.add(where(`h${rule % 5_000}`), rule)
    index.add({ isEvent: false, name: "cpu", where: {} }, 10_000)
    const found = index.find(index.obtain("cpu", false), { host: "h7", cluster: "one" })
    expect([...found].sort((one, other) => one - other)).toEqual([7, 5_007, 10_000])
    expect(index.checks).toBeLessThan(10)
  })

  it("finds what fits all that a rule asks for, and nothing that was taken out", () => {
    const index = new PredicateIndex<string>()
    index.add(where("a"), "one")
    index.add({ ...where("a"), where: { host: "a", zone: "x" } }, "two")
    const name = index.obtain("cpu", false)
    expect(index.find(name, { host: "a", cluster: "one" })).toEqual(["one"])
    expect(index.find(name, { host: "a", cluster: "one", zone: "x" })).toHaveLength(2)
    index.remove(where("a"), "one")
    expect(index.find(name, { host: "a", cluster: "one", zone: "x" })).toEqual(["two"])
  })

  it("happens once per series until a rule of its name changes", () => {
    const lane = new RuleLane().rule("r", cpuRule())
    for (let second = 1; second <= 50; second++) lane.sample(10, second)
    expect(lane.evaluator.checks).toBe(1)
    lane.rule("other", cpuRule({ trigger: { type: "metric", metric: "memory" } }))
    lane.sample(10, 60)
    expect(lane.evaluator.checks).toBe(1)
    lane.rule("second", cpuRule()).sample(95, 61)
    expect(lane.evaluator.checks).toBe(3)
    expect(lane.transitions.map(({ rule }) => rule)).toEqual(["r", "second"])
  })
})
