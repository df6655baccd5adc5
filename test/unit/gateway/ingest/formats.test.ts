/** Foreign formats against messages that are written from the published descriptions, not by hand. */
import { describe, expect, it } from "vitest"
import { Collected, foreignSamplesMax, TooManySamples } from "../../../../gateway/ingest/collected.ts"
import { readOtlpJson } from "../../../../gateway/ingest/otlp-json.ts"
import { collectOtlp } from "../../../../gateway/ingest/otlp-metrics.ts"
import { readOtlpProtobuf } from "../../../../gateway/ingest/otlp-protobuf.ts"
import { decodeRemoteWrite, decodeRemoteWrite2 } from "../../../../gateway/ingest/remote-write.ts"
import { encoded, otlp, remoteWrite } from "../../../support/foreign-metrics.ts"

const at = 1_700_000_000_000
const nanoseconds = `${at}000000`
const cpu = [
  { name: "__name__", value: "cpu" },
  { name: "host", value: "a" },
]

describe("Prometheus remote write", () => {
  it("gives each sample with its name, labels, value and time", () => {
    const bytes = encoded(remoteWrite, "WriteRequest", {
      timeseries: [
        {
          labels: cpu,
          samples: [
            { value: 1.5, timestamp: at },
            { value: -2, timestamp: at + 1 },
          ],
        },
      ],
      metadata: [{ type: 2, metricFamilyName: "cpu", help: "of a host" }],
    })
    expect(decodeRemoteWrite(bytes).collected.samples).toEqual([
      { name: "cpu", labels: { host: "a" }, value: 1.5, at },
      { name: "cpu", labels: { host: "a" }, value: -2, at: at + 1 },
    ])
  })

  it("passes over the markers of series that ended, histograms and exemplars, and counts the last two", () => {
    const bytes = encoded(remoteWrite, "WriteRequest", {
      timeseries: [
        {
          labels: cpu,
          samples: [{ value: Number.NaN, timestamp: at }],
          exemplars: [{ value: 1 }],
          histograms: [{ countInt: 3 }],
        },
      ],
    })
    const { collected, histograms, exemplars } = decodeRemoteWrite(bytes)
    expect([collected.samples, collected.refusedCount, histograms, exemplars]).toEqual([[], 0, 1, 1])
  })

  it("refuses a series without a name and an infinite value, and takes what stands beside them", () => {
    const bytes = encoded(remoteWrite, "WriteRequest", {
      timeseries: [
        {
          labels: [{ name: "host", value: "a" }],
          samples: [
            { value: 1, timestamp: at },
            { value: 2, timestamp: at },
          ],
        },
        {
          labels: cpu,
          samples: [
            { value: Number.POSITIVE_INFINITY, timestamp: at },
            { value: 3, timestamp: at },
          ],
        },
      ],
    })
    const { collected } = decodeRemoteWrite(bytes)
    expect(collected.samples.map(({ value }) => value)).toEqual([3])
    expect(Object.fromEntries(collected.refused)).toEqual({
      "the metric has no name that is allowed": 2,
      "the value is not finite": 1,
    })
  })

  it("of release 2.0 finds the texts of its labels in the table of symbols", () => {
    const bytes = encoded(remoteWrite, "Request", {
      symbols: ["", "__name__", "cpu", "host", "a"],
      timeseries: [{ labelsRefs: [1, 2, 3, 4], samples: [{ value: 7, timestamp: at }] }],
    })
    expect(decodeRemoteWrite2(bytes).collected.samples).toEqual([
      { name: "cpu", labels: { host: "a" }, value: 7, at },
    ])
    const lost = encoded(remoteWrite, "Request", {
      symbols: [""],
      timeseries: [{ labelsRefs: [1, 2], samples: [] }],
    })
    expect(() => decodeRemoteWrite2(lost)).toThrow("not in the table")
  })

  it("that is cut off anywhere is refused or is a shorter one, and never makes up a sample", () => {
    const whole = encoded(remoteWrite, "WriteRequest", {
      timeseries: [
        { labels: cpu, samples: [{ value: 1, timestamp: at }] },
        { labels: cpu, samples: [{ value: 2, timestamp: at }] },
      ],
    })
    for (let length = 0; length < whole.length; length += 1) {
      let values: ReadonlyArray<number> = []
      try {
        values = decodeRemoteWrite(whole.subarray(0, length)).collected.samples.map(({ value }) => value)
      } catch {
        continue
      }
      expect([[], [1]]).toContainEqual(values)
    }
  })
})

