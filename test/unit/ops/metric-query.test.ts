import * as Effect from "effect/Effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { queryMetrics } from "../../../ops/index.ts"
import type { MetricQuery, Sample } from "../../../schemas/index.ts"
import { appendSamples, laneOf, MetricStream, metricToken } from "../../../streams/index.ts"
import { makeMemoryEventStream } from "../../support/memory-event-stream.ts"

const query: MetricQuery = {
  metric: "cpu",
  aggregation: "avg",
  from: 1_000,
  to: 2_000,
  where: {},
  buckets: 10,
  rowsMax: 100,
}
const sample = (at: number, value: number, host = "a", name = "cpu"): Sample => ({
  name,
  labels: { host },
  value,
  at,
})

const run = (wanted: Partial<MetricQuery>, batches: ReadonlyArray<ReadonlyArray<Sample>>) =>
  Effect.runSync(
    Effect.gen(function* () {
      let clock = 0
      const stream = makeMemoryEventStream(() => clock)
      for (const samples of batches) {
        clock = samples.at(-1)?.at ?? clock
        yield* appendSamples(stream, "acme", samples, ["host", "a"])
      }
      const lane = laneOf("acme", query.metric, stream.lanes)
      yield* stream.append(metricToken("acme", lane, "host", "a"), new TextEncoder().encode("no batch"))
      return yield* Effect.provideService(queryMetrics({ ...query, ...wanted }, "acme"), MetricStream, stream)
    }),
  )

describe("the metric query", () => {
  it("takes the samples of the metric within the range, both ends included", () => {
    const found = run({}, [
      [sample(999, 100)],
      [sample(1_000, 1)],
      [sample(1_500, 99, "a", "memory")],
      [sample(2_000, 3)],
      [sample(2_001, 100)],
    ])
    expect(found).toMatchObject({ samples: 2, truncated: false, stream: { first: 2, last: 4 } })
    expect(found.rows).toEqual([{ group: "", value: 2, at: 2_000, samples: 2 }])
  })

  it("groups by a label, filters by another, and says when rows were left out", () => {
    const batch = [sample(1_100, 1, "b"), sample(1_200, 5, "a"), sample(1_300, 9, "c")]
    expect(
      run({ groupBy: "host", aggregation: "last" }, [batch]).rows.map(({ group, value }) => [group, value]),
    ).toEqual([
      ["a", 5],
      ["b", 1],
      ["c", 9],
    ])
    expect(run({ where: { host: "c" } }, [batch]).rows[0]?.value).toBe(9)
    expect(run({ groupBy: "host", rowsMax: 2 }, [batch])).toMatchObject({ truncated: true, rows: [{}, {}] })
  })

  it("makes a series of as many points as there are buckets with samples", () => {
    const { series } = run({ buckets: 2 }, [
      [sample(1_000, 1), sample(1_400, 3), sample(1_600, 10), sample(2_000, 20)],
    ])
    expect(series).toEqual([
      {
        group: "",
        points: [
          { t: 1_000, v: 2 },
          { t: 1_500, v: 15 },
        ],
      },
    ])
  })

  it("finds samples that were stored before there were lanes", () => {
    const stream = makeMemoryEventStream(() => 1_500)
    const found = Effect.runSync(
      Effect.gen(function* () {
        const old = JSON.stringify({ samples: [sample(1_200, 4)] })
        yield* stream.append("t.acme.host.a", new TextEncoder().encode(old))
        yield* appendSamples(stream, "acme", [sample(1_300, 6)], ["api"])
        return yield* Effect.provideService(queryMetrics(query, "acme"), MetricStream, stream)
      }),
    )
    expect(found.rows).toEqual([{ group: "", value: 5, at: 1_300, samples: 2 }])
  })

  it("finds nothing where nothing was measured", () => {
    expect(run({}, [])).toEqual({ rows: [], series: [], samples: 0, truncated: false })
  })

  it("answers min ≤ every percentile ≤ max, and percentile 50 as the median", () => {
    const values = fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 100 }), (all, percentile) => {
        const batch = all.map((value, index) => sample(1_000 + index, value))
        const value = (wanted: Partial<MetricQuery>) => run(wanted, [batch]).rows[0]!.value
        const [low, high] = [Math.min(...all), Math.max(...all)]
        expect(value({ aggregation: "min" })).toBe(low)
        expect(value({ aggregation: "max" })).toBe(high)
        expect(value({ aggregation: "last" })).toBe(all.at(-1))
        const found = value({ aggregation: "percentile", percentile })
        expect(found).toBeGreaterThanOrEqual(low)
        expect(found).toBeLessThanOrEqual(high)
        const sorted = all.toSorted((a, b) => a - b)
        const half = (sorted.length - 1) / 2
        const median = (sorted[Math.floor(half)]! + sorted[Math.ceil(half)]!) / 2
        expect(value({ aggregation: "percentile", percentile: 50 })).toBeCloseTo(median, 9)
      }),
      { numRuns: 100 },
    )
  })
})
