/** Where an answer sends the request next, and what of the request goes along. Source: fetch standard, HTTP-redirect fetch. */
import { bareHost } from "./addresses.ts"
import { EgressRefused } from "./refused.ts"

const statuses = new Set([301, 302, 303, 307, 308])

/** Nobody but the origin that they were meant for is given any other header: keys have many names. */
const harmless = new Set(["accept", "accept-encoding", "accept-language", "content-type", "user-agent"])
const ofBody = /^content-/

const becomesGet = (status: number, method: string): boolean =>
  (status === 303 && method !== "HEAD") || ((status === 301 || status === 302) && method === "POST")

/** Undefined: the answer is no redirect. */
export const nextHop = (
  from: URL,
  init: RequestInit,
  { status, headers }: Pick<Response, "status" | "headers">,
): { readonly url: URL; readonly init: RequestInit } | undefined => {
  const location = headers.get("location")
  if (!statuses.has(status) || location === null) return undefined
  const host = bareHost(from.hostname)
  if (!URL.canParse(location, from.href))
    throw new EgressRefused(
      "redirect",
      host,
      "it redirects to something that is no URL",
      "use the final address",
    )
  const url = new URL(location, from)
  if (from.protocol === "https:" && url.protocol === "http:")
    throw new EgressRefused("redirect", host, "it redirects from https to http", "use the final address")
  const drop = becomesGet(status, (init.method ?? "GET").toUpperCase())
  if (!drop && init.body instanceof ReadableStream)
    throw new EgressRefused("redirect", host, "it redirects a body that is gone", "use the final address")
  const kept = [...new Headers(init.headers)].filter(
    ([name]) => (url.origin === from.origin || harmless.has(name)) && !(drop && ofBody.test(name)),
  )
  const { body, ...rest } = init
  return {
    url,
    init: {
      ...rest,
      headers: kept,
      ...(drop ? { method: "GET" } : body === undefined ? {} : { body }),
    },
  }
}
