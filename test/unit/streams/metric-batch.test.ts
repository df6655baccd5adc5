import * as Effect from "effect/Effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Sample } from "../../../schemas/index.ts"
import {
  appendSamples,
  columnsOf,
  encodeColumns,
  laneOf,
  laneOfMetric,
  matchesFilter,
  metricsOfLane,
  metricToken,
  readSeriesText,
  SampleDecoder,
  samplesOfColumns,
  seriesText,
  tenantOfMetric,
} from "../../../streams/index.ts"
import { makeMemoryEventStream } from "../../support/memory-event-stream.ts"

const sample: fc.Arbitrary<Sample> = fc.record({
  name: fc.constantFrom("cpu", "memory", "disk_read"),
  labels: fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 8, unit: "binary" }), {
    maxKeys: 3,
  }),
  value: fc.double({ noNaN: true, noDefaultInfinity: true }),
  at: fc.oneof(
    fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  ),
})

const plain = (samples: ReadonlyArray<Sample>) =>
  samples.map(({ name, labels, value, at }) => [seriesText(name, labels), value, at])

describe("a batch of samples", () => {
  it("is read as it was written, whatever its names, values and times", () => {
    const decoder = new SampleDecoder()
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 30 }), (samples) => {
        const columns = decoder.read(encodeColumns(columnsOf(samples)))!
        expect(plain(samplesOfColumns(columns))).toEqual(plain(samples))
      }),
    )
  })

  it("is read from wherever it lies in a larger buffer", () => {
    const data = encodeColumns(columnsOf([{ name: "cpu", labels: { host: "a" }, value: 1.5, at: 1_000 }]))
    for (let offset = 0; offset < 9; offset++) {
      const larger = new Uint8Array(data.length + offset + 3)
      larger.set(data, offset)
      const columns = new SampleDecoder().read(larger.subarray(offset, offset + data.length))!
      expect([...columns.values, ...columns.times]).toEqual([1.5, 1_000])
    }
  })

  it("gives the same array of series for the same series, so that who reads it may remember them", () => {
    const decoder = new SampleDecoder()
    const batch = (value: number) => encodeColumns(columnsOf([{ name: "cpu", labels: {}, value, at: 1 }]))
    expect(decoder.read(batch(1))!.series).toBe(decoder.read(batch(2))!.series)
  })

  it("in the JSON of before is read as well", () => {
    const samples = [{ name: "cpu", labels: { host: "a" }, value: 3, at: 5 }]
    const data = new TextEncoder().encode(JSON.stringify({ samples }))
    expect(samplesOfColumns(new SampleDecoder().read(data)!)).toEqual(samples)
  })

  it("that is damaged, or something else, is no batch", () => {
    const decoder = new SampleDecoder()
    const whole = encodeColumns(columnsOf([{ name: "cpu", labels: {}, value: 1, at: 1 }]))
    for (let length = 0; length < whole.length; length++) {
      expect(decoder.read(whole.subarray(0, length))?.series ?? []).not.toContain('["cpu"]')
    }
    for (const text of ["", "{}", '{"samples":[{"name":1}]}', '{"_tag":"Tick"}', "no batch"]) {
      expect(decoder.read(new TextEncoder().encode(text))).toBeUndefined()
    }
  })
})

describe("the text of a series", () => {
  it("does not depend on the order of the labels, and can be read back", () => {
    const text = seriesText("cpu", { zone: "x", host: "a" })
    expect(text).toBe('["cpu","host","a","zone","x"]')
    expect(seriesText("cpu", { host: "a", zone: "x" })).toBe(text)
    expect(readSeriesText(text)).toEqual({ name: "cpu", labels: { host: "a", zone: "x" } })
  })
})

describe("samples on their way into the metric stream", () => {
  it("go into the lanes of their names, in order, and no message has more than a thousand", async () => {
    const stream = makeMemoryEventStream(() => 7, 3)
    const samples = Array.from({ length: 4_500 }, (_, at) => ({
      name: `m${at % 5}`,
      labels: {},
      value: at,
      at,
    }))
    await Effect.runPromise(appendSamples(stream, "acme", samples, ["api"]))
    const decoder = new SampleDecoder()
    const found: Array<Sample> = []
    await Effect.runPromise(
      stream.read("t.acme.>", { sequence: 1 }, ({ token, data }) => {
        const some = samplesOfColumns(decoder.read(data)!)
        expect(some.length).toBeLessThanOrEqual(1_000)
        for (const { name } of some) expect(laneOfMetric(token)).toBe(laneOf("acme", name, 3))
        found.push(...some)
      }),
    )
    for (let name = 0; name < 5; name++) {
      const of = (all: ReadonlyArray<Sample>) => all.filter((one) => one.name === `m${name}`)
      expect(of(found)).toEqual(of(samples))
    }
  })
})

describe("a token of the metric stream", () => {
  it("names tenant and lane, whatever the tenant is called", () => {
    for (const tenant of ["acme", "a.b", "*", ">", "7"]) {
      const token = metricToken(tenant, 12, "host", "a.b")
      expect([tenantOfMetric(token), laneOfMetric(token)]).toEqual([tenant, 12])
      expect(matchesFilter(metricsOfLane(12), token)).toBe(true)
      expect(matchesFilter(metricsOfLane(1), token)).toBe(false)
    }
    expect(laneOfMetric("t.acme.host.a")).toBeUndefined()
    expect(laneOfMetric("t.acme.api")).toBeUndefined()
  })
})
