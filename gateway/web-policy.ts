/**
 * What browsers are told with every answer: what they may do with it, and which other sites may read it. The sets of
 * headers are made once; a request only chooses one.
 * Source: https://fetch.spec.whatwg.org/#http-cors-protocol, OWASP HTTP Headers Cheat Sheet.
 */

export interface WebSettings {
  /** Where people reach the node, such as `https://millrace.example`; undefined where nobody said. */
  readonly publicUrl: string | undefined
  /** Exact origins, such as `https://app.example`. Pages of these may call with credentials; no others may at all. */
  readonly corsOrigins: ReadonlyArray<string>
}

export type HeaderSet = Readonly<Record<string, string>>

export interface WebPolicy {
  /** For an answer to a request with this `Origin`. */
  readonly headersFor: (origin: string | undefined) => HeaderSet
  readonly allows: (origin: string | undefined) => boolean
}

const preflightSecondsMax = 600
const hstsSeconds = 365 * 24 * 60 * 60

/** Tells of preflight requests what may be sent; only for origins on the list. */
export const preflightHeaders: HeaderSet = {
  "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
  "Access-Control-Allow-Headers":
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Mcp-Protocol-Version, Mcp-Session-Id, X-Request-ID, traceparent",
  "Access-Control-Max-Age": String(preflightSecondsMax),
}

const exposed =
  "ETag, Idempotency-Replayed, Location, Mcp-Session-Id, RateLimit, RateLimit-Policy, Retry-After, X-Process-Time, X-Request-ID, traceparent"

export const makeWebPolicy = ({ publicUrl, corsOrigins }: WebSettings): WebPolicy => {
  const base: HeaderSet = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    Vary: "Origin, Accept-Encoding",
    ...(publicUrl?.startsWith("https:") === true
      ? { "Strict-Transport-Security": `max-age=${hstsSeconds}` }
      : {}),
  }
  const sets = new Map(
    corsOrigins.map((origin) => [
      origin,
      {
        ...base,
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": exposed,
      },
    ]),
  )
  return {
    headersFor: (origin) => (origin === undefined ? base : (sets.get(origin) ?? base)),
    allows: (origin) => origin !== undefined && sets.has(origin),
  }
}
