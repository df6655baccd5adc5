/** What an identity provider says of itself, fetched once and kept for a while. Source: OpenID Connect Discovery 1.0 §4. */
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from "jose"
import { fetchProvider, jsonObject, providerFailed } from "./bounded-fetch.ts"
import { oidcLimits } from "./limits.ts"

export interface Discovered {
  readonly issuer: string
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  /** Whether the client's secret goes into the body rather than into a header. */
  readonly secretInBody: boolean
  readonly keys: JWTVerifyGetKey
}

/** What a provider reached over https names is reached over https as well. */
const endpointOf = (document: Readonly<Record<string, unknown>>, name: string, issuer: string): string => {
  const value = document[name]
  const isSafe =
    typeof value === "string" &&
    URL.canParse(value) &&
    /^https?:$/.test(new URL(value).protocol) &&
    (value.startsWith("https:") || issuer.startsWith("http:"))
  if (!isSafe) throw providerFailed(`${name} is missing in its description, or not as safe as the issuer`)
  return value
}

const discover = async (issuer: string): Promise<Discovered> => {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`
  const response = await fetchProvider(url, { headers: { accept: "application/json" } })
  if (!response.ok) throw providerFailed(`its description answers ${response.status}`)
  const document = await jsonObject(response)
  if (document.issuer !== issuer) throw providerFailed("it calls itself something else than OIDC_ISSUER")
  const methods = document.token_endpoint_auth_methods_supported
  return {
    issuer,
    authorizationEndpoint: endpointOf(document, "authorization_endpoint", issuer),
    tokenEndpoint: endpointOf(document, "token_endpoint", issuer),
    secretInBody:
      Array.isArray(methods) &&
      !methods.includes("client_secret_basic") &&
      methods.includes("client_secret_post"),
    keys: createRemoteJWKSet(new URL(endpointOf(document, "jwks_uri", issuer)), {
      timeoutDuration: oidcLimits.requestMs,
      cooldownDuration: oidcLimits.keysCooldownMs,
      cacheMaxAge: oidcLimits.keysKeepMs,
      [customFetch]: (address, options) => fetchProvider(address, options),
    }),
  }
}

/** Calls at once share one request; a failure is not kept. */
export const makeDiscovery = (issuer: () => string): (() => Promise<Discovered>) => {
  let kept: { readonly found: Discovered; readonly until: number } | undefined
  let running: Promise<Discovered> | undefined
  return () => {
    if (kept !== undefined && Date.now() < kept.until) return Promise.resolve(kept.found)
    running ??= discover(issuer())
      .then((found) => {
        kept = { found, until: Date.now() + oidcLimits.discoveryKeepMs }
        return found
      })
      .finally(() => {
        running = undefined
      })
    return running
  }
}
