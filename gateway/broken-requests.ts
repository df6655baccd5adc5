/** What is so broken that no route sees it: a request that is no HTTP, too large a head, too slow a client. */
import type { IncomingHttpHeaders } from "node:http"
import { STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import { errorResponse } from "./answers.ts"
import { errorBody, GatewayError } from "./errors.ts"
import { beginRequest, responseHeaders } from "./request-context.ts"
import { logFailure } from "./request-log.ts"
import type { GatewayServices } from "./services.ts"

const noHeaders: IncomingHttpHeaders = {}

export const badRequest = () =>
  new GatewayError(400, "GTW_HTTP_001", "The request is no valid HTTP.", {
    remedy: "check the address, the Host header and the other headers",
  })

/** The address or the host of a request cannot be read. */
export const brokenTarget = (services: GatewayServices) => (failure: unknown) => {
  const context = beginRequest(noHeaders, services.web)
  if (failure instanceof Error && failure.name === "RequestError") return errorResponse(context, badRequest())
  logFailure(services, { context }, failure)
  return errorResponse(context, failure)
}

const errorOf = (code: string | undefined): GatewayError => {
  if (code === "HPE_HEADER_OVERFLOW")
    return new GatewayError(431, "GTW_HTTP_002", "The request's address and headers are too large.", {
      limit: "headerBytesMax",
    })
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW")
    return new GatewayError(413, "GTW_BODY_001", "The request's body is too large.")
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new GatewayError(408, "GTW_HTTP_003", "The request did not arrive in time.", {
      limit: "headersMsMax and receiveMsMax",
    })
  return badRequest()
}

/** Answers on the bare connection and closes it. */
export const answerBare = (
  socket: Duplex,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
): void => {
  const all = { ...headers, "Content-Length": String(Buffer.byteLength(body)), Connection: "close" }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  socket.write([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, "", ""].join("\r\n"))
  socket.end(body, () => socket.destroy())
}

/** Whoever has left already hears nothing. */
export const answerBroken =
  (services: GatewayServices) =>
  (failure: NodeJS.ErrnoException, socket: Duplex): void => {
    if (failure.code === "ECONNRESET" || !socket.writable) return void socket.destroy()
    const context = beginRequest(noHeaders, services.web)
    const error = errorOf(failure.code)
    const body = errorBody(error, context.traceId)
    const headers = { ...responseHeaders(context), "Content-Type": "application/json; charset=UTF-8" }
    answerBare(socket, error.status, headers, body)
  }
