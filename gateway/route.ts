/**
 * What a route is, and the one way in which every route is entered and left: request context, login, permission,
 * errors, headers and counts. No middleware: a route costs what it does.
 */
import type { HttpBindings } from "@hono/node-server"
import type { Context, Hono } from "hono"
import type { AnswerOf, AnyEndpoint, InputOf, Method, RoutePermission } from "../schemas/index.ts"
import { missingCredential } from "./auth/credentials.ts"
import { anonymous, authorize, type Identity } from "./auth/identity.ts"
import { endpointDecoder } from "./endpoint-input.ts"
import { errorBody, GatewayError, toGatewayError } from "./errors.ts"
import { noneMatch } from "./if-match.ts"
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
  readonly method: Method
  readonly path: string
  readonly permission: RoutePermission
  /** Absent on routes that are not yet declared in `schemas/http`. */
  readonly endpoint?: AnyEndpoint
  readonly handle: (request: GatewayRequest) => Response | Promise<Response>
}

/** An answer with more than its body. */
export class Answer<Body> {
  readonly body: Body
  readonly headers: Readonly<Record<string, string>>
  constructor(body: Body, headers: Readonly<Record<string, string>>) {
    this.body = body
    this.headers = headers
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

type Given<E extends AnyEndpoint> = AnswerOf<E> | Answer<AnswerOf<E>> | Envelope<AnswerOf<E>> | Response

const enveloped = (context: RequestContext, data: unknown, more: Envelope<unknown>["more"]) => ({
  success: true,
  data,
  ...more,
  request_id: context.requestId,
  timestamp: new Date().toISOString(),
})

const isKnown = (endpoint: AnyEndpoint, { http }: GatewayRequest, tag: string | undefined): boolean =>
  tag !== undefined && endpoint.method === "GET" && noneMatch(http.env.incoming.headers["if-none-match"], tag)

const respond = (endpoint: AnyEndpoint, request: GatewayRequest, given: unknown): Response => {
  if (given instanceof Response) return given
  const { context } = request
  const { body, headers } = given instanceof Answer ? given : { body: given, headers: undefined }
  if (isKnown(endpoint, request, headers?.ETag))
    return new Response(null, { status: 304, headers: { ...responseHeaders(context), ...headers } })
  if (endpoint.answer === undefined)
    return new Response(null, {
      status: endpoint.status,
      headers: { ...responseHeaders(context), ...headers },
    })
  const [data, more] = body instanceof Envelope ? [body.data, body.more] : [body, {}]
  const shaped = endpoint.envelope === "v2" ? enveloped(context, data, more) : data
  return jsonText(context, endpoint.status, JSON.stringify(shaped), headers)
}

/** A route from its contract: the handler is given what was decoded, and gives what goes over the wire. */
export const route = <E extends AnyEndpoint, const G extends Given<E>>(
  services: GatewayServices,
  endpoint: E,
  handle: (request: GatewayRequest, input: InputOf<E>) => G | Promise<G>,
): Route => {
  const decode = endpointDecoder(endpoint, services.limits)
  return {
    method: endpoint.method,
    path: endpoint.path,
    permission: endpoint.permission,
    endpoint,
    handle: async (request) =>
      respond(endpoint, request, await handle(request, (await decode(request.http)) as InputOf<E>)),
  }
}

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
  more?: Readonly<Record<string, string>>,
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
      authorize(request.identity, route.permission)
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
