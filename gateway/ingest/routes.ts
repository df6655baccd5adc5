/** Takes samples in the formats of others. What cannot be taken is counted and told; the rest is stored before it is answered. */
import * as Effect from "effect/Effect"
import { Lanes } from "../../actors/index.ts"
import { aheadMsMax, batchSamplesMax, ingestEndpoints, type Sample } from "../../schemas/index.ts"
import { errorResponse } from "../answers.ts"
import { GatewayError } from "../errors.ts"
import { responseHeaders } from "../request-context.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"
import { readGzip, readSnappy, requireType, unreadable } from "./body.ts"
import { type Collected, foreignSamplesMax, TooManySamples } from "./collected.ts"
import { readOtlpJson } from "./otlp-json.ts"
import { collectOtlp } from "./otlp-metrics.ts"
import { readOtlpProtobuf } from "./otlp-protobuf.ts"
import { writerOf } from "./protobuf.ts"
import { decodeRemoteWrite, decodeRemoteWrite2 } from "./remote-write.ts"

const protobufType = /^application\/x-protobuf\s*(?:;|$)/iu
const release2 = /;\s*proto=io\.prometheus\.write\.v2\.Request\s*(?:;|$)/iu
const otherMessage = /;\s*proto=(?!prometheus\.WriteRequest\b|io\.prometheus\.write\.v2\.Request\b)/iu
const otlpType = /^application\/(?:x-protobuf|json)\s*(?:;|$)/iu

/** Reads what somebody else wrote; whatever goes wrong in it is the sender's to know. */
const decoded = <A>(format: string, read: () => A): A => {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof TooManySamples)
      throw new GatewayError(413, "CEP_INGEST_003", "The request has too many samples.", {
        limit: "foreignSamplesMax",
        samples_max: foreignSamplesMax,
        remedy: "send fewer at a time; nothing of it was stored",
      })
    throw unreadable(format, cause instanceof Error ? cause.message.slice(0, 300) : "it cannot be read")
  }
}

/** What lies in the future would make everything that comes until then late. */
const inTime = (collected: Collected): ReadonlyArray<Sample> => {
  const latest = Date.now() + aheadMsMax
  const kept = collected.samples.filter(({ at }) => at <= latest)
  if (kept.length < collected.samples.length)
    collected.refuse(
      `it is more than ${aheadMsMax / 60_000} minutes ahead`,
      collected.samples.length - kept.length,
    )
  return kept
}

const store = async (
  services: GatewayServices,
  request: GatewayRequest,
  name: string,
  source: string,
  samples: ReadonlyArray<Sample>,
) => {
  const { tenant } = request.identity
  const parts = Array.from({ length: Math.ceil(samples.length / batchSamplesMax) }, (_, index) =>
    samples.slice(index * batchSamplesMax, (index + 1) * batchSamplesMax),
  )
  // In order: the parts of one series must not overtake each other.
  const storing = Lanes.use((lanes) =>
    Effect.forEach(parts, (part) => lanes.appendSamples(tenant, part, [source]), { discard: true }),
  )
  await runTraced(services, request, name, storing)
}

const partlyRefused = (stored: number, { refusedCount, complaint }: Collected) =>
  new GatewayError(400, "CEP_INGEST_002", "Some samples were not taken; the others are stored.", {
    stored,
    refused: refusedCount,
    reason: complaint,
    remedy: "correct these samples; sending the same request again stores the others twice",
  })

const partialSuccess = ({ refusedCount, complaint }: Collected): Uint8Array => {
  const writer = writerOf()
  if (refusedCount > 0)
    writer.uint32(10).fork().uint32(8).int64(refusedCount).uint32(18).string(complaint).ldelim()
  return writer.finish()
}

export const ingestRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const remoteWrite = route(services, ingestEndpoints.remoteWrite, async (request) => {
    const { incoming } = request.http.env
    const type = requireType(incoming, protobufType, "send application/x-protobuf")
    if (otherMessage.test(type))
      requireType(incoming, /^$/u, "send prometheus.WriteRequest or io.prometheus.write.v2.Request")
    const bytes = await readSnappy(incoming)
    const second = release2.test(type)
    const format = "remote write request"
    const { collected } = decoded(format, () =>
      second ? decodeRemoteWrite2(bytes) : decodeRemoteWrite(bytes),
    )
    const samples = inTime(collected)
    await store(services, request, "POST /api/cep/prometheus/api/v1/write", "prometheus", samples)
    const response =
      collected.refusedCount === 0
        ? new Response(null, { status: 204, headers: responseHeaders(request.context) })
        : errorResponse(request.context, partlyRefused(samples.length, collected))
    // Release 2.0 wants to be told what was written with either answer.
    for (const [what, count] of [["Samples", samples.length] as const, ["Histograms", 0], ["Exemplars", 0]])
      response.headers.set(`X-Prometheus-Remote-Write-${what}-Written`, String(count))
    return response
  })

  const otlp = route(services, ingestEndpoints.otlp, async (request) => {
    const { incoming } = request.http.env
    const type = requireType(incoming, otlpType, "send application/x-protobuf or application/json")
    const bytes = await readGzip(incoming)
    const isJson = /json/iu.test(type)
    const collected = decoded("request for OTLP metrics", () =>
      collectOtlp(
        isJson
          ? readOtlpJson(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)))
          : readOtlpProtobuf(bytes),
      ),
    )
    await store(services, request, "POST /api/cep/otlp/v1/metrics", "otlp", inTime(collected))
    if (!isJson) {
      const headers = { ...responseHeaders(request.context), "Content-Type": "application/x-protobuf" }
      return new Response(Buffer.from(partialSuccess(collected)), { status: 200, headers })
    }
    const { refusedCount: rejectedDataPoints, complaint: errorMessage } = collected
    return rejectedDataPoints === 0 ? {} : { partialSuccess: { rejectedDataPoints, errorMessage } }
  })

  return [remoteWrite, otlp]
}
