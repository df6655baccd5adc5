/** Samples in the formats of others, on a whole node: what was sent is in the tenant's metric stream, and nothing else is. */
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { foreignSamplesMax } from "../../gateway/ingest/collected.ts"
import { compress } from "../../gateway/ingest/snappy.ts"
import { aheadMsMax } from "../../schemas/index.ts"
import { encoded, otlp, remoteWrite } from "../support/foreign-metrics.ts"
import { errorOf, json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { storedSamples } from "../support/stored-samples.ts"

const writePath = "/api/cep/prometheus/api/v1/write"
const otlpPath = "/api/cep/otlp/v1/metrics"
const protobufType = "application/x-protobuf"
const release2 = `${protobufType};proto=io.prometheus.write.v2.Request`

let node: TestNode
beforeAll(async () => {
  node = await startTestNode({ MILLRACE_ADMINS: "developer,acme/eve" })
}, 120_000)
afterAll(() => node?.stop())

interface Sent {
  readonly token?: string
  readonly type?: string
  readonly encoding?: string
}
const send = (path: string, body: Uint8Array, { token = node.token, type = protobufType, encoding }: Sent) =>
  fetch(node.url + path, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": type,
      ...(encoding === undefined ? {} : { "content-encoding": encoding }),
    },
    body: Buffer.from(body),
  })
const write = (body: Uint8Array, more: Sent = {}) =>
  send(writePath, compress(body), { encoding: "snappy", ...more })
const exportTo = (body: Uint8Array | object, more: Sent = {}) =>
  body instanceof Uint8Array
    ? send(otlpPath, body, more)
    : send(otlpPath, Buffer.from(JSON.stringify(body)), { type: "application/json", ...more })

const stored = (name: string, tenant?: string) => storedSamples(node, name, tenant)

const now = Date.now()
const labelled = (name: string, labels: Readonly<Record<string, string>> = {}) =>
  Object.entries({ __name__: name, ...labels }).map(([label, value]) => ({ name: label, value }))
const series = (name: string, values: ReadonlyArray<number>, labels?: Readonly<Record<string, string>>) => ({
  labels: labelled(name, labels),
  samples: values.map((value, index) => ({ value, timestamp: now + index })),
})
const request = (...timeseries: ReadonlyArray<object>) => encoded(remoteWrite, "WriteRequest", { timeseries })

const gauge = (name: string, ...points: ReadonlyArray<object>) => ({
  resourceMetrics: [
    {
      resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
      scopeMetrics: [{ metrics: [{ name, gauge: { dataPoints: points } }] }],
    },
  ],
})
const point = (asDouble: number, at = now) => ({ asDouble, timeUnixNano: `${at}000000` })
const exported = (body: object) => encoded(otlp, "Export", body)

describe("Prometheus remote write", () => {
  it("stores what it sends, with its exact values and times", async () => {
    const values = [0.1 + 0.2, -1e300, 5e-324, 0]
    const taken = await write(request(series("prw_exact", values, { host: "é ✓" })))
    expect([taken.status, await taken.text()]).toEqual([204, ""])
    expect(await stored("prw_exact")).toEqual(
      values.map((value, index) => ({ name: "prw_exact", labels: { host: "é ✓" }, value, at: now + index })),
    )
  })

  it("of release 2.0 is told how much was written", async () => {
    const body = encoded(remoteWrite, "Request", {
      symbols: ["", "__name__", "prw_two", "host", "a"],
      timeseries: [{ labelsRefs: [1, 2, 3, 4], samples: [{ value: 7, timestamp: now }] }],
    })
    const response = await write(body, { type: release2 })
    expect([response.status, response.headers.get("x-prometheus-remote-write-samples-written")]).toEqual([
      204,
      "1",
    ])
    expect(await stored("prw_two")).toEqual([{ name: "prw_two", labels: { host: "a" }, value: 7, at: now }])
  })

  it("keeps the order of a series, however many messages it takes", async () => {
    const values = Array.from({ length: 3_500 }, (_, index) => index)
    expect((await write(request(series("prw_order", values), series("prw_beside", [1])))).status).toBe(204)
    expect((await stored("prw_order")).map(({ value }) => value)).toEqual(values)
  })

  it("is refused in part with counts and reasons, and the rest is stored", async () => {
    const late = now + aheadMsMax + 600_000
    const response = await write(
      request(
        series("prw_part", [1, 2]),
        series("", [3, 4, 5]),
        { labels: labelled("prw_part"), samples: [{ value: 9, timestamp: late }] },
        series("prw_part", [7], { été: "x" }),
        series("prw_part", [6], { host: "b" }),
      ),
    )
    expect(response.headers.get("x-prometheus-remote-write-samples-written")).toBe("3")
    expect(await errorOf(response)).toMatchObject({
      status: 400,
      code: "CEP_INGEST_002",
      details: { stored: 3, refused: 5, reason: expect.stringContaining("ahead") },
    })
    expect((await stored("prw_part")).map(({ value }) => value)).toEqual([1, 2, 6])
  })
})

