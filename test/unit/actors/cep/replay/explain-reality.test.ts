/** Explanations over several documents of a rule, and beside what the alert desk recorded. */
import { describe, expect, it } from "vitest"
import type { DeskAlert, DeskEntry, DeskRecord } from "../../../../../actors/cep/replay/desk-record.ts"
import { Explainer, type ExplainOptions } from "../../../../../actors/cep/replay/explain.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"
import { textOfSeries } from "../evaluator/rule-lane.ts"

const start = 1_700_006_400_000
const time = (second: number) => start + second * 1_000
const textOf = (second: number) => new Date(time(second)).toISOString()

const above = (limit: string, more: Partial<RuleDocument> = {}): RuleDocument => ({
  name: "r",
  trigger: { type: "metric", metric: "cpu" },
  group_by: ["host"],
  condition: `value > ${limit}`,
  ...more,
})

interface Sample {
  readonly at: number
  readonly value: number
  readonly stored?: number
  readonly host?: string
}

const explain = (
  asked: number,
  samples: ReadonlyArray<Sample>,
  options: Partial<ExplainOptions> = {},
  until = asked + 60,
) => {
  const explainer = new Explainer({
    ...{ tenant: "acme", rule: "r", version: 1, document: above("90"), at: time(asked) },
    ...options,
  })
  samples.forEach(({ at, value, stored = at, host = "a" }, index) => {
    explainer.offer({
      place: { sequence: index + 1, at: time(stored) },
      columns: {
        series: [textOfSeries("cpu", { host })],
        seriesOf: new Uint32Array(1),
        values: new Float64Array([value]),
        times: new Float64Array([time(at)]),
      },
    })
  })
  return explainer.finish(time(until))
}

const version = (number: number, at: number, document: RuleDocument) => ({
  ...{ version: number, at: time(at), document },
})
const mean: RuleDocument = above("0.0", {
  aggregates: { mean: { function: "avg", window: { type: "sliding", size: "1m" } } },
  condition: "mean > 200.0",
})

/** The fingerprint that the evaluation gives to the group of host a. */
const fingerprint = explain(10, [{ at: 5, value: 95 }]).groups[0]!.fingerprint
const record = (alerts: ReadonlyArray<DeskAlert>, at = 10_000, isWhole = true): DeskRecord => ({
  ...{ alerts, isWhole, at: time(at) },
})
const alertsOf = (...history: ReadonlyArray<Partial<DeskEntry>>): ReadonlyArray<DeskAlert> => [
  {
    fingerprint,
    labels: { host: "a" },
    quietBy: [],
    isWhole: true,
    history: history.map(({ at = 0, ...entry }) => ({
      ...{ to: "firing", cause: "condition", takenAt: time(at) },
      ...entry,
      at: time(at),
    })),
  },
]

const desk = (...history: ReadonlyArray<Partial<DeskEntry>>) => record(alertsOf(...history))

describe("an explanation over an edit of the rule", () => {
  it("says that the alert was resolved by it when nothing could go on, and since when", () => {
    const { version: then, groups } = explain(60, [{ at: 10, value: 95 }], {
      later: [version(2, 30, mean)],
    })
    expect(then).toBe(2)
    expect(groups[0]).toMatchObject({
      state: "resolved",
      since: time(30),
      versions: [{ version: 2, at: time(30), to: "resolved" }],
    })
    expect(groups[0]?.steps[0]).toMatchObject({ version: 1, after: "firing" })
    expect(groups[0]?.summary).toContain(
      `it was resolved since ${textOf(30)}, when version 2 of the rule began to count`,
    )
  })

  it("goes on with the same alert when the edit keeps it, under the new condition from then on", () => {
    const samples = [
      { at: 10, value: 95 },
      { at: 40, value: 96 },
    ]
    const { groups } = explain(60, samples, { later: [version(2, 30, above("99"))] })
    expect(groups[0]?.steps).toMatchObject([
      { version: 1, after: "firing" },
      { version: 2, before: "firing", after: "resolved" },
    ])
    expect(groups[0]?.summary).toContain("value > 99 was false (96 against 99)")
    expect(groups[0]?.summary).toContain(`Version 2 of the rule counts since ${textOf(30)}`)
  })

  it("makes up for the past of what begins anew, as its lane does", () => {
    const hot = { ...mean, condition: "mean > 90.0" }
    const { groups } = explain(60, [{ at: 20, value: 95 }], {
      document: above("99"),
      later: [version(2, 30, hot)],
    })
    expect(groups[0]).toMatchObject({ state: "firing", versions: [{ version: 2, to: "firing" }] })
  })

  it("looks a day back where something fires, as its lane does, so that what still holds goes on", () => {
    const other = above("95", { timing: { out_of_orderness: "1s" } })
    const samples = [
      { at: 10, value: 99 },
      { at: 3_000, value: 0, host: "b" },
    ]
    const { groups } = explain(3_700, samples, { later: [version(2, 3_600, other)], group: { host: "a" } })
    expect(groups).toMatchObject([{ state: "firing", versions: [{ version: 2, at: time(3_600) }] }])
    expect(groups[0]?.versions[0]).not.toHaveProperty("to")
  })

  it("is of the document before it when the edit came after the time", () => {
    const { version: then, groups } = explain(20, [{ at: 10, value: 95 }], {
      later: [version(2, 30, mean)],
    })
    expect(then).toBe(1)
    expect(groups[0]).toMatchObject({ state: "firing", versions: [] })
  })

  it("tells the evaluations of what came before a rule was made, which it made up for", () => {
    const { groups } = explain(60, [{ at: 10, value: 95 }], { document: mean, madeAt: time(30) })
    expect(groups[0]?.steps[0]).toMatchObject({ at: time(10), values: { mean: 95 } })
  })
})

