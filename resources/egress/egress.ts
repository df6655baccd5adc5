/**
 * The one client for everything that goes out. It checks the scheme, every address it connects to and every redirect,
 * and bounds what comes back in bytes and time. Nothing else in the product may open a connection to an address that a
 * user, a document or a model named.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Agent, type RequestInit as UndiciInit, fetch as undiciFetch } from "undici"
import { type AllowList, bareHost, nothingAllowed } from "./addresses.ts"
import { checkedAddresses, checkedConnector, type Resolve, systemResolve } from "./connector.ts"
import { nextHop } from "./redirect.ts"
import { EgressRefused } from "./refused.ts"
import { boundedBody } from "./response-bound.ts"

export interface EgressLimits {
  /** Bytes of an answer, after it was unpacked. */
  readonly bytesMax: number
  /** From the request to the answer's last byte. */
  readonly totalMs: number
}

export const egressLimits = {
  bytesMax: 32 * 1024 * 1024,
  totalMs: 60_000,
  redirectsMax: 5,
  connectMs: 10_000,
  addressesMax: 4,
  /** Connections to one host. */
  connectionsMax: 256,
  /** Bytes of an answer's headers. */
  headerBytesMax: 64 * 1024,
} as const

/** `fetch`, but for a `Request` as its input and for `redirect`, which is followed under checks unless it is `manual`. */
export type EgressFetch = (url: string | URL, init?: RequestInit) => Promise<Response>

export interface EgressService {
  /** Rejects with `EgressRefused`, or as `fetch` does. Aborting the signal closes the connection at once. */
  readonly fetch: EgressFetch
  /** The same with other limits. */
  readonly limited: (limits: Partial<EgressLimits>) => EgressFetch
  /**
   * For what is not HTTP: the addresses of a host that a connection may go to, and to no others. Rejects with
   * `EgressRefused`.
   */
  readonly addresses: (host: string, port: number) => Promise<ReadonlyArray<string>>
}

export interface EgressConfig {
  readonly allow?: AllowList | undefined
  /** Default: the machine's own. */
  readonly resolve?: Resolve | undefined
}

const checkedUrl = (input: string | URL): URL => {
  let url: URL
  try {
    url = new URL(input)
  } catch {
    throw new EgressRefused("url", "(none)", "this is not a URL", "write it as https://host/path")
  }
  const host = bareHost(url.hostname)
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw new EgressRefused(
      "url",
      host || "(none)",
      `${url.protocol} is not spoken here`,
      "use https or http",
    )
  if (url.username !== "" || url.password !== "")
    throw new EgressRefused("url", host, "the URL holds credentials", "send them in a header")
  return url
}

/** undici wraps what the connector refused. */
const unwrapped = (failure: unknown): unknown => {
  const cause = failure instanceof Error ? failure.cause : undefined
  return cause instanceof EgressRefused ? cause : failure
}

const makeFetch = (agent: Agent, limits: EgressLimits): EgressFetch => {
  const send = async (url: URL, init: RequestInit): Promise<Response> => {
    const options = { ...init, dispatcher: agent, redirect: "manual" } as UndiciInit
    try {
      return (await undiciFetch(url, options)) as unknown as Response
    } catch (failure) {
      throw unwrapped(failure)
    }
  }
  return async (input, init = {}) => {
    let url = checkedUrl(input)
    const late = () =>
      new EgressRefused(
        "time",
        bareHost(url.hostname),
        `no complete answer in ${limits.totalMs} ms`,
        "try again later",
      )
    const timer = AbortSignal.timeout(limits.totalMs)
    const signal = init.signal ? AbortSignal.any([init.signal, timer]) : timer
    let current: RequestInit = { ...init, signal }
    for (let hops = 0; ; hops++) {
      const response = await send(url, current).catch((failure: unknown) => {
        throw timer.aborted ? late() : failure
      })
      const next = init.redirect === "manual" ? undefined : nextHop(url, current, response)
      if (next === undefined)
        return boundedBody(response, {
          host: bareHost(url.hostname),
          url: url.href,
          bytesMax: limits.bytesMax,
          timer,
          late,
        })
      await response.body?.cancel()
      if (hops === egressLimits.redirectsMax || init.redirect === "error")
        throw new EgressRefused(
          "redirect",
          bareHost(url.hostname),
          "it redirects too often",
          "use the final address",
        )
      url = checkedUrl(next.url)
      current = next.init
    }
  }
}

export class Egress extends Context.Service<Egress, EgressService>()("millrace/Egress") {
  static layer({ allow = nothingAllowed, resolve = systemResolve }: EgressConfig = {}) {
    const checked = checkedAddresses(allow, resolve, egressLimits)
    const open = Effect.sync(
      () =>
        new Agent({
          connect: checkedConnector(checked, egressLimits),
          connections: egressLimits.connectionsMax,
          maxHeaderSize: egressLimits.headerBytesMax,
          // Silence is bounded by the time of the whole answer, which callers know better than this.
          headersTimeout: 0,
          bodyTimeout: 0,
        }),
    )
    return Layer.effect(
      Egress,
      Effect.map(
        Effect.acquireRelease(open, (agent) => Effect.promise(() => agent.destroy())),
        (agent) => {
          const limited = (limits: Partial<EgressLimits>) => makeFetch(agent, { ...egressLimits, ...limits })
          const addresses: EgressService["addresses"] = async (host, port) => checked(bareHost(host), port)
          return Egress.of({ fetch: limited({}), limited, addresses })
        },
      ),
    )
  }
}
