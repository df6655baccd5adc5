/** Explanations of patterns: what an item came to for each stage, who waited for what, and what died. */
import { describe, expect, it } from "vitest"
import { Explainer } from "../../../../../actors/cep/replay/explain.ts"
import type { EventAttributes, RuleDocument } from "../../../../../schemas/index.ts"

const start = 1_700_006_400_000
const time = (second: number) => start + second * 1_000
const textOf = (second: number) => new Date(time(second)).toISOString()

type Told = readonly [type: string, second: number, attributes?: EventAttributes]

const explain = (
  pattern: RuleDocument["pattern"],
  asked: number,
  events: ReadonlyArray<Told>,
  more: Partial<RuleDocument> = {},
) => {
  const document: RuleDocument = {
    name: "r",
    trigger: { type: "event", event: "a" },
    pattern: pattern!,
    ...more,
  }
  const explainer = new Explainer({ tenant: "acme", rule: "r", version: 1, document, at: time(asked) })
  events.forEach(([type, second, attributes = {}], index) => {
    const event = { id: `e${index}`, type, at: time(second), attributes }
    explainer.offer({ place: { sequence: index + 1, at: time(second) }, events: [event] })
  })
  return explainer.finish(time(asked + 600))
}

const stages = [
  { name: "first" },
  { name: "big", event: "b", condition: "event.n > 5.0" },
  { name: "end", event: "c" },
]

describe("an explanation of a pattern", () => {
  it("says by how much an item failed the stage that was waited for", () => {
    const { summary, groups } = explain({ stages, within: "1h" }, 60, [
      ["a", 10],
      ["b", 20, { n: 3 }],
    ])
    const step = groups[0]?.steps.at(-1)
    expect(step).toMatchObject({
      stages: [
        {
          ...{ stage: "big", isNot: false, waiting: 1, startAt: time(10), takes: false },
          findings: [{ source: "event.n > 5.0", result: false, left: 3, right: 5, short: 2 }],
        },
      ],
      awaited: [{ stages: ["big"], count: 1 }],
    })
    expect(step?.sentences.join(" ")).toContain(
      `Stage big (waited for by a partial match that began at ${textOf(10)}): the item does not fit. event.n > 5.0 was false (3 against 5), short by 2.`,
    )
    expect(step?.sentences.join(" ")).toContain("1 partial match waits for big.")
    expect(summary).toContain("event.n > 5.0 was false (3 against 5), short by 2.")
  })

  it("says of a partial match that died what it waited for, and not only what it had taken", () => {
    const { groups } = explain({ stages, within: "1m" }, 200, [
      ["a", 10],
      ["b", 20, { n: 7 }],
      ["b", 100, { n: 7 }],
    ])
    const death = groups[0]?.steps.flatMap((step) => step.deaths)[0]
    expect(death).toMatchObject({ reason: "within", stage: "big", waitedFor: ["end"] })
    expect(groups[0]?.steps.flatMap(({ sentences }) => sentences).join(" ")).toContain(
      `had taken big last and waited for end, and died at ${textOf(70)}: its time was over.`,
    )
  })

  it("leaves out stages that cannot come yet, as the next one of a stage that has to be taken twice", () => {
    const twice = [
      { name: "first", times: { min: 2, max: 2 } },
      { name: "end", event: "c" },
    ]
    const { groups } = explain({ stages: twice, within: "1h" }, 60, [
      ["a", 10],
      ["c", 20],
    ])
    const step = groups[0]?.steps.at(-1)
    expect(step).toMatchObject({ stages: [], awaited: [{ stages: ["first"], count: 1 }] })
  })

  it("compares with what each of the last partial matches had taken before", () => {
    const grows = [
      { name: "first" },
      { name: "more", condition: "event.n > matched.first[0].event.n" },
      { name: "end", event: "c" },
    ]
    const { groups } = explain({ stages: grows, within: "1h" }, 60, [
      ["a", 10, { n: 8 }],
      ["a", 20, { n: 5 }],
    ])
    const looks = groups[0]?.steps.at(-1)?.stages
    expect(looks).toMatchObject([
      { stage: "more", startAt: time(10), takes: false, findings: [{ left: 5, right: 8, short: 3 }] },
      { stage: "first", waiting: 0, takes: true },
    ])
  })

  it("tells of what must not come that it came", () => {
    const without = [{ name: "first" }, { name: "bad", event: "b", not: true }, { name: "end", event: "c" }]
    const { groups } = explain({ stages: without, within: "1h" }, 60, [
      ["a", 10],
      ["b", 20],
    ])
    const step = groups[0]?.steps.at(-1)
    expect(step?.stages).toMatchObject([{ stage: "bad", isNot: true, takes: true, waiting: 1 }])
    expect(step?.deaths).toMatchObject([{ reason: "not", waitedFor: ["end"] }])
  })

  it("compares the rule's condition with what matched, and says nothing of it where nothing did", () => {
    const { groups } = explain(
      { stages: [{ name: "first" }, { name: "end", event: "c" }], within: "1h" },
      60,
      [
        ["a", 10, { n: 4 }],
        ["c", 20],
      ],
      { condition: "matched.first[0].event.n > 5.0" },
    )
    expect(groups[0]?.steps.map(({ findings }) => findings)).toMatchObject([
      [],
      [{ result: false, left: 4, right: 5, short: 1 }],
    ])
  })
})
