/** What leaves the gateway: JSON and errors with the headers that all answers have, compressed where it pays. */
import { Readable } from "node:stream"
import { constants, createGzip, gzipSync } from "node:zlib"
import { envelopedErrorBody, errorBody, openaiErrorBody, toGatewayError } from "./errors.ts"
import { type RequestContext, responseHeaders } from "./request-context.ts"
import type { HeaderSet } from "./web-policy.ts"

const jsonType = "application/json; charset=UTF-8"

/** Below, compressing costs more than it saves; above the second, it is done off the event loop's thread. */
const compressCharactersMin = 1_024
const compressAtOnceCharactersMax = 64 * 1_024
const level = { level: constants.Z_BEST_SPEED }

const accepts = ({ headers }: RequestContext): boolean => {
  const encodings = headers["accept-encoding"]
  return typeof encodings === "string" && /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:[,\s]|$))/i.test(encodings)
}

/** A strong entity tag names the very bytes: such an answer stays as it is. */
const isCompressed = (context: RequestContext, body: string, more: HeaderSet | undefined): boolean =>
  body.length >= compressCharactersMin && more?.ETag?.startsWith('"') !== true && accepts(context)

const zipped = (body: string): Uint8Array<ArrayBuffer> | ReadableStream => {
  if (body.length <= compressAtOnceCharactersMax) return gzipSync(body, level)
  const zip = createGzip(level)
  zip.end(body)
  return Readable.toWeb(zip) as ReadableStream
}

/** An answer of text. */
export const text = (
  context: RequestContext,
  status: number,
  type: string,
  body: string,
  more?: HeaderSet,
) => {
  const headers = responseHeaders(context)
  headers["Content-Type"] = type
  if (more !== undefined) Object.assign(headers, more)
  if (!isCompressed(context, body, more)) return new Response(body, { status, headers })
  headers["Content-Encoding"] = "gzip"
  return new Response(zipped(body), { status, headers })
}

/** An answer in JSON; `body` is text already. */
export const jsonText = (context: RequestContext, status: number, body: string, more?: HeaderSet) =>
  text(context, status, jsonType, body, more)

export const json = (context: RequestContext, status: number, body: unknown) =>
  jsonText(context, status, JSON.stringify(body))

const bodyOf: Record<RequestContext["envelope"], typeof envelopedErrorBody> = {
  plain: (error, { traceId }) => errorBody(error, traceId),
  v2: envelopedErrorBody,
  openai: openaiErrorBody,
}

export const errorResponse = (context: RequestContext, failure: unknown): Response => {
  const error = toGatewayError(failure)
  return jsonText(context, error.status, bodyOf[context.envelope](error, context), {
    ...(error.retryAfterSeconds === undefined ? {} : { "Retry-After": String(error.retryAfterSeconds) }),
    ...(error.status === 405 && Array.isArray(error.details.allowed)
      ? { Allow: error.details.allowed.join(", ") }
      : {}),
    ...(error.status === 401 ? { "WWW-Authenticate": "Bearer" } : {}),
  })
}
