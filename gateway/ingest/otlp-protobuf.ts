/** Reads OTLP's ExportMetricsServiceRequest from protobuf. Source: opentelemetry-proto, metrics/v1/metrics.proto */
import { deltaTemporality, type OtlpMetric, type OtlpPoint } from "./otlp-metrics.ts"
import { eachField, nested, type Reader, readerOf, repeated, wide } from "./protobuf.ts"

type Writable<T> = { -readonly [K in keyof T]: T[K] }
type Attribute = readonly [string, string]

const millisecondsOf = (reader: Reader): number => Math.round(wide(reader.fixed64()) / 1_000_000)

const readAttribute = (reader: Reader): Attribute => {
  let [key, value] = ["", ""]
  const set = (given: string | number | boolean) => {
    value = String(given)
  }
  nested(reader, {
    1: (field) => {
      key = field.string()
    },
    2: (any) =>
      nested(any, {
        1: (field) => set(field.string()),
        2: (field) => set(field.bool()),
        3: (field) => set(wide(field.int64())),
        4: (field) => set(field.double()),
      }),
  })
  return [key, value]
}

/** Fields have other numbers in each kind of point. */
interface PointNumbers {
  readonly attributes: number
  readonly flags: number
}

const readPoint = (
  reader: Reader,
  numbers: PointNumbers,
  rest: (point: Writable<OtlpPoint>) => Parameters<typeof nested>[1],
): OtlpPoint => {
  const attributes: Array<Attribute> = []
  const point: Writable<OtlpPoint> = { attributes, at: 0, flags: 0 }
  nested(reader, {
    [numbers.attributes]: (field) => attributes.push(readAttribute(field)),
    3: (field) => {
      point.at = millisecondsOf(field)
    },
    [numbers.flags]: (field) => {
      point.flags = field.uint32()
    },
    ...rest(point),
  })
  return point
}

const numberPoint = (reader: Reader): OtlpPoint =>
  readPoint(reader, { attributes: 7, flags: 8 }, (point) => ({
    4: (field) => {
      point.value = field.double()
    },
    6: (field) => {
      point.value = wide(field.sfixed64())
    },
  }))

const countAndSum = (point: Writable<OtlpPoint>) => ({
  4: (field: Reader) => {
    point.count = wide(field.fixed64())
  },
  5: (field: Reader) => {
    point.sum = field.double()
  },
})

const histogramPoint = (reader: Reader): OtlpPoint => {
  const [bucketCounts, bounds]: [Array<number>, Array<number>] = [[], []]
  return readPoint(reader, { attributes: 9, flags: 10 }, (point) => {
    Object.assign(point, { bucketCounts, bounds })
    return {
      ...countAndSum(point),
      6: (field, wireType) => repeated(field, wireType, bucketCounts, (one) => wide(one.fixed64())),
      7: (field, wireType) => repeated(field, wireType, bounds, (one) => one.double()),
    }
  })
}

const summaryPoint = (reader: Reader): OtlpPoint => {
  const quantiles: Array<readonly [number, number]> = []
  return readPoint(reader, { attributes: 7, flags: 8 }, (point) => {
    point.quantiles = quantiles
    return {
      ...countAndSum(point),
      6: (field) => {
        let [quantile, value] = [0, 0]
        nested(field, {
          1: (one) => {
            quantile = one.double()
          },
          2: (one) => {
            value = one.double()
          },
        })
        quantiles.push([quantile, value])
      },
    }
  })
}

const readMetric = (reader: Reader, resource: ReadonlyArray<Attribute>): OtlpMetric => {
  let name = ""
  let kind: OtlpMetric["kind"] = "other"
  let delta = false
  const points: Array<OtlpPoint> = []
  const temporality = (field: Reader) => {
    delta = field.int32() === deltaTemporality
  }
  const of = (its: OtlpMetric["kind"], read: (reader: Reader) => OtlpPoint) => (field: Reader) => {
    kind = its
    nested(field, {
      1: (point) => points.push(read(point)),
      ...(its === "gauge" || its === "summary" ? {} : { 2: temporality }),
    })
  }
  nested(reader, {
    1: (field) => {
      name = field.string()
    },
    5: of("gauge", numberPoint),
    7: of("sum", numberPoint),
    9: of("histogram", histogramPoint),
    10: of("other", (point) => readPoint(point, { attributes: 1, flags: 10 }, () => ({}))),
    11: of("summary", summaryPoint),
  })
  return { resource, name, kind, points, ...(delta ? { delta } : {}) }
}

/** Errors: throws on what is no such message. */
export const readOtlpProtobuf = (bytes: Uint8Array): ReadonlyArray<OtlpMetric> => {
  const metrics: Array<OtlpMetric> = []
  const reader = readerOf(bytes)
  eachField(reader, bytes.length, {
    1: (message) => {
      const resource: Array<Attribute> = []
      nested(message, {
        1: (field) => nested(field, { 1: (one) => resource.push(readAttribute(one)) }),
        2: (scope) => nested(scope, { 2: (metric) => metrics.push(readMetric(metric, resource)) }),
      })
    },
  })
  return metrics
}
