/** Looks at a request's line before anything else is done: what it names has to be readable, and meant for this route. */
import type { HttpBindings } from "@hono/node-server"
import type { AnyEndpoint } from "../schemas/index.ts"
import type { GatewayLimits } from "./config.ts"
import { GatewayError } from "./errors.ts"

const isDecodable = (url: string): boolean => {
  try {
    decodeURIComponent(url)
    return true
  } catch {
    return false
  }
}

const badEncoding = (url: string) => {
  const inPath = !isDecodable(url.split("?", 1)[0]!)
  return new GatewayError(
    400,
    inPath ? "GTW_PATH_001" : "GTW_QUERY_001",
    `The ${inPath ? "path" : "query"} is not valid.`,
    {
      reason: "a % is not followed by two hexadecimal digits of UTF-8",
      remedy: "percent-encode every part of the address as UTF-8",
    },
  )
}

/** Who reads a request before us may have taken the other one. Source: RFC 9112 §3.2 for the host. */
const once: ReadonlySet<string> = new Set(["authorization", "host"])
const lengths: ReadonlySet<number> = new Set([...once].map((name) => name.length))

const twice = ({ rawHeaders }: HttpBindings["incoming"]): string | undefined => {
  let seen = ""
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!
    if (!lengths.has(name.length)) continue
    const lower = name.toLowerCase()
    if (!once.has(lower)) continue
    if (seen.includes(lower)) return lower
    seen += ` ${lower}`
  }
  return undefined
}

const repeated = (field: string) =>
  new GatewayError(400, "GTW_HTTP_001", "The request is no valid HTTP.", {
    field,
    reason: "the header is there more than once",
    remedy: "send it once",
  })

/** Errors: 414, 400 and 405. */
export const checkTarget = (
  { media, method }: AnyEndpoint,
  { incoming, outgoing }: HttpBindings,
  { urlCharactersMax }: Pick<GatewayLimits, "urlCharactersMax">,
): void => {
  const url = incoming.url ?? "/"
  if (url.length > urlCharactersMax)
    throw new GatewayError(414, "GTW_PATH_002", "The address is too long.", {
      limit: "urlCharactersMax",
      characters_max: urlCharactersMax,
    })
  if (url.includes("%") && !isDecodable(url)) throw badEncoding(url)
  const header = twice(incoming)
  if (header !== undefined) throw repeated(header)
  // A connection that asks for an upgrade has nothing else to answer with.
  if (outgoing === undefined && media !== "websocket")
    throw new GatewayError(400, "GTW_ROUTE_003", "This path takes no WebSocket.", {
      remedy: "leave the Upgrade header out",
    })
  if (incoming.method === "HEAD" && (media === "text/event-stream" || media === "websocket"))
    throw new GatewayError(405, "GTW_ROUTE_002", "This path does not take that method.", {
      method: "HEAD",
      allowed: [method],
    })
}
