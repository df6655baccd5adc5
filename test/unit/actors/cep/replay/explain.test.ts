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

  it("says of what came too late by how much, and what became of it", () => {
    const mean = { function: "avg", window: { type: "tumbling", size: "10s" } } as const
    const late = (timing: RuleDocument["timing"]) =>
      explain({ aggregates: { mean }, condition: "mean > 50.0", timing: timing! }, 60, [
        [10, 40],
        [31, 40],
        [15, 99],
        [45, 40],
      ])
    const dropped = late({ out_of_orderness: "0s" })
    const step = dropped.groups[0]?.steps.find((one) => one.late !== undefined)
    expect(step).toMatchObject({
      at: start + 15_000,
      late: { watermark: start + 31_000, isCounted: false },
      item: { value: 99 },
      findings: [],
    })
    expect(step?.sentences.join(" ")).toContain(
      `It came late by 16s: the watermark was ${new Date(start + 31_000).toISOString()} already (timing.out_of_orderness is 0s). Nothing counted it (timing.allowed_lateness is 0s), and it was dropped`,
    )
    expect(dropped.groups[0]?.state).toBe("inactive")
    expect(dropped.summary).toContain("1 item came too late to be counted, by up to 16s")
    const published = late({ late: "publish" }).groups[0]?.steps.find((one) => one.late !== undefined)
    expect(published?.sentences.join(" ")).toContain("published as an event millrace.late")
    const counted = late({ allowed_lateness: "1m" })
    const taken = counted.groups[0]?.steps.find((one) => one.late !== undefined)
    expect(taken).toMatchObject({ late: { isCounted: true }, before: "inactive", after: "firing" })
    expect(taken?.sentences.join(" ")).toContain("A window counted it all the same")
    expect(counted.summary).not.toContain("too late to be counted")
  })

  it("says what the alert was then, whatever came late after that time", () => {
    const { groups } = explain({ condition: "value > 90" }, 25, [
      [10, 40],
      [30, 95],
      [20, 40],
    ])
    expect(groups[0]).toMatchObject({ state: "inactive" })
    expect(groups[0]?.steps.filter(({ late }) => late !== undefined)).toHaveLength(1)
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
      /partial match that began at .* had taken high last and waited for low, and died at .*: the next item was another one/u,
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
