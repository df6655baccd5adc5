/**
 * The client of a Millrace gateway, for browsers and Node from 20 on: calls are typed by the contracts in `schemas`, of
 * which it needs nothing but types while it runs. Knows `fetch`, `WebSocket` and `crypto`, and nothing of the server.
 */
import { type AnswerOf, type AnyEndpoint, chatEndpoints } from "../../schemas/index.ts"
import { abortable } from "./abortable.ts"
import {
  type AnyCall,
  type CallArguments,
  type CallOf,
  type Outgoing,
  outgoing,
  type ResultOf,
} from "./call.ts"
import { type ClientClock, systemClock } from "./clock.ts"
import { type Credential, fixedCredential } from "./credential.ts"
import { clientErrors, MillraceError } from "./error.ts"
import { type EventOptions, EventStream, type ServerSentEvent } from "./event-stream.ts"
import { type ClientLimits, defaultClientLimits } from "./limits.ts"
import { randomId } from "./random-id.ts"
import { SessionConnection, type SessionOptions, type SocketLike } from "./session.ts"
import { SharedGets } from "./shared-gets.ts"
import { type Parts, type Reply, Transport } from "./transport.ts"

export { type AnswerEvent, AnswerText } from "./answer-text.ts"
export type { CallOf, EnvelopeOf, ResultOf } from "./call.ts"
export { type ClientClock, systemClock } from "./clock.ts"
export { clientErrors, MillraceError } from "./error.ts"
export type { ServerSentEvent } from "./event-stream.ts"
export { type ClientLimits, defaultClientLimits } from "./limits.ts"
export type { SessionConnection, SessionFrame, SocketLike } from "./session.ts"
export {
  memoryStore,
  TokenManager,
  type TokenManagerOptions,
  type TokenStore,
  type Tokens,
} from "./token-manager.ts"

export interface ClientOptions {
  /** Of the gateway, such as `https://millrace.example`; empty for the page's own. */
  readonly baseUrl: string
  /** An API key, a token, or a `TokenManager`; nothing for public routes. */
  readonly credential?: string | Credential | undefined
  readonly limits?: Partial<ClientLimits>
  readonly fetch?: typeof fetch
  readonly clock?: ClientClock
  /** Where there is no global one, as in Node 20: that of the package `ws`. */
  readonly webSocket?: new (
    url: string,
  ) => SocketLike
}

/** An answer with what its headers say. */
export interface Answered<Body> {
  readonly body: Body
  readonly status: number
  /** For `ifMatch` of an edit. */
  readonly etag: string | undefined
  readonly requestId: string | undefined
  readonly headers: Headers
}

/** What an event stream's events are: what its contract answers. */
type EventOf<E extends AnyEndpoint> = AnswerOf<E> extends undefined ? unknown : AnswerOf<E>

const isJson = (headers: Headers) =>
  /^application\/(?:[\w.+-]+\+)?json\b/i.test(headers.get("content-type") ?? "")

const bodyOf = ({ status, headers, text }: Reply): unknown => {
  if (status === 204 || text === "") return undefined
  if (!isJson(headers)) return text
  try {
    return JSON.parse(text)
  } catch (cause) {
    const message = "The answer is not valid JSON."
    throw new MillraceError({ status, code: clientErrors.answer, message, cause })
  }
}

export class MillraceClient {
  readonly #baseUrl: string
  readonly #options: ClientOptions
  readonly #parts: Parts
  readonly #transport: Transport
  readonly #gets: SharedGets<Reply>