describe("OpenTelemetry's protocol", () => {
  it("is taken as protobuf, as JSON and compressed, with attributes as labels", async () => {
    const ways = [
      exportTo(exported(gauge("otlp.load", point(1.25)))),
      exportTo(gauge("otlp.load", point(2.5))),
      exportTo(gzipSync(exported(gauge("otlp.load", point(3.75)))), { encoding: "gzip" }),
      exportTo(gzipSync(JSON.stringify(gauge("otlp.load", point(5)))), {
        encoding: "gzip",
        type: "application/json",
      }),
    ]
    for (const response of await Promise.all(ways)) expect(response.status).toBe(200)
    const found = await stored("otlp_load")
    expect(found.map(({ value }) => value).toSorted((a, b) => a - b)).toEqual([1.25, 2.5, 3.75, 5])
    expect(found.every(({ labels, at }) => labels.job === "shop" && at === now)).toBe(true)
  })

  it("is answered in its own format: nothing to complain of is an empty message", async () => {
    const binary = await exportTo(exported(gauge("otlp_fine", point(1))))
    expect([binary.headers.get("content-type"), (await binary.arrayBuffer()).byteLength]).toEqual([
      protobufType,
      0,
    ])
    expect(await json(await exportTo(gauge("otlp_fine", point(2))))).toEqual({})
  })

  it("is told of what was not taken, and the rest is stored", async () => {
    const body = gauge("otlp_part", point(1), { timeUnixNano: `${now}000000` }, point(2, now + 3_600_000))
    expect(await json(await exportTo(body))).toEqual({
      partialSuccess: { rejectedDataPoints: 2, errorMessage: expect.stringContaining("no value") },
    })
    const binary = new Uint8Array(await (await exportTo(exported(body))).arrayBuffer())
    expect(otlp.lookupType("Response").decode(binary).toJSON()).toEqual({
      partialSuccess: { rejectedDataPoints: "2", errorMessage: expect.stringContaining("ahead") },
    })
    expect((await stored("otlp_part")).map(({ value }) => value)).toEqual([1, 1])
  })
})

