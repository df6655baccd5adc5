import { describe, expect, it } from "vitest"
import { roomWarnings } from "../../../../../actors/cep/rule/room-warnings.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"

const polled = (every: string, size: string, more: object = {}): RuleDocument =>
  ({
    name: "Polled",
    trigger: { type: "metric", metric: "m", poll: { url: "https://a.example", every, format: "prometheus" } },
    aggregates: { mean: { function: "avg", window: { type: "sliding", size }, ...more } },
    condition: "mean > 1.0",
  }) as RuleDocument

describe("a rule is warned of what its windows could never hold", () => {
  it("where a poll brings more than a sliding window keeps", () => {
    expect(roomWarnings(polled("5s", "7d"))).toEqual([
      expect.objectContaining({
        field: "aggregates.mean.window.size",
        problem: "is as long as 120960 items take to come, a window holds the last 100000",
      }),
    ])
    expect(roomWarnings(polled("10s", "7d"))).toEqual([])
    expect(roomWarnings(polled("5s", "7d", { metric: "other" }))).toEqual([])
  })

  it("where a schedule does", () => {
    const { aggregates } = polled("5s", "7d")
    const trigger = { type: "schedule", every: "1s" } as const
    expect(roomWarnings({ name: "Scheduled", trigger, aggregates: aggregates! })).toHaveLength(1)
  })

  it("where few groups have room for as many items as its windows count", () => {
    const of = (count: number, group_by: ReadonlyArray<string>): RuleDocument => ({
      name: "Counts",
      trigger: { type: "metric", metric: "m" },
      group_by,
      aggregates: Object.fromEntries(
        ["avg", "max"].map((name) => [name, { function: name as "avg", window: { type: "count", count } }]),
      ),
    })
    expect(roomWarnings(of(100_000, ["host"]))).toEqual([
      expect.objectContaining({
        field: "group_by",
        problem: expect.stringContaining("room for about 31 groups"),
      }),
    ])
    expect(roomWarnings(of(100_000, []))).toEqual([])
    expect(roomWarnings(of(1_000, ["host"]))).toEqual([])
  })
})
