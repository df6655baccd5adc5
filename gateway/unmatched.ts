/** What no route takes: unknown paths, known paths under another method, and what browsers ask before they call. */
import { errorResponse } from "./answers.ts"
import { GatewayError } from "./errors.ts"
import { beginRequest, type RequestContext, responseHeaders } from "./request-context.ts"
import { logFailure } from "./request-log.ts"
import type { GatewayApp } from "./route.ts"
import type { GatewayServices } from "./services.ts"
import { preflightHeaders } from "./web-policy.ts"

const methods = ["GET", "POST", "PATCH", "PUT", "DELETE"] as const

/** Whoever calls an unknown path still has the errors that its client understands. */
const envelopeOf = (path: string): RequestContext["envelope"] => {
  if (path.startsWith("/api/v2/")) return "v2"
  return path === "/v1" || path.startsWith("/v1/") ? "openai" : "plain"
}

/** `OPTIONS`: what a path takes, and for pages of origins on the list what they may send. */
const options = (services: GatewayServices, context: RequestContext, allow: string): Response =>
  new Response(null, {
    status: 204,
    headers: {
      ...responseHeaders(context),
      Allow: allow,
      ...(services.web.allows(context.headers.origin) ? preflightHeaders : {}),
    },
  })

/** 405 where the path exists under another method, 404 otherwise. */
export const answerUnmatched = (app: GatewayApp, services: GatewayServices): void => {
  app.notFound((http) => {
    const { path, method } = http.req
    const context = beginRequest(http.env.incoming.headers, services.web, envelopeOf(path))
    const allowed = methods.filter((other) => app.router.match(other, path)[0].length > 0)
    if (allowed.length === 0)
      return errorResponse(
        context,
        new GatewayError(404, "GTW_ROUTE_001", "There is nothing here.", { path }),
      )
    if (method === "OPTIONS") return options(services, context, allowed.join(", "))
    const details = { method, allowed }
    const error = new GatewayError(405, "GTW_ROUTE_002", "This path does not take that method.", details)
    return errorResponse(context, error)
  })
  app.onError((failure, http) => {
    const context = beginRequest(http.env.incoming.headers, services.web, envelopeOf(http.req.path))
    logFailure(services, { context }, failure)
    return errorResponse(context, failure)
  })
}
