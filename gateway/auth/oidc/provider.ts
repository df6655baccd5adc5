/**
 * One identity provider, spoken to as OpenID Connect asks of a client: authorization-code flow with PKCE S256, state and
 * nonce; id tokens checked for signature, issuer, audience, authorized party, age and nonce. The development issuer is
 * reached through this as well. Source: OpenID Connect Core §3.1, RFC 7636, RFC 9700.
 */
import { createHash } from "node:crypto"
import { errors, type JWTPayload, jwtVerify } from "jose"
import { GatewayError } from "../../errors.ts"
import { fetchProvider, jsonObject, providerFailed } from "./bounded-fetch.ts"
import { type Discovered, makeDiscovery } from "./discovery.ts"
import { oidcLimits } from "./limits.ts"

export interface OidcClient {
  /** Asked for when needed: the development issuer is on this node, whose port is known once it listens. */
  readonly issuer: () => string
  readonly clientId: string
  readonly clientSecret: string | undefined
}

export interface OidcProvider {
  readonly authorizationUrl: (request: {
    readonly redirectUri: string
    readonly state: string
    readonly nonce: string
    readonly verifier: string
  }) => Promise<string>
  /** Gives the claims of the id token that the code stands for. */
  readonly exchange: (grant: {
    readonly code: string
    readonly redirectUri: string
    readonly verifier: string
    readonly nonce: string
  }) => Promise<JWTPayload>
  /** For an id token that came by itself: it has to be fresh. */
  readonly verifyFresh: (idToken: string) => Promise<JWTPayload>
}

/** None that a public key could be misused as a secret for, and not `none`. */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
]

const badIdToken = (reason: string) =>
  new GatewayError(401, "USR_SSO_002", "The id token is not valid.", { reason, remedy: "log in again" })
const badCode = (reason: string) =>
  new GatewayError(401, "USR_SSO_003", "The identity provider does not accept the code.", {
    reason,
    remedy: "begin the login again",
  })

const challengeOf = (verifier: string) => createHash("sha256").update(verifier).digest("base64url")

const verifyIdToken = async (provider: Discovered, clientId: string, idToken: string, maxAgeMs?: number) => {
  if (idToken.length > oidcLimits.idTokenCharactersMax) throw badIdToken("it is too long")
  const { payload, protectedHeader } = await jwtVerify(idToken, provider.keys, {
    algorithms,
    issuer: provider.issuer,
    audience: clientId,
    requiredClaims: ["sub", "exp", "iat"],
    clockTolerance: oidcLimits.clockToleranceSeconds,
    ...(maxAgeMs === undefined ? {} : { maxTokenAge: maxAgeMs / 1_000 }),
  }).catch((cause: unknown) => {
    if (cause instanceof errors.JWTExpired) throw badIdToken("it has expired, or is too old")
    if (cause instanceof errors.JWKSTimeout) throw providerFailed("its keys took too long")
    if (cause instanceof errors.JOSEError || cause instanceof TypeError)
      throw badIdToken("the signature or a claim does not hold")
    throw cause
  })
  const { typ } = protectedHeader
  if (typ !== undefined && typ.toUpperCase() !== "JWT") throw badIdToken("it is another kind of token")
  const { aud, azp } = payload
  if ((Array.isArray(aud) && aud.length > 1 && azp === undefined) || (azp !== undefined && azp !== clientId))
    throw badIdToken("it was made for another client")
  return payload
}

const formEncoded = (text: string) => new URLSearchParams({ v: text }).toString().slice(2)

const tokenRequest = (
  provider: Discovered,
  client: OidcClient,
  grant: Record<string, string>,
): RequestInit => {
  const { clientId, clientSecret } = client
  const form = new URLSearchParams({ ...grant, client_id: clientId })
  const headers: Record<string, string> = {
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
  }
  if (clientSecret !== undefined && provider.secretInBody) form.set("client_secret", clientSecret)
  else if (clientSecret !== undefined) {
    // Source: RFC 6749 §2.3.1.
    const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`
    headers.authorization = `Basic ${Buffer.from(pair).toString("base64")}`
  }
  return { method: "POST", headers, body: form.toString() }
}

export const makeOidcProvider = (client: OidcClient): OidcProvider => {
  const discovered = makeDiscovery(client.issuer)

  const authorizationUrl: OidcProvider["authorizationUrl"] = async (request) => {
    const { authorizationEndpoint } = await discovered()
    const url = new URL(authorizationEndpoint)
    const parameters = {
      response_type: "code",
      client_id: client.clientId,
      redirect_uri: request.redirectUri,
      scope: "openid profile email",
      state: request.state,
      nonce: request.nonce,
      code_challenge: challengeOf(request.verifier),
      code_challenge_method: "S256",
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    return url.href
  }

  const exchange: OidcProvider["exchange"] = async ({ code, redirectUri, verifier, nonce }) => {
    const provider = await discovered()
    const grant = {
      grant_type: "authorization_code",
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    }
    const response = await fetchProvider(provider.tokenEndpoint, tokenRequest(provider, client, grant))
    if (response.status >= 500) throw providerFailed(`its token endpoint answers ${response.status}`)
    const answer = await jsonObject(response)
    if (!response.ok) throw badCode(String(answer.error ?? response.status).slice(0, 64))
    if (typeof answer.id_token !== "string") throw providerFailed("it gave no id token")
    const claims = await verifyIdToken(provider, client.clientId, answer.id_token)
    if (claims.nonce !== nonce) throw badIdToken("its nonce is of another login")
    return claims
  }

  return {
    authorizationUrl,
    exchange,
    verifyFresh: async (idToken) =>
      verifyIdToken(await discovered(), client.clientId, idToken, oidcLimits.idTokenAgeMs),
  }
}
