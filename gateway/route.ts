/**
 * What a route is, and the one way in which every route is entered and left: request context, login, permission,
 * errors, headers and counts. No middleware: a route costs what it does.
 */
import type { HttpBindings } from "@hono/node-server"
import type { Context, Hono } from "hono"
import { missingCredential } from "./auth/credentials.ts"
import { type Identity, type Permission, requirePermission } from "./auth/identity.ts"
import { errorBody, GatewayError, toGatewayError } from "./errors.ts"
import { beginRequest, type RequestContext, responseHeaders } from "./request-context.ts"
import type { GatewayServices } from "./services.ts"

export type GatewayEnvironment = { readonly Bindings: HttpBindings }
export type GatewayApp = Hono<GatewayEnvironment>

export interface GatewayRequest {
  readonly http: Context<GatewayEnvironment>
  /** Replaced once the request's own span, and with it its trace, is known. */
  context: RequestContext
  readonly identity: Identity
}

export interface Route {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE"
  readonly path: string
  /** `public`: nobody has to be logged in. */
  readonly permission: Permission | "public"
  readonly handle: (request: GatewayRequest) => Response | Promise<Response>
}

const anonymous: Identity = { tenant: "", user: "", permissions: new Set(), expiresAt: 0 }

const bearer = (authorization: string | undefined): string | undefined =>
  authorization !== undefined && /^bearer /i.test(authorization) ? authorization.slice(7).trim() : undefined

export const identify = async (
  services: GatewayServices,
  authorization: string | undefined,
): Promise<Identity> => {
  const credential = bearer(authorization)
  if (credential === undefined || credential === "") throw missingCredential()
  return services.credentials.known(credential) ?? (await services.credentials.verify(credential))
}

const jsonType = "application/json; charset=UTF-8"

/** An answer in JSON; `body` is text already. */
export const jsonText = (
  context: RequestContext,
  status: number,
  body: string,
  more?: Record<string, string>,
) =>
  new Response(body, {
    status,
    headers: { "Content-Type": jsonType, ...responseHeaders(context), ...more },
  })

export const json = (context: RequestContext, status: number, body: unknown) =>
  jsonText(context, status, JSON.stringify(body))

export const errorResponse = (
  context: RequestContext,
  failure: unknown,
  more: Record<string, string> = {},
): Response => {
  const error = toGatewayError(failure)
  if (error.status >= 500 && !(failure instanceof GatewayError) && error.code === "GTW_FAIL_001")
    console.error(`request ${context.requestId} failed:`, failure)
  return jsonText(context, error.status, errorBody(error, context.traceId), {
    ...(error.retryAfterSeconds === undefined ? {} : { "Retry-After": String(error.retryAfterSeconds) }),
    ...(error.status === 401 ? { "WWW-Authenticate": "Bearer" } : {}),
    ...more,
  })
}

const enter = async (services: GatewayServices, route: Route, http: Context<GatewayEnvironment>) => {
  const { headers } = http.env.incoming
  const request = { http, context: beginRequest(headers), identity: anonymous }
  let response: Response
  try {
    if (route.permission !== "public") {
      request.identity = await identify(services, headers.authorization)
      requirePermission(request.identity, route.permission)
    }
    response = await route.handle(request)
  } catch (failure) {
    response = errorResponse(request.context, failure)
  }
  services.metrics.count(route, response.status, performance.now() - request.context.startedAt)
  return response
}

export const mount = (app: GatewayApp, services: GatewayServices, routes: ReadonlyArray<Route>): void => {
  // The router strips the last slash of a request's path, so that both forms reach a route written without it.
  for (const route of routes)
    app.on(route.method, route.path.replace(/\/$/, ""), (http) => enter(services, route, http))
}

const methods = ["GET", "POST", "PATCH", "PUT", "DELETE"] as const

/** 405 where the path exists under another method, 404 otherwise. */
export const answerUnmatched = (app: GatewayApp): void => {
  app.notFound((http) => {
    const context = beginRequest(http.env.incoming.headers)
    const { path, method } = http.req
    const allowed = methods.filter((other) => app.router.match(other, path)[0].length > 0)
    if (allowed.length === 0)
      return errorResponse(
        context,
        new GatewayError(404, "GTW_ROUTE_001", "There is nothing here.", { path }),
      )
    const details = { method, allowed }
    const error = new GatewayError(405, "GTW_ROUTE_002", "This path does not take that method.", details)
    return errorResponse(context, error, { Allow: allowed.join(", ") })
  })
  app.onError((failure, http) => errorResponse(beginRequest(http.env.incoming.headers), failure))
}