  constructor(options: ClientOptions) {
    const { baseUrl, credential, limits, clock = systemClock } = options
    this.#options = options
    this.#baseUrl = baseUrl.replace(/\/+$/, "")
    this.#parts = {
      clock,
      limits: { ...defaultClientLimits, ...limits },
      // Called as a function of its own: browsers refuse it as a method.
      fetch: (...request) => (options.fetch ?? fetch)(...request),
      credential: typeof credential === "object" ? credential : fixedCredential(credential),
    }
    this.#transport = new Transport(this.#parts)
    this.#gets = new SharedGets(this.#parts.limits.sharedMax)
  }

  /** The answer's body. Errors: `MillraceError`; the reason of `signal`. */
  async call<E extends AnyEndpoint>(endpoint: E, ...[call]: CallArguments<E>): Promise<ResultOf<E>> {
    return (await this.#answered(endpoint, call)).body as ResultOf<E>
  }

  /** The same with status and headers. */
  exchange<E extends AnyEndpoint>(endpoint: E, ...[call]: CallArguments<E>): Promise<Answered<ResultOf<E>>> {
    return this.#answered(endpoint, call) as Promise<Answered<ResultOf<E>>>
  }

  /** A stream's events, over as many connections as it takes. A POST is given an idempotency key if it has none. */
  events<E extends AnyEndpoint>(
    endpoint: E,
    call: CallOf<E> & EventOptions,
  ): AsyncGenerator<ServerSentEvent<EventOf<E>>, void> {
    const { idempotencyKey = endpoint.method === "GET" ? undefined : randomId(), ...given } = call as AnyCall
    const keyed = { ...given, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) }
    const request = outgoing(this.#baseUrl, endpoint, keyed)
    return new EventStream<EventOf<E>>(this.#parts, this.#transport, request, { ...call }).events()
  }

  /** A chat session over a WebSocket. */
  session(id: string, options: SessionOptions): SessionConnection {
    const path = encodeURIComponent(id)
    const parts = {
      ...this.#parts,
      url: (after: number, token: string | undefined) => this.#socketUrl(path, after, token),
      openSocket: (url: string) => this.#openSocket(url),
      reason: () => this.#refusal(id),
    }
    return new SessionConnection(parts, options)
  }

  async #answered(endpoint: AnyEndpoint, call: AnyCall = {}): Promise<Answered<unknown>> {
    const request = outgoing(this.#baseUrl, endpoint, call)
    const token = await abortable(this.#transport.tokenFor(request), call.signal)
    const reply = await this.#reply(request, token, call.signal)
    const { headers, status } = reply
    return {
      body: bodyOf(reply),
      status,
      headers,
      etag: headers.get("etag") ?? undefined,
      requestId: headers.get("x-request-id") ?? undefined,
    }
  }

  #reply(request: Outgoing, token: string | undefined, signal?: AbortSignal): Promise<Reply> {
    if (request.method !== "GET") return this.#transport.send(request, token, signal)
    const key = JSON.stringify([request.url, Object.entries(request.headers).sort(), token])
    return this.#gets.get(key, signal, (shared) => this.#transport.send(request, token, shared))
  }

  #socketUrl(path: string, after: number, token: string | undefined): string {
    const base =
      this.#baseUrl === ""
        ? (globalThis as { location?: { origin: string } }).location!.origin
        : this.#baseUrl
    const search = new URLSearchParams({ after: String(after), ...(token === undefined ? {} : { token }) })
    return `${base.replace(/^http/, "ws")}/ws/${path}?${search}`
  }

  #openSocket(url: string): SocketLike {
    const Socket = this.#options.webSocket ?? (globalThis.WebSocket as unknown as ClientOptions["webSocket"])
    if (Socket !== undefined) return new Socket(url)
    throw new MillraceError({
      code: clientErrors.input,
      message:
        "There is no WebSocket here: give the client one as `webSocket`, such as that of the package ws.",
    })
  }

  async #refusal(session: string): Promise<MillraceError | undefined> {
    try {
      await this.call(chatEndpoints.history, { params: { session } })
      return undefined
    } catch (failure) {
      return failure instanceof MillraceError ? failure : undefined
    }
  }
}

export const millraceClient = (options: ClientOptions): MillraceClient => new MillraceClient(options)