describe("an explanation beside the alert desk's record", () => {
  it("knows of an alert that fires for hours without anything new", () => {
    const { summary, groups } = explain(7_200, [], { desk: desk({ at: 10 }) })
    expect(summary).toContain(`The alert desk has it firing since ${textOf(10)}.`)
    expect(summary).not.toContain("Nothing that this rule looks at")
    expect(groups).toMatchObject([
      { state: "firing", since: time(10), desk: { state: "firing", agrees: true }, steps: [] },
    ])
  })

  it("says that somebody resolved it by hand, and what its condition says", () => {
    const { summary, groups } = explain(60, [{ at: 10, value: 95 }], {
      desk: desk({ at: 10 }, { at: 40, to: "resolved", cause: "resolved by hand", by: "anna" }),
    })
    expect(groups[0]).toMatchObject({
      state: "firing",
      desk: { state: "resolved", agrees: false, by: "anna" },
    })
    expect(summary).toContain(
      `The alert desk has it resolved since ${textOf(40)}, resolved by hand by anna. The condition says firing all the same`,
    )
  })

  it("says that what decided it could not be read", () => {
    const { summary, groups } = explain(600, [{ at: 500, value: 10 }], { desk: desk({ at: 10 }) })
    expect(groups[0]?.desk).toMatchObject({ state: "firing", agrees: false })
    expect(summary).toContain("what decided it is not among the messages that could be read")
  })

  it("says so when the desk knew nothing of what the messages make of it", () => {
    const { summary } = explain(60, [{ at: 10, value: 95 }], { desk: record([]) })
    expect(summary).toContain("The alert desk knew nothing of it at that time")
  })

  it("says nothing of the desk where its record is cut, and little where it may be behind", () => {
    const samples = [{ at: 10, value: 95 }]
    const told = (given: DeskRecord) => explain(60, samples, { desk: given }).summary
    expect(told(record([], 10_000, false))).not.toContain("alert desk")
    const cut = alertsOf({ at: 900 }).map((alert) => ({ ...alert, isWhole: false }))
    expect(told(record(cut))).not.toContain("alert desk")
    expect(told(record([], 65))).toContain("does not have it yet")
    const stale = alertsOf({ at: 5 }, { at: 8, to: "resolved" })
    expect(told(record(stale, 65))).toContain("may be some seconds behind")
    expect(told(record(stale))).not.toContain("behind")
  })

  it("adds nothing where both say the same, whatever happened after the time", () => {
    const { summary, groups } = explain(30, [{ at: 10, value: 95 }], {
      desk: desk({ at: 10 }, { at: 40, to: "resolved", cause: "resolved by hand", by: "anna" }),
    })
    expect(groups[0]?.desk).toMatchObject({ agrees: true })
    expect(summary).not.toContain("alert desk")
  })

  it("says who keeps it quiet", () => {
    const quiet = record(alertsOf({ at: 10 }).map((alert) => ({ ...alert, quietBy: ["night"] })))
    expect(explain(30, [{ at: 10, value: 95 }], { desk: quiet }).summary).toContain(
      "It is kept quiet now, by night: nobody is told of it.",
    )
  })

  it("is not held against it of a time at which the rule was not there", () => {
    const { summary } = explain(60, [{ at: 10, value: 95 }], { desk: record([]), isBeforeRule: true })
    expect(summary).toContain("The rule was not there at that time: this is what it would have said.")
    expect(summary).not.toContain("alert desk")
  })
})

describe("an explanation of a rule without states", () => {
  it("says when it matched", () => {
    const document = above("90", { mode: "trigger" })
    const { summary } = explain(60, [{ at: 10, value: 95 }], { document })
    expect(summary).toContain(`It matched at ${textOf(10)}`)
    expect(explain(60, [{ at: 10, value: 5 }], { document }).summary).toContain("It did not match.")
  })
})
