/**
 * The one way in which every route is entered and left: request context, login, permission, time limit, errors, headers
 * and counts. No middleware: a route costs what it does. Nothing of a body is read before the permission is checked.
 */
import type { Context } from "hono"
import { errorResponse } from "./answers.ts"
import { missingCredential } from "./auth/credentials.ts"
import { anonymous, authorize, type Identity } from "./auth/identity.ts"
import { GatewayError } from "./errors.ts"
import { identifyWithin, rateLimit } from "./rate-limit.ts"
import { beginRequest } from "./request-context.ts"
import { logFailure, logRequest } from "./request-log.ts"
import { checkTarget } from "./request-target.ts"
import type { GatewayApp, GatewayEnvironment, GatewayRequest, Route } from "./route.ts"
import type { GatewayServices } from "./services.ts"

const bearer = (authorization = ""): string =>
  /^bearer /i.test(authorization) ? authorization.slice(7).trim() : ""

/** A browser cannot set headers on a WebSocket: there the query carries the credential. Empty without one. */
const credentialOf = ({ endpoint }: Route, http: Context<GatewayEnvironment>): string => {
  const token = endpoint.media === "websocket" ? http.req.query("token") : undefined
  return token ?? bearer(http.env.incoming.headers.authorization)
}

const verify = async ({ credentials }: GatewayServices, credential: string): Promise<Identity> => {
  if (credential === "") throw missingCredential()
  return credentials.verify(credential)
}

/** Who the header speaks for. Rejects with a `GatewayError` of status 401. */
export const identify = async (
  services: GatewayServices,
  authorization: string | undefined,
): Promise<Identity> => {
  const credential = bearer(authorization)
  return services.credentials.known(credential) ?? verify(services, credential)
}

const tooLate = (limitMs: number) =>
  new GatewayError(504, "GTW_TIME_001", "The answer took too long.", {
    limit: "requestMsMax",
    milliseconds: limitMs,
    remedy: "try again; a write may have been done, so repeat it with its Idempotency-Key",
  })

/** Interrupts what still runs for the request when its time is over. */
const withinTime = (request: GatewayRequest, limitMs: number, answering: Promise<Response>) =>
  new Promise<Response>((resolve, reject) => {
    const timer = setTimeout(() => {
      request.interruption ??= new AbortController()
      request.interruption.abort()
      reject(tooLate(limitMs))
    }, limitMs)
    const settle =
      <A>(end: (value: A) => void) =>
      (value: A) => {
        clearTimeout(timer)
        end(value)
      }
    answering.then(settle(resolve), settle(reject))
  })

const isLimited = ({ endpoint }: Route): boolean =>
  endpoint.timeLimit !== "own" && endpoint.media !== "text/event-stream" && endpoint.media !== "websocket"

const answer = (services: GatewayServices, route: Route, request: GatewayRequest) => {
  const answering = route.handle(request)
  return isLimited(route) && "then" in answering
    ? withinTime(request, services.limits.requestMsMax, answering)
    : answering
}

const enter = async (services: GatewayServices, route: Route, http: Context<GatewayEnvironment>) => {
  const { endpoint } = route
  const request = {
    http,
    context: beginRequest(http.env.incoming.headers, services.web, endpoint.envelope),
    identity: anonymous,
    proxies: services.proxies,
    admission: undefined as GatewayRequest["admission"],
  }
  let response: Response
  try {
    checkTarget(endpoint, http.env, services.limits)
    if (endpoint.permission !== "public") {
      const credential = credentialOf(route, http)
      request.admission = { credential, permission: endpoint.permission }
      // A credential that is known is not held up by what others at its address do.
      request.identity =
        services.credentials.known(credential) ??
        (await identifyWithin(services, request, services.credentials.held?.(credential) === true, () =>
          verify(services, credential),
        ))
      services.countCall?.(request.identity.tenant, request.identity.userId)
    }
    const limiting = rateLimit(services, endpoint, request)
    if (limiting !== undefined) await limiting
    authorize(request.identity, endpoint.permission)
    const answering = answer(services, route, request)
    response = answering instanceof Promise ? await answering : answering
  } catch (failure) {
    logFailure(services, request, failure)
    response = errorResponse(request.context, failure)
  }
  const elapsedMs = performance.now() - request.context.startedAt
  services.metrics.count(route, response.status, elapsedMs)
  logRequest(services, route, request, response.status, elapsedMs)
  return response
}

export const mount = (app: GatewayApp, services: GatewayServices, routes: ReadonlyArray<Route>): void => {
  // The router strips the last slash of a request's path, so that both forms reach a route written without it.
  for (const route of routes)
    app.on(route.endpoint.method, route.endpoint.path.replace(/\/$/, ""), (http) =>
      enter(services, route, http),
    )
}
