/**
 * Metrics of OpenTelemetry's protocol, as protobuf: gauges, sums, and of histograms and summaries what Prometheus makes of
 * them (`_count`, `_sum`, `_bucket` with `le`, `quantile`). Names and labels become those of Prometheus; attributes of the
 * resource are labels, too, and `service.name` is `job`, `service.instance.id` is `instance`.
 * Source: https://opentelemetry.io/docs/specs/otlp/ and …/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */
import type { Labels } from "../../schemas/index.ts"
import { Collected, metricNameOf } from "./collected.ts"

/** A point in whichever encoding it came, decoded. */
export interface OtlpPoint {
  readonly attributes: ReadonlyArray<readonly [string, string]>
  /** Milliseconds. */
  readonly at: number
  readonly flags: number
  readonly value?: number
  readonly count?: number
  readonly sum?: number
  readonly bounds?: ReadonlyArray<number>
  readonly bucketCounts?: ReadonlyArray<number>
  readonly quantiles?: ReadonlyArray<readonly [quantile: number, value: number]>
}

export interface OtlpMetric {
  readonly resource: ReadonlyArray<readonly [string, string]>
  readonly name: string
  readonly kind: "gauge" | "sum" | "histogram" | "summary" | "other"
  /** Of a sum or histogram: each point says what came since the one before it, not since the beginning. */
  readonly delta?: boolean
  readonly points: ReadonlyArray<OtlpPoint>
}

/** The number of `AGGREGATION_TEMPORALITY_DELTA`. */
export const deltaTemporality = 1

/** Rates, windows and what Prometheus makes of a sum take it since the beginning; to add deltas up one would have to miss none. */
const deltaRefused =
  "the temporality is delta: export it cumulative (OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative, or the collector's deltatocumulative)"

/** Bit of a point that has no value: its series was not observed. */
const noRecordedValue = 1

const resourceNames: Readonly<Record<string, string>> = {
  "service.name": "job",
  "service.instance.id": "instance",
}

const labelsOf = (metric: OtlpMetric, point: OtlpPoint): Labels => {
  const labels: Record<string, string> = {}
  for (const [name, value] of metric.resource)
    labels[resourceNames[name] ?? metricNameOf(name).replaceAll(":", "_")] = value
  for (const [name, value] of point.attributes) labels[metricNameOf(name).replaceAll(":", "_")] = value
  return labels
}

const addHistogram = (collected: Collected, name: string, labels: Labels, point: OtlpPoint): void => {
  const add = (suffix: string, value: number, more: Labels = {}) => {
    const series = collected.series(`${name}${suffix}`, { ...labels, ...more }, 1)
    if (series !== undefined) collected.add(series, value, point.at)
  }
  add("_count", point.count ?? 0)
  if (point.sum !== undefined) add("_sum", point.sum)
  for (const [quantile, value] of point.quantiles ?? []) add("", value, { quantile: String(quantile) })
  let below = 0
  for (const [index, count] of (point.bucketCounts ?? []).entries()) {
    below += count
    add("_bucket", below, { le: String(point.bounds?.[index] ?? "+Inf") })
  }
}

/** Errors: throws `TooManySamples`. */
export const collectOtlp = (metrics: Iterable<OtlpMetric>): Collected => {
  const collected = new Collected()
  for (const metric of metrics) {
    const name = metricNameOf(metric.name)
    for (const point of metric.points) {
      if ((point.flags & noRecordedValue) !== 0) continue
      if (metric.delta === true && metric.kind !== "other") {
        collected.refuse(deltaRefused)
        continue
      }
      const labels = labelsOf(metric, point)
      if (metric.kind === "histogram" || metric.kind === "summary")
        addHistogram(collected, name, labels, point)
      else if (metric.kind === "other") collected.refuse("exponential histograms are not kept")
      else if (point.value === undefined) collected.refuse("the point has no value")
      else {
        const series = collected.series(name, labels, 1)
        if (series !== undefined) collected.add(series, point.value, point.at)
      }
    }
  }
  return collected
}
