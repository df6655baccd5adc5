/** What a route is: its contract, and what handles a request that was let in. */
import type { HttpBindings } from "@hono/node-server"
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import type { Context, Hono } from "hono"
import type { KeptAnswer } from "../resources/index.ts"
import type { AnswerOf, AnyEndpoint, InputOf, RoutePermission } from "../schemas/index.ts"
import { answerOnce } from "./answer-once.ts"
import { jsonText } from "./answers.ts"
import type { Identity } from "./auth/identity.ts"
import type { TrustedProxies } from "./client-address.ts"
import { endpointDecoder } from "./endpoint-input.ts"
import { noneMatch } from "./if-match.ts"
import { type RequestContext, responseHeaders } from "./request-context.ts"
import type { GatewayServices } from "./services.ts"
import type { HeaderSet } from "./web-policy.ts"

export type GatewayEnvironment = { readonly Bindings: HttpBindings }
export type GatewayApp = Hono<GatewayEnvironment>

export interface GatewayRequest {
  readonly http: Context<GatewayEnvironment>
  /** Replaced once the request's own span, and with it its trace, is known. */
  context: RequestContext
  /** Replaced when a stream goes on with another credential of the same user. */
  identity: Identity
  /** Whose word on the client's address is believed. */
  readonly proxies?: TrustedProxies | undefined
  /** What let the request in; undefined where nothing had to. A stream is checked by it for as long as it is open. */
  admission?: { readonly credential: string; readonly permission: RoutePermission } | undefined
  /** Ends what runs for this request; made by whoever needs it first. */
  interruption?: AbortController
}

export interface Route {
  readonly endpoint: AnyEndpoint
  readonly handle: (request: GatewayRequest) => Response | Promise<Response>
}

/** An answer with more than its body. `status` is one of the contract's `otherStatuses`. */
export class Answer<Body> {
  readonly body: Body
  readonly headers: HeaderSet
  readonly status: number | undefined
  constructor(body: Body, headers: HeaderSet = {}, status?: number) {
    this.body = body
    this.headers = headers
    this.status = status
  }
}

/** What a handler of a `v2` endpoint gives besides its data. */
export class Envelope<Data> {
  readonly data: Data
  readonly more: { readonly message?: string; readonly pagination?: Pagination }
  constructor(data: Data, more: { readonly message?: string; readonly pagination?: Pagination } = {}) {
    this.data = data
    this.more = more
  }
}

/** Shape: seed 2 §3.2. */
export interface Pagination {
  readonly page: number
  readonly per_page: number
  readonly total: number
  readonly total_pages: number
  readonly has_next: boolean
  readonly has_prev: boolean
}

type Plain<E extends AnyEndpoint> = AnswerOf<E> | Envelope<AnswerOf<E>>
export type Given<E extends AnyEndpoint> = Plain<E> | Answer<Plain<E>> | Response

const enveloped = (context: RequestContext, data: unknown, more: Envelope<unknown>["more"]) => ({
  success: true,
  data,
  ...more,
  request_id: context.requestId,
  timestamp: new Date().toISOString(),
})

const bodyText = (endpoint: AnyEndpoint, context: RequestContext, body: unknown): string => {
  const [data, more] = body instanceof Envelope ? [body.data, body.more] : [body, {}]
  return JSON.stringify(endpoint.envelope === "v2" ? enveloped(context, data, more) : data)
}

/** What has a version may be kept by its reader, who asks each time whether it still holds. */
const cacheable = (headers: HeaderSet | undefined): HeaderSet | undefined =>
  headers?.ETag === undefined ? headers : { "Cache-Control": "private, no-cache", ...headers }

/** The server replaces the global `Response`, of which its own mark for "sent already" is none. */
const isResponse = (given: unknown): given is Response =>
  given instanceof Response || given === RESPONSE_ALREADY_SENT

/** What goes over the wire, before it is known whether the reader has it already. */
const shape = (endpoint: AnyEndpoint, { context }: GatewayRequest, given: unknown) => {
  if (isResponse(given)) throw new Error(`${endpoint.id} keeps its answers, so it gives bodies`)
  const { body, headers, status = endpoint.status } = given instanceof Answer ? given : { body: given }
  return {
    status,
    headers: cacheable(headers) ?? {},
    body: endpoint.answer === undefined ? "" : bodyText(endpoint, context, body),
  }
}

const send = (endpoint: AnyEndpoint, { context, http }: GatewayRequest, answer: KeptAnswer): Response => {
  const { status, headers, body } = answer
  const known = headers.ETag !== undefined && endpoint.method === "GET"
  if (known && noneMatch(http.env.incoming.headers["if-none-match"], headers.ETag!))
    return new Response(null, { status: 304, headers: { ...responseHeaders(context), ...headers } })
  if (body === "") return new Response(null, { status, headers: { ...responseHeaders(context), ...headers } })
  return jsonText(context, status, body, headers)
}

/** A route from its contract: the handler is given what was decoded, and gives what goes over the wire. */
export const route = <E extends AnyEndpoint, const G extends Given<E>>(
  services: GatewayServices,
  endpoint: E,
  handle: (request: GatewayRequest, input: InputOf<E>) => G | Promise<G>,
): Route => {
  const decode = endpointDecoder(endpoint, services.limits)
  const answerTo = async (request: GatewayRequest): Promise<Response> => {
    const input = (await decode(request.http)) as InputOf<E>
    if (endpoint.idempotent === true) {
      const first = async () => shape(endpoint, request, await handle(request, input))
      return send(endpoint, request, await answerOnce(services, request, { endpoint, input }, first))
    }
    const given = await handle(request, input)
    return isResponse(given) ? given : send(endpoint, request, shape(endpoint, request, given))
  }
  return { endpoint, handle: answerTo }
}
