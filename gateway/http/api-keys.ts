/** A user's own API keys over HTTP. Keys are made in a login: a key makes no other, and changes none but itself. */
import * as Effect from "effect/Effect"
import { ApiKeys, apiKeySession } from "../../resources/index.ts"
import { apiKeyEndpoints, isPermission } from "../../schemas/index.ts"
import { holds, isApiKeyIdentity } from "../auth/identity.ts"
import { changedBy } from "../changed-by.ts"
import { GatewayError } from "../errors.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const isKey = ({ identity }: GatewayRequest): boolean => isApiKeyIdentity(identity)

const loginNeeded = () =>
  new GatewayError(403, "USR_KEY_004", "An API key may only rotate or revoke itself.", {
    remedy: "log in, and use the access token",
  })

const requireLogin = (request: GatewayRequest): void => {
  if (isKey(request)) throw loginNeeded()
}

const requireOwn = (request: GatewayRequest, id: number): void => {
  if (isKey(request) && request.identity.session !== apiKeySession(id)) throw loginNeeded()
}

/** Nobody writes more into a key than they may do themselves; what they lose later, the key loses as well. */
const checkScopes = ({ identity }: GatewayRequest, scopes: ReadonlyArray<string>): void => {
  const refused = scopes.filter((scope) => !isPermission(scope) || !holds(identity, scope))
  if (refused.length === 0) return
  throw new GatewayError(422, "USR_KEY_005", "A scope is unknown, or more than you may do.", {
    field: "scopes",
    refused,
    remedy: "name permissions that you hold",
  })
}

export const apiKeyRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, apiKeyEndpoints.create, async (request, { body }) => {
    requireLogin(request)
    const { name, scopes, expires_at: expires } = body
    if (scopes !== undefined) checkScopes(request, scopes)
    const { userId, user } = request.identity
    const key = {
      name,
      scopes: scopes === undefined ? null : [...new Set(scopes)],
      expiresAt: expires === undefined ? undefined : Date.parse(expires),
    }
    const creating = ApiKeys.use((keys) =>
      keys.create(changedBy(request), { user_id: userId, username: user }, key),
    )
    return runTraced(services, request, "POST /api/users/me/api-keys/", creating)
  }),
  route(services, apiKeyEndpoints.list, async (request) => {
    const { tenant, user } = request.identity
    const listing = ApiKeys.use((keys) => keys.list(tenant, user))
    const rows = await runTraced(services, request, "GET /api/users/me/api-keys/", listing)
    return { api_keys: rows, total: rows.length }
  }),
  route(services, apiKeyEndpoints.revoke, async (request, { params }) => {
    requireOwn(request, params.id)
    const revoking = ApiKeys.use((keys) => keys.revoke(changedBy(request), request.identity.user, params.id))
    await runTraced(services, request, "DELETE /api/users/me/api-keys/{id}", Effect.asVoid(revoking))
    return undefined
  }),
  route(services, apiKeyEndpoints.rotate, async (request, { params, body }) => {
    requireOwn(request, params.id)
    const rotating = ApiKeys.use((keys) =>
      keys.rotate(changedBy(request), request.identity.user, params.id, body.overlap_seconds),
    )
    return runTraced(services, request, "POST /api/users/me/api-keys/{id}/rotate", rotating)
  }),
]
