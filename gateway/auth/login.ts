/**
 * What happens between the identity provider and us: a login begins, comes back, and becomes a session with its tokens.
 * Whoever the provider names is taken into the directory first; the tenant comes from the provider's claim alone.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { JWTPayload } from "jose"
import {
  type ChangedBy,
  Directory,
  defaultCredentialLimits,
  hashOf,
  type LoggedIn,
  LoginAttempts,
  LoginSessions,
  randomSecret,
  SigningKeys,
  Tenants,
  type User,
} from "../../resources/index.ts"
import { GatewayError } from "../errors.ts"
import { signAccessToken } from "./access-token.ts"
import { claimsOf, tenantOf } from "./oidc/claims.ts"
import { oidcLimits } from "./oidc/limits.ts"
import type { OidcProvider } from "./oidc/provider.ts"

export interface LoginSettings {
  readonly provider: OidcProvider
  /** Under which name the directory keeps the provider's subjects; never changed in a deployment. */
  readonly issuerName: () => string
  readonly mayRedirectTo: (uri: string) => boolean
  readonly tenantClaim: string
  readonly defaultTenant: string
}

/** Where a request comes from, before it is known who sends it. */
export type From = Omit<ChangedBy, "tenant" | "user">

export interface Tokens {
  readonly accessToken: string
  readonly login: LoggedIn
}

const badRedirect = () =>
  new GatewayError(400, "USR_SSO_001", "This address may not be returned to.", {
    field: "redirect_uri",
    remedy: "send one that OIDC_REDIRECT_URIS lists, exactly as it is there",
  })
const badState = () =>
  new GatewayError(401, "USR_SSO_006", "This login was not begun in this browser, or is over.", {
    field: "state",
    remedy: "begin the login again; one has to end in time, once, and where it began",
  })
const badTenant = () =>
  new GatewayError(403, "USR_SSO_004", "Your tenant cannot log in.", {
    remedy: "ask whoever runs the platform: the tenant is unknown or suspended",
  })
const usedIdToken = () =>
  new GatewayError(401, "USR_SSO_002", "The id token is not valid.", {
    reason: "it was used before",
    remedy: "log in again",
  })

/** Promises of the provider reject with gateway errors. */
const asking = <A>(promise: () => Promise<A>) => Effect.tryPromise({ try: promise, catch: (cause) => cause })

/** `browser`: what the browser has to bring back in its cookie. */
export const beginLogin = Effect.fn("login.begin")(function* (settings: LoginSettings, redirectUri: string) {
  if (!settings.mayRedirectTo(redirectUri)) return yield* Effect.fail(badRedirect())
  const [state, nonce, verifier, browser] = [randomSecret(), randomSecret(), randomSecret(), randomSecret()]
  const url = yield* asking(() => settings.provider.authorizationUrl({ redirectUri, state, nonce, verifier }))
  const attempts = yield* LoginAttempts
  yield* attempts.begin(state, { verifier, nonce, redirectUri, browserHash: hashOf(browser) })
  return { url, browser }
})

/** A token for the login as it is now; rights are looked up when it is used. */
export const tokensOf = Effect.fnUntraced(function* (
  login: LoggedIn,
): Effect.fn.Return<Tokens, unknown, SigningKeys> {
  const now = yield* Clock.currentTimeMillis
  const key = yield* (yield* SigningKeys).signing
  const { tenant, user_id: userId, username, session } = login
  const expiresAt = now + defaultCredentialLimits.accessTokenMs
  const accessToken = yield* asking(() =>
    signAccessToken(key, { tenant, userId, username, session, expiresAt }, now),
  )
  return { accessToken, login }
})

const enter = Effect.fnUntraced(function* (settings: LoginSettings, payload: JWTPayload, from: From) {
  const tenant = yield* Effect.try({
    try: () => tenantOf(payload, settings.tenantClaim, settings.defaultTenant),
    catch: (cause) => cause,
  })
  const found = yield* Tenants.use((tenants) => tenants.find(tenant))
  if (found?.state !== "active") return yield* Effect.fail(badTenant())
  const claims = yield* Effect.try({
    try: () => claimsOf(payload, settings.issuerName()),
    catch: (cause) => cause,
  })
  const by = { ...from, tenant, user: claims.username }
  const user: User = yield* Directory.use((directory) => directory.provision(tenant, claims, by))
  const { id: user_id, username } = user
  const login = yield* LoginSessions.use((logins) =>
    logins.start({ ...by, user: username }, { user_id, username }),
  )
  return { ...(yield* tokensOf(login)), user }
})

/** `browser`: the cookie of the browser that comes back. */
export const finishWithCode = Effect.fn("login.finishWithCode")(function* (
  settings: LoginSettings,
  returned: { readonly code: string; readonly state: string; readonly browser: string | undefined },
  from: From,
) {
  const attempt = yield* LoginAttempts.use((attempts) => attempts.take(returned.state))
  if (attempt === undefined || hashOf(returned.browser ?? "") !== attempt.browserHash)
    return yield* Effect.fail(badState())
  const { redirectUri, verifier, nonce } = attempt
  const payload = yield* asking(() =>
    settings.provider.exchange({ code: returned.code, redirectUri, verifier, nonce }),
  )
  return yield* enter(settings, payload, from)
})

/** For clients that have an id token from elsewhere: a fresh one, once. */
export const finishWithIdToken = Effect.fn("login.finishWithIdToken")(function* (
  settings: LoginSettings,
  idToken: string,
  from: From,
) {
  const payload = yield* asking(() => settings.provider.verifyFresh(idToken))
  const { iat = 0, jti, sub } = payload
  const until = iat * 1_000 + oidcLimits.idTokenAgeMs + 2 * oidcLimits.clockToleranceSeconds * 1_000
  // Without a `jti` the token itself is its name; some signatures can be written in two ways, its claims cannot.
  const name = jti === undefined ? JSON.stringify(payload) : `${payload.iss}\n${sub}\n${jti}`
  if (!(yield* LoginAttempts.use((attempts) => attempts.useIdToken(name, until))))
    return yield* Effect.fail(usedIdToken())
  return yield* enter(settings, payload, from)
})
