/** What of the stream and of the desk's record an explanation is made of. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { fingerprintOf } from "../../../actors/cep/group/fingerprint.ts"
import { AlertIndex, explainRule } from "../../../actors/index.ts"
import type { RuleDocument } from "../../../schemas/index.ts"
import { appendSamples, MetricStream } from "../../../streams/index.ts"
import { makeMemoryEventStream } from "../../support/memory-event-stream.ts"

const hour = 3_600_000
const start = 1_700_006_400_000
const document = (condition: string): RuleDocument => ({
  name: "r",
  trigger: { type: "metric", metric: "cpu" },
  condition,
})
const version = (number: number, at: number, given = document("value > 3.0")) => ({
  ...{ version: number, at: start + at, document: given },
})

interface Asked {
  readonly at: number
  readonly now: number
  readonly versions?: ReadonlyArray<ReturnType<typeof version>>
  /** Measured and stored at, from the start on. */
  readonly samples: ReadonlyArray<readonly [value: number, at: number, stored?: number, name?: string]>
  readonly dropped?: number
  readonly index?: Partial<AlertIndex["Service"]>
}

const fingerprint = fingerprintOf("acme", "r", {})
/** The alert as the desk has it: it fired after so long, and was ended by an edit. */
const firing = (at: number, changedAt?: number): Partial<AlertIndex["Service"]> => {
  const known = { fingerprint, rule: "r", name: "r" }
  const timesOf = (after: number) => ({ at: start + after, takenAt: start + after })
  const fired = { ...known, number: 1, to: "firing", cause: "condition", ...timesOf(at) }
  const changed = { ...known, number: 2, to: "resolved", cause: "rule_changed", ...timesOf(changedAt ?? 0) }
  return {
    list: () => Effect.succeed({ rows: [{ fingerprint, labels: {}, quietBy: [] }], total: 1 } as never),
    history: () => Effect.succeed(changedAt === undefined ? [fired] : [changed, fired]),
  }
}

const explain = async ({ at, now, versions = [version(1, -hour)], samples, dropped = 0, index }: Asked) => {
  let storedAt = start
  const stream = makeMemoryEventStream(() => storedAt)
  for (const [value, measured, stored = measured, name = "cpu"] of samples) {
    storedAt = start + stored
    const sample = { name, labels: {}, value, at: start + measured }
    await Effect.runPromise(appendSamples(stream, "acme", [sample], ["push"]))
  }
  stream.dropThrough(dropped)
  const question = { tenant: "acme", rule: "r", versions, at: start + at }
  const nothing = { list: () => Effect.succeed({ rows: [], total: 0 }) }
  return Effect.runPromise(
    explainRule(question, start + now).pipe(
      Effect.provideService(MetricStream, stream),
      Effect.provideService(AlertIndex, (index ?? nothing) as AlertIndex["Service"]),
    ),
  )
}

describe("an explanation", () => {
  it("begins where the alert began to fire, though nothing came for hours", async () => {
    const given = { at: 5 * hour, now: 5 * hour, samples: [[9, 0]] as const, index: firing(0) }
    const { summary, groups, truncated } = await explain(given)
    expect(groups[0]).toMatchObject({ state: "firing", since: start, steps: [{ after: "firing" }] })
    expect(summary).toContain("value > 3.0 was true (9 against 3)")
    expect(truncated).toBe(false)
  })

  it("tells the edit that resolved the alert hours before the time", async () => {
    const mean = { function: "avg", window: { type: "sliding", size: "1m" } } as const
    const edited = { ...document("mean > 300.0"), aggregates: { mean } }
    const versions = [version(1, -hour), version(2, hour, edited)]
    const { version: then, groups } = await explain({
      ...{
        at: 5 * hour,
        now: 5 * hour,
        versions,
        samples: [[9, 0.5 * hour]],
        index: firing(0.5 * hour, hour),
      },
    })
    expect(then).toBe(2)
    expect(groups).toMatchObject([
      { state: "resolved", desk: { agrees: true }, versions: [{ version: 2, to: "resolved" }] },
    ])
  })

  it("finds what was measured then and stored a day later", async () => {
    const { groups, summary } = await explain({
      ...{ at: 0.1 * hour, now: 40 * hour, samples: [[9, 0, 26 * hour]] },
    })
    expect(groups[0]).toMatchObject({ state: "firing", since: start, steps: [{ item: { value: 9 } }] })
    expect(summary).toContain("The alert desk knew nothing of it")
  })

  it("says that what made an alert fire left the stream", async () => {
    const samples = [
      [9, 0],
      [1, 4.9 * hour, 4.9 * hour, "other"],
    ] as const
    const given = { at: 5 * hour, now: 5 * hour, samples, index: firing(0), dropped: 1 }
    const { summary, groups } = await explain(given)
    expect(groups).toMatchObject([{ state: "firing", desk: { agrees: true }, steps: [] }])
    expect(summary).toMatch(/^The alert desk has it firing since .* (?:nothing was evaluated|in the stream)/u)
  })

  it("is of the rule as it was first, and says so, of a time before it was made", async () => {
    const versions = [version(1, 3 * hour), version(2, 4 * hour, document("value > 100.0"))]
    const { version: then, summary } = await explain({
      ...{ at: hour, now: 5 * hour, versions, samples: [[9, 0.9 * hour]] },
    })
    expect(then).toBe(1)
    expect(summary).toMatch(/^The rule was not there at that time.*It fired since/u)
  })

  it("is what the messages say while the database is away", async () => {
    const away = { list: () => Effect.fail("away" as never) }
    const { summary, groups } = await explain({
      at: hour,
      now: hour,
      samples: [[9, 0.9 * hour]],
      index: away,
    })
    expect(groups[0]).toMatchObject({ state: "firing" })
    expect(summary).not.toContain("alert desk")
  })

  it("leaves out documents that this release refuses, and says so where there is no other", async () => {
    const refused = version(2, 1.2 * hour, document("valu > 3.0"))
    const given = { at: 2 * hour, now: 2 * hour, samples: [[9, 1.5 * hour]] as const }
    const { version: then, groups } = await explain({ ...given, versions: [version(1, -hour), refused] })
    expect([then, groups[0]?.state]).toEqual([1, "firing"])
    expect((await explain({ ...given, versions: [refused] })).summary).toContain(
      "this release refuses the rule's document of that time: condition: there is no valu",
    )
  })
})
