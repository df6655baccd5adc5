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
