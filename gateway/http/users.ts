/** Users: oneself, and those of the tenant for whoever administers them. */
import * as Effect from "effect/Effect"
import { Directory, refuse, type User } from "../../resources/index.ts"
import { userEndpoints } from "../../schemas/index.ts"
import { changedBy } from "../changed-by.ts"
import { etag, ifMatch } from "../if-match.ts"
import { Answer, type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const limitDefault = 20

const tagged = (user: User) => new Answer(user, { ETag: etag(user.version) })

/** Whoever comes with a token of the node's own making may be no user of the directory. */
const findMe = Effect.fnUntraced(function* ({ identity }: GatewayRequest) {
  const directory = yield* Directory
  const access = yield* directory.access(identity.tenant, identity.user)
  if (access === undefined)
    return yield* refuse("not-found", "USR_USER_001", "There is no such user.", { username: identity.user })
  return yield* directory.user(identity.tenant, access.user_id)
})

const readRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, userEndpoints.me, async (request) => {
    const user = await runTraced(services, request, "GET /api/users/me", findMe(request))
    return { ...user, permissions: [...request.identity.permissions].sort() }
  }),
  route(services, userEndpoints.list, async (request, { query }) => {
    const { page = 1, limit = limitDefault, is_active: active, ...search } = query
    const listing = Directory.use(({ users }) =>
      users(request.identity.tenant, {
        page,
        limit,
        ...search,
        active: active === undefined ? undefined : active === "true",
      }),
    )
    const { rows, total } = await runTraced(services, request, "GET /api/admin/users/", listing)
    return { users: rows, total, page, limit }
  }),
  route(services, userEndpoints.get, async (request, { params }) => {
    const reading = Directory.use(({ user }) => user(request.identity.tenant, params.user))
    return tagged(await runTraced(services, request, "GET /api/admin/users/{user}", reading))
  }),
]

export const userRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  ...readRoutes(services),
  route(services, userEndpoints.change, async (request, { params, body }) => {
    const version = ifMatch(request)
    const changing = Directory.use(({ setActive }) =>
      setActive(changedBy(request), params.user, body.is_active, version),
    )
    return tagged(await runTraced(services, request, "PATCH /api/admin/users/{user}", changing))
  }),
  route(services, userEndpoints.grantRole, async (request, { params: { user, role } }) => {
    const granting = Directory.use(({ grantRole }) => grantRole(changedBy(request), user, role))
    return tagged(await runTraced(services, request, "PUT /api/admin/users/{user}/roles/{role}", granting))
  }),
  route(services, userEndpoints.revokeRole, async (request, { params: { user, role } }) => {
    const revoking = Directory.use(({ revokeRole }) => revokeRole(changedBy(request), user, role))
    return tagged(await runTraced(services, request, "DELETE /api/admin/users/{user}/roles/{role}", revoking))
  }),
]
