/** Roles and the permissions that they are made of, for whoever administers them. */
import { Directory, type Role } from "../../resources/index.ts"
import { everyPermission, permissions, roleEndpoints } from "../../schemas/index.ts"
import { changedBy } from "../changed-by.ts"
import { etag, ifMatch } from "../if-match.ts"
import { Answer, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const tagged = (role: Role) => new Answer(role, { ETag: etag(role.version) })

const vocabulary = [
  { name: everyPermission, description: "do everything in the tenant, now and in future" },
  ...Object.entries(permissions).map(([name, description]) => ({ name, description })),
]

export const roleRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, roleEndpoints.list, async (request) => {
    const listing = Directory.use((directory) => directory.roles(request.identity.tenant))
    const roles = await runTraced(services, request, "GET /api/admin/roles/", listing)
    return { roles, total: roles.length }
  }),
  route(services, roleEndpoints.get, async (request, { params }) => {
    const reading = Directory.use(({ role }) => role(request.identity.tenant, params.role))
    return tagged(await runTraced(services, request, "GET /api/admin/roles/{role}", reading))
  }),
  route(services, roleEndpoints.create, async (request, { body }) => {
    const making = Directory.use(({ createRole }) =>
      createRole(changedBy(request), { description: "", ...body }),
    )
    return tagged(await runTraced(services, request, "POST /api/admin/roles/", making))
  }),
  route(services, roleEndpoints.change, async (request, { params, body }) => {
    const version = ifMatch(request)
    const changing = Directory.use(({ changeRole }) =>
      changeRole(changedBy(request), params.role, body, version),
    )
    return tagged(await runTraced(services, request, "PATCH /api/admin/roles/{role}", changing))
  }),
  route(services, roleEndpoints.delete, async (request, { params }) => {
    const version = ifMatch(request)
    const deleting = Directory.use(({ deleteRole }) => deleteRole(changedBy(request), params.role, version))
    await runTraced(services, request, "DELETE /api/admin/roles/{role}", deleting)
    return undefined
  }),
  route(services, roleEndpoints.permissions, () => ({ permissions: vocabulary, total: vocabulary.length })),
]