describe("a body that is not what it should be", () => {
  const some = request(series("never", [1]))

  it.each([
    ["remote write as JSON", () => write(some, { type: "application/json" })],
    ["remote write of a message that nobody knows", () => write(some, { type: `${protobufType};proto=x.Y` })],
    ["remote write that is not compressed", () => send(writePath, some, {})],
    ["remote write with gzip", () => send(writePath, gzipSync(some), { encoding: "gzip" })],
    ["OTLP as text", () => exportTo(some, { type: "text/plain" })],
    ["OTLP with snappy", () => exportTo(compress(some), { encoding: "snappy" })],
  ])("is refused with 415: %s", async (_, sending) => {
    expect(await errorOf(await sending())).toMatchObject({ status: 415, code: "GTW_BODY_002" })
  })

  const garbage = Buffer.from("ceci n'est pas un message".repeat(20))
  it.each([
    ["no snappy", () => send(writePath, garbage, { encoding: "snappy" })],
    ["snappy of no message", () => write(garbage)],
    ["a message that ends too early", () => write(some.subarray(0, some.length - 3))],
    [
      "a message of release 2.0 that points beyond its symbols",
      () => {
        const timeseries = [{ labelsRefs: [1, 900], samples: [{ value: 1, timestamp: now }] }]
        return write(encoded(remoteWrite, "Request", { symbols: [""], timeseries }), { type: release2 })
      },
    ],
    ["OTLP of no message", () => exportTo(garbage)],
    ["OTLP that is no gzip", () => exportTo(garbage, { encoding: "gzip" })],
    ["OTLP that is no JSON", () => exportTo(garbage, { type: "application/json" })],
    ["OTLP in JSON of another shape", () => exportTo({ resourceMetrics: 1 })],
  ])("is refused with 400: %s", async (_, sending) => {
    expect(await errorOf(await sending())).toMatchObject({
      status: 400,
      code: "CEP_INGEST_001",
      details: { reason: expect.any(String), remedy: expect.any(String) },
    })
  })

  it("is refused with 413 when it unpacks to too much, without being unpacked", async () => {
    const header = Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61])
    // A gzip file of a gibibyte of zeros, of members that follow each other.
    const member = gzipSync(Buffer.alloc(1024 * 1024))
    const bomb = Buffer.concat(Array.from({ length: 1024 }, () => member))
    const before = process.resourceUsage().maxRSS
    const answers = [
      await send(writePath, header, { encoding: "snappy" }),
      await exportTo(bomb, { encoding: "gzip" }),
      await exportTo(bomb, { encoding: "gzip", type: "application/json" }),
      await send(writePath, Buffer.alloc(3 * 1024 * 1024), { encoding: "snappy" }),
    ]
    for (const answer of answers)
      expect(await errorOf(answer)).toMatchObject({ status: 413, code: "GTW_BODY_001" })
    // Units: KiB, the most that there ever was.
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(256 * 1024)
  })

  it("is refused with 413 when it has too many samples, and nothing of it is stored", async () => {
    const many = {
      ...series("prw_many", []),
      samples: Array(foreignSamplesMax + 1).fill({ value: 1, timestamp: 1 }),
    }
    expect(await errorOf(await write(request(many)))).toMatchObject({
      status: 413,
      code: "CEP_INGEST_003",
      details: { samples_max: foreignSamplesMax },
    })
    expect(await stored("prw_many")).toEqual([])
  })
})

describe("whoever sends", () => {
  it("needs the right to write metrics", async () => {
    const token = await node.narrow(await node.login("developer"), ["cep:read", "cep:write"])
    for (const response of [
      await write(request(series("never", [1])), { token }),
      await exportTo(gauge("never", point(1)), { token }),
      await write(request(series("never", [1])), { token: "nobody" }),
    ])
      expect([401, 403]).toContain(response.status)
    expect(await stored("never")).toEqual([])
  })

  it("writes for their own tenant, and others see nothing of it", async () => {
    await node.request("POST", "/api/admin/tenants/", { body: { id: "acme", name: "acme" } })
    const token = await node.login("eve", { tenant: "acme" })
    expect((await write(request(series("acme_only", [4])), { token })).status).toBe(204)
    expect((await exportTo(gauge("acme_only", point(5)), { token })).status).toBe(200)
    expect((await stored("acme_only", "acme")).map(({ value }) => value)).toEqual([4, 5])
    expect(await stored("acme_only")).toEqual([])
    expect(await stored("prw_order", "acme")).toEqual([])
  })
})

describe("the description", () => {
  it("names both ways in, with whose formats they have and what they cost", async () => {
    const { paths } = (await json(await node.request("GET", "/openapi.json"))) as {
      readonly paths: Readonly<Record<string, { readonly post: Readonly<Record<string, unknown>> }>>
    }
    for (const [path, protocol] of [
      [writePath, "Prometheus remote write"],
      [otlpPath, "OTLP"],
    ] as const)
      expect(paths[path]?.post).toMatchObject({
        "x-millrace-protocol": protocol,
        "x-millrace-permission": "metric:write",
        "x-millrace-rate": "ingest",
      })
  })
})
