/** What a call of an endpoint takes and gives, by its contract, and how it becomes a request. */
import type * as Schema from "effect/Schema"
import type { AnswerOf, AnyEndpoint, Fields, PlainCodec } from "../../schemas/index.ts"
import { clientErrors, MillraceError } from "./error.ts"

/** Required only when one of the fields is. */
// biome-ignore lint/complexity/noBannedTypes: asks whether an empty object would do
type Part<Name extends string, Value> = {} extends Value
  ? { readonly [N in Name]?: Value }
  : { readonly [N in Name]: Value }

type FieldsOf<Name extends string, F extends Fields> = keyof F extends never
  ? { readonly [N in Name]?: undefined }
  : Part<Name, Schema.Struct.Type<F>>

type BodyOf<E extends AnyEndpoint> = E["body"] extends PlainCodec
  ? Part<"body", E["body"]["Encoded"]>
  : { readonly body?: undefined }

export interface CallOptions {
  /** The version that an edit starts from: the `etag` of what was read. */
  readonly ifMatch?: string
  /** Makes a POST safe to repeat: with it, the client repeats the call when its outcome is unknown. */
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
  /** Such as `traceparent`; what the client sets itself cannot be replaced. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Params, query and body as the contract has them on the wire; numbers in a query may be numbers. */
export type CallOf<E extends AnyEndpoint> = FieldsOf<"params", E["params"]> &
  FieldsOf<"query", E["query"]> &
  BodyOf<E> &
  CallOptions

export type CallArguments<E extends AnyEndpoint> =
  // biome-ignore lint/complexity/noBannedTypes: asks whether an empty object would do
  {} extends CallOf<E> ? readonly [call?: CallOf<E>] : readonly [call: CallOf<E>]

/** Shape: seed 2 §3.2. */
export interface EnvelopeOf<Data> {
  readonly success: true
  readonly data: Data
  readonly message?: string
  readonly pagination?: {
    readonly page: number
    readonly per_page: number
    readonly total: number
    readonly total_pages: number
    readonly has_next: boolean
    readonly has_prev: boolean
  }
  readonly request_id: string
  readonly timestamp: string
}

/** What an endpoint answers; in the envelope where it has one. */
export type ResultOf<E extends AnyEndpoint> = E["envelope"] extends "v2"
  ? EnvelopeOf<AnswerOf<E>>
  : AnswerOf<E>

/** A call with its types forgotten. */
export interface AnyCall extends CallOptions {
  readonly params?: Readonly<Record<string, unknown>> | undefined
  readonly query?: Readonly<Record<string, unknown>> | undefined
  readonly body?: unknown
}

/** What is sent, but for the credential. */
export interface Outgoing {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly isPublic: boolean
  /** Cookies of the gateway go along, and are taken from it, even where it is another origin. */
  readonly withCookies: boolean
  /** Sending it twice does no more than sending it once. */
  readonly repeatable: boolean
}

const badInput = (field: string, reason: string) =>
  new MillraceError({
    code: clientErrors.input,
    message: `Invalid: ${field}.`,
    details: { field, reason },
  })

const textOf = (field: string, value: unknown): string => {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return String(value)
  throw badInput(field, "a text, a number or a boolean")
}

/** `.` and `..` would lead to another path, whichever way they are written. */
const segmentOf = (name: string, value: unknown): string => {
  const text = textOf(`params.${name}`, value)
  if (text === "" || text === "." || text === "..")
    throw badInput(`params.${name}`, "not empty, no dots alone")
  return encodeURIComponent(text)
}

const queryOf = (query: AnyCall["query"]): string => {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) search.append(name, textOf(`query.${name}`, value))
  const text = search.toString()
  return text === "" ? "" : `?${text}`
}

/**
 * A repeated edit with `If-Match` would be refused for the version that its first attempt made, so it is not repeated.
 */
const isRepeatable = (method: string, { ifMatch, idempotencyKey }: CallOptions): boolean =>
  idempotencyKey !== undefined || (method !== "POST" && method !== "PATCH" && ifMatch === undefined)

/** Errors: `clientErrors.input`. */
export const outgoing = (baseUrl: string, endpoint: AnyEndpoint, call: AnyCall): Outgoing => {
  const path = endpoint.path.replace(/(?<=\/):(\w+)/g, (_, name: string) =>
    segmentOf(name, call.params?.[name]),
  )
  return {
    method: endpoint.method,
    url: baseUrl + path + queryOf(call.query),
    headers: {
      accept: "application/json",
      ...call.headers,
      ...(call.body === undefined ? {} : { "content-type": "application/json" }),
      ...(call.ifMatch === undefined ? {} : { "if-match": call.ifMatch }),
      ...(call.idempotencyKey === undefined ? {} : { "idempotency-key": call.idempotencyKey }),
    },
    body: call.body === undefined ? undefined : JSON.stringify(call.body),
    isPublic: endpoint.permission === "public",
    withCookies: path.startsWith("/api/auth/"),
    repeatable: isRepeatable(endpoint.method, call),
  }
}
