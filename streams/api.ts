/** JetStream's JSON request API, one round trip per call over the shared inbox. */
import type { Msg } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import { ApiError } from "./errors.ts"
import type { Requests } from "./requests.ts"

const encoder = new TextEncoder()
const nothing = new Uint8Array(0)

export const jsonBytes = (value: unknown): Uint8Array =>
  value === undefined ? nothing : encoder.encode(JSON.stringify(value))

interface Reply {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description: string }
}

export const readReply = <A>(subject: string, message: Msg): A | ApiError => {
  const reply = JSON.parse(message.string()) as Reply & A
  if (reply.error === undefined) return reply
  const { code, err_code, description } = reply.error
  return new ApiError({ subject, code, errorCode: err_code ?? 0, detail: description })
}

/** Errors: `ApiError` with code 0 when there was no answer (not connected, time-out, election). */
export const callApi = <A>(
  requests: Requests,
  subject: string,
  body: unknown,
  onReply: (error: ApiError | undefined, reply: A | undefined) => void,
): void =>
  requests.send(subject, jsonBytes(body), undefined, (failure, message) => {
    if (failure !== undefined) {
      const error = new ApiError({ subject, code: 0, errorCode: 0, detail: failure.reason })
      return onReply(error, undefined)
    }
    const reply = readReply<A>(subject, message!)
    if (reply instanceof ApiError) onReply(reply, undefined)
    else onReply(undefined, reply)
  })

export const call = <A>(requests: Requests, subject: string, body?: unknown): Effect.Effect<A, ApiError> =>
  Effect.callback((resume) =>
    callApi<A>(requests, subject, body, (error, reply) =>
      resume(error === undefined ? Effect.succeed(reply!) : Effect.fail(error)),
    ),
  )

/** The server is busy with itself: an election, a start, an overload. The same call may succeed in a moment. */
export const isTransient = (error: ApiError): boolean =>
  error.code === 0 || error.code === 503 || error.code === 408 || error.code === 429 || error.code === 500
