/** The API's description of itself: made from the mounted routes when it is first asked for, and kept. */
import { createHash } from "node:crypto"
import { type AnyEndpoint, descriptionEndpoints } from "../../schemas/index.ts"
import { jsonText, text } from "../answers.ts"
import { noneMatch } from "../if-match.ts"
import { describe } from "../openapi/document.ts"
import { docsPage } from "../openapi/page.ts"
import { productVersion } from "../product-version.ts"
import { responseHeaders } from "../request-context.ts"
import { type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"

/** Browsers and proxies may keep it, and ask whether it still holds. */
const cacheControl = "public, max-age=60"

const once = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** Weak, since the text may be compressed on the way. */
const weakTag = (body: string): string =>
  `W/"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`

/** The description of an API that changes only with the program. */
const versions = {
  v1: {
    status: "current" as const,
    description: "The paths under /api/ without a version: plain answers, errors as in /openapi.json.",
  },
  v2: {
    status: "current" as const,
    description: "The paths under /api/v2/: every answer in the standard envelope, with paging.",
  },
}

/** `endpoints` is asked once, when all routes are mounted. */
export const descriptionRoutes = (
  services: GatewayServices,
  endpoints: () => ReadonlyArray<AnyEndpoint>,
): ReadonlyArray<Route> => {
  const document = once(() => {
    const body = JSON.stringify(describe(endpoints(), productVersion()))
    return { body, ETag: weakTag(body) }
  })
  const page = once(docsPage)
  return [
    route(services, descriptionEndpoints.openapi, ({ context }) => {
      const { body, ETag } = document()
      const headers = { ETag, "Cache-Control": cacheControl }
      return noneMatch(context.headers["if-none-match"], ETag)
        ? new Response(null, { status: 304, headers: { ...responseHeaders(context), ...headers } })
        : jsonText(context, 200, body, headers)
    }),
    route(services, descriptionEndpoints.docs, ({ context }) => {
      const { html, contentSecurityPolicy } = page()
      return text(context, 200, "text/html; charset=utf-8", html, {
        "Content-Security-Policy": contentSecurityPolicy,
        "Cache-Control": cacheControl,
      })
    }),
    route(services, descriptionEndpoints.version, () => versions),
  ]
}
