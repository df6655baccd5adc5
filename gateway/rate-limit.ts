/**
 * How fast callers may be. Whoever is logged in is counted by who they are, an API key by itself, everybody else by
 * address. Credentials that do not hold count towards the address's logins, and an address that has used those up has no
 * further unknown credential looked at: guessing is slow. Source: draft-ietf-httpapi-ratelimit-headers-10.
 */
import * as Effect from "effect/Effect"
import type { RateDecision, RateLimits } from "../resources/index.ts"
import type { AnyEndpoint } from "../schemas/index.ts"
import { type Identity, isApiKeyIdentity } from "./auth/identity.ts"
import { clientNetwork, type TrustedProxies } from "./client-address.ts"
import { GatewayError } from "./errors.ts"
import type { RatedClass, RatePolicies } from "./rate-policies.ts"
import type { GatewayRequest } from "./route.ts"
import type { GatewayServices } from "./services.ts"

/** What the gateway limits requests with. */
export interface RateGate {
  readonly limits: (typeof RateLimits)["Service"]
  readonly policies: RatePolicies
  readonly proxies: TrustedProxies
}

/** Whoever watches a node must be able to at any time. */
const exempt = new Set(["/health", "/metrics"])

const headersOf = (rated: RatedClass, { limit, windowMs }: RatePolicies[RatedClass], left: RateDecision) => ({
  "RateLimit-Policy": `"${rated}";q=${limit};w=${windowMs / 1_000}`,
  RateLimit: `"${rated}";r=${left.remaining};t=${Math.ceil(left.resetMs / 1_000)}`,
})

const refusal = (rated: RatedClass, { limit, windowMs }: RatePolicies[RatedClass], resetMs: number) => {
  const seconds = Math.max(1, Math.ceil(resetMs / 1_000))
  const details = {
    rate_class: rated,
    limit,
    window_seconds: windowMs / 1_000,
    remedy: `wait ${seconds} s, as Retry-After says, and send fewer requests; RateLimit tells how many are left`,
  }
  return new GatewayError(429, "GTW_RATE_001", "Too many requests.", details, seconds)
}

const questionOf = ({ policies }: RateGate, rated: RatedClass, identity: string) => ({
  rateClass: rated,
  identity,
  policy: policies[rated],
  cost: 1,
})

/** Tells the caller with the answer how much is left. */
const apply = (gate: RateGate, request: GatewayRequest, rated: RatedClass, decision: RateDecision): void => {
  const policy = gate.policies[rated]
  request.context.rateHeaders = headersOf(rated, policy, decision)
  if (!decision.allowed) throw refusal(rated, policy, decision.resetMs)
}

/** Mostly decided at once; a promise only where the shared counter has to be asked. */
const count = (
  services: GatewayServices,
  gate: RateGate,
  request: GatewayRequest,
  rated: RatedClass,
  identity: string,
): Promise<void> | undefined => {
  const question = questionOf(gate, rated, identity)
  const held = gate.limits.takeHeld(question)
  if (held === undefined)
    return Effect.runPromiseWith(services.context)(gate.limits.take(question)).then((decision) =>
      apply(gate, request, rated, decision),
    )
  apply(gate, request, rated, held)
  return undefined
}

const addressOf = (gate: RateGate, { http }: GatewayRequest): string =>
  clientNetwork(http.env.incoming, gate.proxies)

const whoIs = (identity: Identity): string =>
  isApiKeyIdentity(identity)
    ? `${identity.tenant}/${identity.session}`
    : `${identity.tenant}/user:${identity.user}`

/** Counts the request to whoever it comes from. Throws, or rejects with, 429 `GTW_RATE_001`. */
export const rateLimit = (
  services: GatewayServices,
  { permission, rate, path }: AnyEndpoint,
  request: GatewayRequest,
): Promise<void> | undefined => {
  const gate = services.rates
  if (gate === undefined || exempt.has(path)) return undefined
  if (permission !== "public") return count(services, gate, request, rate, whoIs(request.identity))
  const rated = rate === "login" || rate === "batch" ? rate : "anonymous"
  return count(services, gate, request, rated, addressOf(gate, request))
}

/** Nobody guesses these: no credential was sent, or one that held until lately. */
const harmless = new Set(["USR_AUTH_001", "USR_AUTH_004"])

const countFailure = (services: GatewayServices, gate: RateGate, request: GatewayRequest, code: string) =>
  count(services, gate, request, harmless.has(code) ? "anonymous" : "login", addressOf(gate, request))

/**
 * Finds out who calls with a credential that is not known just now, and counts it to the address when that fails. Who
 * guesses at an address holds up only credentials that never held: its other users stay in.
 * Throws 429 `GTW_RATE_001`, besides what `identify` throws.
 */
export const identifyWithin = async (
  services: GatewayServices,
  request: GatewayRequest,
  heldBefore: boolean,
  identify: () => Promise<Identity>,
): Promise<Identity> => {
  const gate = services.rates
  if (gate === undefined) return identify()
  const used = heldBefore
    ? undefined
    : gate.limits.exhausted(questionOf(gate, "login", addressOf(gate, request)))
  if (used !== undefined) apply(gate, request, "login", used)
  try {
    return await identify()
  } catch (failure) {
    if (failure instanceof GatewayError && failure.status === 401)
      await countFailure(services, gate, request, failure.code)
    throw failure
  }
}
