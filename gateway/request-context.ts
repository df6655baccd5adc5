/**
 * What surrounds one request: its id, its place in a trace and when it began. Made once per request; cheap enough for
 * the busiest route.
 */
import { randomBytes } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import { TraceContext } from "../engine/index.ts"
import type { EnvelopeName } from "../schemas/index.ts"
import type { HeaderSet, WebPolicy } from "./web-policy.ts"

export interface RequestContext {
  readonly requestId: string
  readonly traceId: string
  /** The caller's span, when it sent a valid traceparent. */
  readonly parentSpanId: string | undefined
  /** Milliseconds of the monotonic clock. */
  readonly startedAt: number
  /** What the client sent. */
  readonly headers: IncomingHttpHeaders
  /** What every answer to this client has. */
  readonly answerHeaders: HeaderSet
  /** How much the client has left of its rate limit, once that is known. */
  rateHeaders: HeaderSet | undefined
  /** Which shape errors have. */
  readonly envelope: EnvelopeName
}

const requestIdPattern = /^[A-Za-z0-9._:/-]{1,128}$/

// Random bytes are drawn in blocks: one system call serves hundreds of requests.
const blockBytes = 8_192
let block = randomBytes(blockBytes).toString("hex")
let offset = 0
const randomHex = (bytes: number): string => {
  if (offset + 2 * bytes > block.length) {
    block = randomBytes(blockBytes).toString("hex")
    offset = 0
  }
  offset += 2 * bytes
  return block.slice(offset - 2 * bytes, offset)
}

export const newTraceId = (): string => randomHex(16)
export const newSpanId = (): string => randomHex(8)

export const beginRequest = (
  headers: IncomingHttpHeaders,
  web: WebPolicy,
  envelope: RequestContext["envelope"] = "plain",
): RequestContext => {
  const { traceparent } = headers
  const trace = typeof traceparent === "string" ? TraceContext.parse(traceparent) : undefined
  const requestId = headers["x-request-id"]
  return {
    requestId: typeof requestId === "string" && requestIdPattern.test(requestId) ? requestId : randomHex(12),
    traceId: trace?.traceId ?? newTraceId(),
    parentSpanId: trace?.spanId,
    startedAt: performance.now(),
    headers,
    answerHeaders: web.headersFor(headers.origin),
    rateHeaders: undefined,
    envelope,
  }
}

/** The headers that every answer carries, in an object of the caller's own. Units: X-Process-Time in seconds. */
export const responseHeaders = (context: RequestContext): Record<string, string> => {
  const headers: Record<string, string> = { ...context.answerHeaders }
  if (context.rateHeaders !== undefined) Object.assign(headers, context.rateHeaders)
  headers["X-Request-ID"] = context.requestId
  headers["X-Process-Time"] = ((performance.now() - context.startedAt) / 1_000).toFixed(6)
  headers.traceparent = TraceContext.format({
    traceId: context.traceId,
    spanId: context.parentSpanId ?? newSpanId(),
  })
  return headers
}
