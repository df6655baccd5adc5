import { describe, expect, it } from "vitest"
import { planQuestion, validatePlan } from "../../../ops/index.ts"
import type { MetricQuery } from "../../../schemas/index.ts"

const now = 1_800_000_000_000
const day = 24 * 60 * 60_000
const valid: MetricQuery = {
  metric: "host_cpu_usage_percent",
  aggregation: "avg",
  from: now - 60_000,
  to: now,
  where: {},
  buckets: 30,
  rowsMax: 100,
}
const check = (changes: Partial<MetricQuery>) =>
  validatePlan({ route: "AGGREGATE", query: { ...valid, ...changes } }, now)

describe("the validator", () => {
  it("lets a whole query pass, and what needs no query", () => {
    expect(check({})).toEqual([])
    expect(check({ from: now - day })).toEqual([])
    expect(validatePlan(planQuestion("what time is it", now), now)).toEqual([])
  })

  const bad: ReadonlyArray<readonly [field: string, changes: Partial<MetricQuery>, remedy: RegExp]> = [
    ["metric", { metric: "" }, /name the metric/],
    ["metric", { metric: "secrets" }, /use one of .*host_load1/],
    ["groupBy", { groupBy: "rack" }, /one of host/],
    ["where", { where: { rack: "1" } }, /one of host/],
    ["from", { from: now + 1, to: now + 2 }, /has passed/],
    ["from", { from: now, to: now - 1 }, /smaller/],
    ["from", { from: now - day - 1 }, /at most 24 h/],
    ["rowsMax", { rowsMax: 101 }, /1 to 100/],
    ["rowsMax", { rowsMax: 0 }, /1 to 100/],
    ["buckets", { buckets: 121 }, /0 to 120/],
    ["percentile", { aggregation: "percentile" }, /0 to 100/],
    ["percentile", { aggregation: "percentile", percentile: 101 }, /0 to 100/],
  ]
  for (const [field, changes, remedy] of bad) {
    it(`names the field and the remedy for ${JSON.stringify(changes)}`, () => {
      expect(check(changes)).toEqual([
        { field, problem: expect.any(String), remedy: expect.stringMatching(remedy) },
      ])
    })
  }

  it("does not run questions about dependencies yet, and says so", () => {
    expect(validatePlan({ route: "GRAPH", reason: "" }, now)).toMatchObject([
      { field: "route", problem: expect.stringMatching(/not available yet/) },
    ])
  })
})
