/**
 * Logging in, staying so and logging out over HTTP. The refresh token is in a cookie that scripts cannot read, unless the
 * client is no browser and sends it in a body.
 */
import * as Effect from "effect/Effect"
import {
  defaultCredentialLimits,
  type LoggedIn,
  LoginSessions,
  SigningKeys,
  type User,
} from "../../resources/index.ts"
import { authEndpoints } from "../../schemas/index.ts"
import { json, text } from "../answers.ts"
import {
  loginCookieOf,
  noLoginCookie,
  noRefreshCookie,
  readLoginCookie,
  readRefreshCookie,
  refreshCookieOf,
  requireOwnOrigin,
} from "../auth/cookies.ts"
import { missingCredential } from "../auth/credentials.ts"
import { type Identity, isApiKeyIdentity } from "../auth/identity.ts"
import {
  beginLogin,
  type From,
  finishWithCode,
  finishWithIdToken,
  type Tokens,
  tokensOf,
} from "../auth/login.ts"
import { changedBy } from "../changed-by.ts"
import { identify } from "../entrance.ts"
import { GatewayError } from "../errors.ts"
import { Answer, type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const jwksKeepSeconds = 300
const expiresIn = defaultCredentialLimits.accessTokenMs / 1_000

const tokenBody = ({ accessToken }: Tokens) => ({
  access_token: accessToken,
  token_type: "Bearer" as const,
  expires_in: expiresIn,
})

const userBody = ({ username, username_kr, email, role }: User) => ({
  username,
  username_kr: username_kr ?? username,
  email,
  role,
})

const withCookies = (response: Response, cookies: ReadonlyArray<string>): Response => {
  for (const cookie of cookies) response.headers.append("Set-Cookie", cookie)
  return response
}

const fromOf = (request: GatewayRequest): From => {
  const { requestId, address } = changedBy(request)
  return {
    requestId,
    address,
    get traceId() {
      return request.context.traceId
    },
  }
}

const incomplete = () =>
  new GatewayError(400, "GTW_BODY_006", "Invalid: (body).", {
    field: "(body)",
    reason: "either code and state are needed, or id_token alone",
    remedy: "send what the identity provider gave",
  })

const providerRefused = (error: string | undefined) =>
  new GatewayError(401, "USR_SSO_003", "The identity provider did not log you in.", {
    reason: (error ?? "it gave no code").replaceAll(/[^\w .-]/g, "").slice(0, 64),
    remedy: "begin the login again",
  })

const noLogin = () =>
  new GatewayError(403, "USR_KEY_004", "An API key is no login that could end.", {
    remedy: "revoke it: DELETE /api/users/me/api-keys/{id}",
  })

/** Reads nothing and runs nothing: the browser may show it wherever it was sent from. */
const page = "<!doctype html><title>Millrace</title><p>You are logged in. You may close this page."

export const authRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { login, credentials } = services
  const { secureCookies: secure } = login
  const refreshCookie = ({ refreshToken, expiresAt }: LoggedIn) =>
    refreshCookieOf(refreshToken, secure, expiresAt - Date.now())
  const loggedIn = (request: GatewayRequest, done: Tokens & { user: User }, asPage: boolean) =>
    withCookies(
      asPage
        ? text(request.context, 200, "text/html; charset=UTF-8", page)
        : json(request.context, 200, { ...tokenBody(done), user: userBody(done.user) }),
      [noLoginCookie(secure), refreshCookie(done.login)],
    )

  const keys = route(services, authEndpoints.keys, async (request) => {
    const reading = SigningKeys.use(({ published }) => published)
    const set = await runTraced(services, request, "GET /.well-known/jwks.json", reading)
    const body = JSON.parse(JSON.stringify(set)) as { readonly keys: ReadonlyArray<Record<string, string>> }
    return new Answer(body, { "Cache-Control": `public, max-age=${jwksKeepSeconds}` })
  })

  const begin = route(services, authEndpoints.login, async (request, { body }) => {
    requireOwnOrigin(services, request)
    const beginning = beginLogin(login, body.redirect_uri)
    const { url, browser } = await runTraced(services, request, "POST /api/auth/login/", beginning)
    const cookie = loginCookieOf(browser, secure, defaultCredentialLimits.loginAttemptMs)
    return new Answer({ sso_login_url: url }, { "Set-Cookie": cookie })
  })

  const callback = route(services, authEndpoints.callback, async (request, { body }) => {
    requireOwnOrigin(services, request)
    const { code, state, id_token: idToken } = body
    const byCode = code !== undefined && state !== undefined && idToken === undefined
    if (!byCode && (idToken === undefined || code !== undefined || state !== undefined)) throw incomplete()
    const finishing = byCode
      ? finishWithCode(login, { code, state, browser: readLoginCookie(request) }, fromOf(request))
      : finishWithIdToken(login, idToken!, fromOf(request))
    return loggedIn(request, await runTraced(services, request, "POST /api/auth/callback/", finishing), false)
  })

  const callbackPage = route(services, authEndpoints.callbackPage, async (request, { query }) => {
    const { code, state, error } = query
    if (code === undefined || state === undefined) throw providerRefused(error)
    const browser = readLoginCookie(request)
    const finishing = finishWithCode(login, { code, state, browser }, fromOf(request))
    const done = await runTraced(services, request, "GET /api/auth/callback/", finishing)
    return loggedIn(request, done, /\btext\/html\b/.test(request.http.req.header("accept") ?? ""))
  })

  const refresh = route(services, authEndpoints.refresh, async (request, { body }) => {
    requireOwnOrigin(services, request)
    const token = body.refresh_token ?? readRefreshCookie(request)
    if (token === undefined) throw missingCredential()
    const rotating = Effect.flatMap(
      LoginSessions.use((logins) => logins.rotate(token, fromOf(request))),
      tokensOf,
    )
    const tokens = await runTraced(services, request, "POST /api/auth/refresh", rotating)
    return body.refresh_token === undefined
      ? new Answer(tokenBody(tokens), { "Set-Cookie": refreshCookie(tokens.login) })
      : { ...tokenBody(tokens), refresh_token: tokens.login.refreshToken }
  })

  /** Whose access token came along, if it is valid still. */
  const caller = async (request: GatewayRequest): Promise<Identity | undefined> => {
    const { authorization } = request.http.env.incoming.headers
    if (authorization === undefined) return undefined
    return identify({ ...services, credentials }, authorization).catch((failure: unknown) => {
      if (failure instanceof GatewayError && failure.status === 401) return undefined
      throw failure
    })
  }

  const logout = route(services, authEndpoints.logout, async (request) => {
    requireOwnOrigin(services, request)
    const identity = await caller(request)
    const token = readRefreshCookie(request)
    if (identity === undefined && token === undefined) throw missingCredential()
    if (identity !== undefined && isApiKeyIdentity(identity)) throw noLogin()
    const from = fromOf(request)
    const ending = LoginSessions.use((logins) =>
      Effect.all(
        [
          ...(identity === undefined
            ? []
            : [logins.end({ ...from, tenant: identity.tenant, user: identity.user }, identity.session)]),
          ...(token === undefined ? [] : [logins.endByToken(token, from)]),
        ],
        { discard: true },
      ),
    )
    await runTraced(services, request, "POST /api/auth/logout/", ending)
    return new Answer({ message: "Successfully logged out" }, { "Set-Cookie": noRefreshCookie(secure) })
  })

  return [keys, begin, callback, callbackPage, refresh, logout]
}
