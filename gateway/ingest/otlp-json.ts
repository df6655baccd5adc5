/**
 * Reads OTLP's ExportMetricsServiceRequest from JSON. Whole numbers of 64 bits come as texts or as numbers; fields that are
 * not known are passed over, as the protocol wants it. Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import * as Schema from "effect/Schema"
import { deltaTemporality, type OtlpMetric, type OtlpPoint } from "./otlp-metrics.ts"

const Whole = Schema.Union([Schema.Finite, Schema.String.check(Schema.isPattern(/^-?[0-9]{1,20}$/u))])
const Numeric = Schema.Union([
  Schema.Number,
  Schema.String.check(Schema.isPattern(/^(?:-?(?:[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|Infinity)|NaN)$/u)),
])

const Attribute = Schema.Struct({
  key: Schema.String,
  value: Schema.optionalKey(
    Schema.Struct({
      stringValue: Schema.optionalKey(Schema.String),
      boolValue: Schema.optionalKey(Schema.Boolean),
      intValue: Schema.optionalKey(Whole),
      doubleValue: Schema.optionalKey(Numeric),
    }),
  ),
})
const Attributes = Schema.optionalKey(Schema.Array(Attribute))

const Point = Schema.Struct({
  attributes: Attributes,
  timeUnixNano: Schema.optionalKey(Whole),
  flags: Schema.optionalKey(Schema.Finite),
  asDouble: Schema.optionalKey(Numeric),
  asInt: Schema.optionalKey(Whole),
  count: Schema.optionalKey(Whole),
  sum: Schema.optionalKey(Numeric),
  bucketCounts: Schema.optionalKey(Schema.Array(Whole)),
  explicitBounds: Schema.optionalKey(Schema.Array(Numeric)),
  quantileValues: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({ quantile: Schema.optionalKey(Numeric), value: Schema.optionalKey(Numeric) }),
    ),
  ),
})
const Data = Schema.optionalKey(
  Schema.Struct({
    dataPoints: Schema.optionalKey(Schema.Array(Point)),
    /** The number is what the protocol asks for; some write its name. */
    aggregationTemporality: Schema.optionalKey(Schema.Union([Schema.Finite, Schema.String])),
  }),
)

const Request = Schema.Struct({
  resourceMetrics: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        resource: Schema.optionalKey(Schema.Struct({ attributes: Attributes })),
        scopeMetrics: Schema.optionalKey(
          Schema.Array(
            Schema.Struct({
              metrics: Schema.optionalKey(
                Schema.Array(
                  Schema.Struct({
                    name: Schema.String,
                    gauge: Data,
                    sum: Data,
                    histogram: Data,
                    exponentialHistogram: Data,
                    summary: Data,
                  }),
                ),
              ),
            }),
          ),
        ),
      }),
    ),
  ),
})

const decode = Schema.decodeUnknownSync(Request)

const attributesOf = (attributes: ReadonlyArray<typeof Attribute.Type> = []) =>
  attributes.map(({ key, value }): readonly [string, string] => {
    const given = value?.stringValue ?? value?.boolValue ?? value?.intValue ?? value?.doubleValue ?? ""
    return [key, String(given)]
  })

const pointOf = (point: typeof Point.Type): OtlpPoint => {
  const value = point.asDouble ?? point.asInt
  return {
    attributes: attributesOf(point.attributes),
    at: Math.round(Number(point.timeUnixNano ?? 0) / 1_000_000),
    flags: point.flags ?? 0,
    ...(value === undefined ? {} : { value: Number(value) }),
    ...(point.count === undefined ? {} : { count: Number(point.count) }),
    ...(point.sum === undefined ? {} : { sum: Number(point.sum) }),
    ...(point.explicitBounds === undefined ? {} : { bounds: point.explicitBounds.map(Number) }),
    ...(point.bucketCounts === undefined ? {} : { bucketCounts: point.bucketCounts.map(Number) }),
    ...(point.quantileValues === undefined
      ? {}
      : {
          quantiles: point.quantileValues.map(
            ({ quantile = 0, value: at = 0 }): readonly [number, number] => [Number(quantile), Number(at)],
          ),
        }),
  }
}

const kinds = [
  ["gauge", "gauge"],
  ["sum", "sum"],
  ["histogram", "histogram"],
  ["summary", "summary"],
  ["exponentialHistogram", "other"],
] as const

const isDelta = (temporality: number | string | undefined): boolean =>
  temporality === deltaTemporality || temporality === "AGGREGATION_TEMPORALITY_DELTA"

/** Errors: throws a SchemaError that names the field. */
export const readOtlpJson = (value: unknown): ReadonlyArray<OtlpMetric> => {
  const metrics: Array<OtlpMetric> = []
  for (const { resource, scopeMetrics = [] } of decode(value).resourceMetrics ?? []) {
    const attributes = attributesOf(resource?.attributes)
    for (const metric of scopeMetrics.flatMap((scope) => scope.metrics ?? [])) {
      for (const [field, kind] of kinds) {
        const { dataPoints: points, aggregationTemporality: temporality } = metric[field] ?? {}
        if (points === undefined) continue
        metrics.push({
          resource: attributes,
          name: metric.name,
          kind,
          points: points.map(pointOf),
          ...(isDelta(temporality) ? { delta: true } : {}),
        })
      }
    }
  }
  return metrics
}
