import { describe, expect, it } from "vitest"
import { Explainer } from "../../../../../actors/cep/replay/explain.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"
import { textOfSeries } from "../evaluator/rule-lane.ts"

const start = 1_700_006_400_000

type Told = readonly [second: number, value: number, host?: string, name?: string]

const explain = (
  document: Partial<RuleDocument>,
  second: number,
  samples: ReadonlyArray<Told>,
  group = {},
) => {
  const explainer = new Explainer({
    tenant: "acme",
    rule: "r",
    version: 1,
    document: { name: "r", trigger: { type: "metric", metric: "cpu" }, group_by: ["host"], ...document },
    at: start + second * 1_000,
    group,
  })
  samples.forEach(([second, value, host = "a", name = "cpu"], index) => {
    const at = start + second * 1_000
    explainer.offer({
      place: { sequence: index + 1, at },
      columns: {
        series: [textOfSeries(name, { host })],
        seriesOf: new Uint32Array(1),
        values: new Float64Array([value]),
        times: new Float64Array([at]),
      },
    })
  })
  return explainer.finish(start + (second + 60) * 1_000)
}

describe("an explanation", () => {
  it("says which comparison failed and by how much", () => {
    const { summary, groups } = explain({ condition: "value > 90" }, 25, [
      [10, 95],
      [20, 87.5],
    ])
    expect(summary).toContain("value > 90 was false (87.5 against 90), short by 2.5")
    expect(groups[0]).toMatchObject({ state: "resolved", labels: { host: "a" } })
    expect(groups[0]?.steps.map(({ before, after }) => [before, after])).toEqual([
      ["inactive", "firing"],
      ["firing", "resolved"],
    ])
  })

  it("says since when it fired, and what was true then", () => {
    const { summary } = explain({ condition: "value > 90" }, 30, [
      [10, 95],
      [20, 96],
    ])
    expect(summary).toContain(`It fired since ${new Date(start + 10_000).toISOString()}`)
    expect(summary).toContain("value > 90 was true (95 against 90)")
  })

  it("says how long the condition had still to hold", () => {
    const { summary } = explain({ condition: "value > 90", for: "5m" }, 70, [
      [10, 95],
      [60, 96],
    ])
    expect(summary).toContain("pending")
    expect(summary).toContain("4m were missing")
  })

  it("tells what the filter refused, and what has no value yet", () => {
    const filtered = explain({ condition: "true", filter: "value > 50" }, 20, [[10, 40]])
    expect(filtered.groups[0]?.steps[0]).toMatchObject({ passedFilter: false })
    expect(filtered.summary).toContain("value > 50 was false (40 against 50), short by 10")
    const early = explain(
      {
        aggregates: { mean: { function: "avg", window: { type: "tumbling", size: "1m" } } },
        condition: "mean > 3.0",
      },
      20,
      [[10, 40]],
    )
    expect(early.summary).toContain("mean > 3.0 says nothing yet: no value yet: mean")
  })

  it("tells which partial match died, in which stage and why", () => {
    const { summary, groups } = explain(
      {
        pattern: {
          stages: [
            { name: "high", condition: "value > 90" },
            { name: "low", contiguity: "next", condition: "value < 10" },
          ],
          within: "1m",
        },
      },
      40,
      [
        [10, 95],
        [20, 50],
      ],
    )
    expect(groups[0]?.steps.flatMap(({ deaths }) => deaths)).toMatchObject([
      { reason: "strict", startAt: start + 10_000 },
    ])
    expect(summary).toMatch(
      /partial match that began at .* died in stage \w+ .*: the next item was another one/u,
    )
  })

  it("is of the group that was asked for, and says so when nothing came", () => {
    const samples: ReadonlyArray<Told> = [
      [10, 95, "a"],
      [11, 20, "b"],
    ]
    expect(explain({ condition: "value > 90" }, 20, samples, { host: "b" }).groups).toMatchObject([
      { labels: { host: "b" }, state: "inactive" },
    ])
    expect(explain({ condition: "value > 90" }, 20, samples, { host: "c" }).summary).toContain(
      "Nothing that this rule looks at came",
    )
  })
})
