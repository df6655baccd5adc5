/**
 * The tool that reads the metric stream for a range of time: one value per group, and a bucketed series per group for a
 * chart. Bounded by messages and rows; says when it left something out.
 */
import * as Effect from "effect/Effect"
import type { MetricQuery, Sample } from "../../schemas/index.ts"
import {
  laneOf,
  MetricStream,
  metricsOfTenantInLane,
  SampleDecoder,
  type StoredEvent,
  samplesOfColumns,
} from "../../streams/index.ts"
import type { MetricFindings } from "../findings.ts"
import { aggregate, type Observation } from "./aggregate.ts"

/** Messages of the stream that count in one query: a day at one a second. */
export const messagesMax = 90_000
/** Groups that get a series; rows go on beyond it. */
export const seriesMax = 10

const wanted = (query: MetricQuery, { name, labels, at }: Sample): boolean =>
  name === query.metric &&
  at >= query.from &&
  at <= query.to &&
  Object.entries(query.where).every(([label, value]) => labels[label] === value)

class Gathering {
  readonly groups = new Map<string, Array<Observation>>()
  first: number | undefined
  last: number | undefined
  samples = 0
  messages = 0
  readonly #query: MetricQuery
  readonly #decoder = new SampleDecoder()

  constructor(query: MetricQuery) {
    this.#query = query
  }

  take({ sequence, data }: StoredEvent): void {
    const columns = this.#decoder.read(data)
    if (columns === undefined) return
    this.messages += 1
    if (this.messages > messagesMax) return
    for (const sample of samplesOfColumns(columns)) {
      if (!wanted(this.#query, sample)) continue
      const { groupBy } = this.#query
      const group = groupBy === undefined ? "" : (sample.labels[groupBy] ?? "")
      const gathered = this.groups.get(group)
      if (gathered === undefined) this.groups.set(group, [sample])
      else gathered.push(sample)
      this.first ??= sequence
      this.last = sequence
      this.samples += 1
    }
  }
}

const seriesOf = (query: MetricQuery, observations: ReadonlyArray<Observation>) => {
  const { buckets, from, to, aggregation, percentile } = query
  if (buckets === 0) return []
  const widthMs = Math.max(1, (to - from) / buckets)
  const filled = new Map<number, Array<Observation>>()
  for (const one of observations) {
    const bucket = Math.min(buckets - 1, Math.floor((one.at - from) / widthMs))
    const gathered = filled.get(bucket)
    if (gathered === undefined) filled.set(bucket, [one])
    else gathered.push(one)
  }
  return [...filled]
    .toSorted(([a], [b]) => a - b)
    .map(([bucket, gathered]) => ({
      t: Math.round(from + bucket * widthMs),
      v: aggregate(gathered, aggregation, percentile)!,
    }))
}

/** What other tenants measured is not even fetched. Rows in the order of their groups' names. Errors: `Unavailable` when the stream cannot be read. */
export const queryMetrics = Effect.fn("tool metric-query")(function* (query: MetricQuery, tenant: string) {
  const stream = yield* MetricStream
  const gathering = new Gathering(query)
  // A sample is stored after it was measured, so nothing in the range was stored before the range.
  const lane = laneOf(tenant, query.metric, stream.lanes)
  yield* stream.read(metricsOfTenantInLane(tenant, lane), { timeMs: query.from }, (event) =>
    gathering.take(event),
  )
  const groups = [...gathering.groups].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const kept = groups.slice(0, query.rowsMax)
  const { first, last } = gathering
  return {
    rows: kept.map(([group, observations]) => ({
      group,
      value: aggregate(observations, query.aggregation, query.percentile)!,
      at: aggregate(
        observations.map(({ at }) => ({ at, value: at })),
        "max",
      )!,
      samples: observations.length,
    })),
    series: kept
      .slice(0, seriesMax)
      .map(([group, observations]) => ({ group, points: seriesOf(query, observations) })),
    samples: gathering.samples,
    truncated: groups.length > kept.length || gathering.messages > messagesMax,
    ...(first === undefined || last === undefined ? {} : { stream: { first, last } }),
  } satisfies MetricFindings
})