describe("OpenTelemetry's metrics", () => {
  const attributes = [{ key: "http.method", value: { stringValue: "GET" } }]
  const request = {
    resourceMetrics: [
      {
        resource: {
          attributes: [
            { key: "service.name", value: { stringValue: "shop" } },
            { key: "service.instance.id", value: { intValue: 7 } },
          ],
        },
        scopeMetrics: [
          {
            metrics: [
              {
                name: "queue.length",
                gauge: { dataPoints: [{ attributes, timeUnixNano: nanoseconds, asInt: "-3" }] },
              },
              {
                name: "requests",
                sum: {
                  aggregationTemporality: 2,
                  isMonotonic: true,
                  dataPoints: [{ timeUnixNano: nanoseconds, asDouble: 4.5 }],
                },
              },
              {
                name: "latency",
                histogram: {
                  dataPoints: [
                    {
                      timeUnixNano: nanoseconds,
                      count: 5,
                      sum: 9,
                      bucketCounts: [1, 4],
                      explicitBounds: [0.5],
                    },
                  ],
                },
              },
              {
                name: "size",
                summary: {
                  dataPoints: [
                    {
                      timeUnixNano: nanoseconds,
                      count: 2,
                      sum: 3,
                      quantileValues: [{ quantile: 0.5, value: 1 }],
                    },
                  ],
                },
              },
              { name: "gone", gauge: { dataPoints: [{ timeUnixNano: nanoseconds, asDouble: 1, flags: 1 }] } },
              { name: "odd", exponentialHistogram: { dataPoints: [{ timeUnixNano: nanoseconds }] } },
            ],
          },
        ],
      },
    ],
  }
  const shop = { job: "shop", instance: "7" }
  const wanted = [
    { name: "queue_length", labels: { ...shop, http_method: "GET" }, value: -3, at },
    { name: "requests", labels: shop, value: 4.5, at },
    { name: "latency_count", labels: shop, value: 5, at },
    { name: "latency_sum", labels: shop, value: 9, at },
    { name: "latency_bucket", labels: { ...shop, le: "0.5" }, value: 1, at },
    { name: "latency_bucket", labels: { ...shop, le: "+Inf" }, value: 5, at },
    { name: "size_count", labels: shop, value: 2, at },
    { name: "size_sum", labels: shop, value: 3, at },
    { name: "size", labels: { ...shop, quantile: "0.5" }, value: 1, at },
  ]

  it("become samples with the names and labels that Prometheus would give them", () => {
    const collected = collectOtlp(readOtlpProtobuf(encoded(otlp, "Export", request)))
    expect(collected.samples).toEqual(wanted)
    expect(Object.fromEntries(collected.refused)).toEqual({ "exponential histograms are not kept": 1 })
  })

  it("are the same in JSON, where whole numbers are texts or numbers", () => {
    expect(collectOtlp(readOtlpJson(request)).samples).toEqual(wanted)
  })

  it("that say what came since the last time are refused by that name, whatever the encoding: nobody adds them up", () => {
    const temporality = (aggregationTemporality: unknown) => ({
      resourceMetrics: [
        {
          scopeMetrics: [
            {
              metrics: [
                {
                  name: "orders",
                  sum: { aggregationTemporality, dataPoints: [{ timeUnixNano: nanoseconds, asInt: 3 }] },
                },
                {
                  name: "latency",
                  histogram: {
                    aggregationTemporality,
                    dataPoints: [{ timeUnixNano: nanoseconds, count: 5, sum: 9 }],
                  },
                },
                { name: "load", gauge: { dataPoints: [{ timeUnixNano: nanoseconds, asInt: 1 }] } },
              ],
            },
          ],
        },
      ],
    })
    const read = [
      readOtlpProtobuf(encoded(otlp, "Export", temporality(1))),
      readOtlpJson(temporality(1)),
      readOtlpJson(temporality("AGGREGATION_TEMPORALITY_DELTA")),
    ]
    for (const metrics of read) {
      const collected = collectOtlp(metrics)
      expect(collected.samples.map(({ name }) => name)).toEqual(["load"])
      expect(collected.complaint).toMatch(/^2: the temporality is delta/u)
    }
    const kept = [
      readOtlpJson(temporality(2)),
      readOtlpJson(temporality("AGGREGATION_TEMPORALITY_CUMULATIVE")),
    ]
    for (const metrics of kept) expect(collectOtlp(metrics).refusedCount).toBe(0)
  })

  it("in JSON of another shape are refused with the field's name", () => {
    expect(() => readOtlpJson({ resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 7 }] }] }] })).toThrow(
      /"name"/u,
    )
  })

  it("are bounded in number", () => {
    const collected = new Collected()
    for (let index = 0; index < foreignSamplesMax; index += 1)
      collected.add({ name: "cpu", labels: {} }, 1, at)
    expect(() => collected.add({ name: "cpu", labels: {} }, 1, at)).toThrow(TooManySamples)
  })
})
