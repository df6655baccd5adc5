/** Groups of users, for whoever administers them. */
import { Directory, type Group } from "../../resources/index.ts"
import { groupEndpoints } from "../../schemas/index.ts"
import { changedBy } from "../changed-by.ts"
import { etag, ifMatch } from "../if-match.ts"
import { Answer, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const limitDefault = 20

const tagged = (group: Group) => new Answer(group, { ETag: etag(group.version) })

const memberRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, groupEndpoints.members, async (request, { params, query }) => {
    const { page = 1, limit = limitDefault } = query
    const listing = Directory.use(({ members }) =>
      members(request.identity.tenant, params.group, { page, limit }),
    )
    const name = "GET /api/admin/groups/{group}/members/"
    const { rows, total } = await runTraced(services, request, name, listing)
    return { users: rows, total, page, limit }
  }),
  route(services, groupEndpoints.addMember, async (request, { params: { group, user } }) => {
    const adding = Directory.use(({ addMember }) => addMember(changedBy(request), group, user))
    await runTraced(services, request, "PUT /api/admin/groups/{group}/members/{user}", adding)
    return undefined
  }),
  route(services, groupEndpoints.removeMember, async (request, { params: { group, user } }) => {
    const removing = Directory.use(({ removeMember }) => removeMember(changedBy(request), group, user))
    await runTraced(services, request, "DELETE /api/admin/groups/{group}/members/{user}", removing)
    return undefined
  }),
]

export const groupRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, groupEndpoints.list, async (request, { query }) => {
    const { page = 1, limit = limitDefault, ...search } = query
    const listing = Directory.use(({ groups }) => groups(request.identity.tenant, { page, limit, ...search }))
    const { rows, total } = await runTraced(services, request, "GET /api/admin/groups/", listing)
    return { groups: rows, total, page, limit }
  }),
  route(services, groupEndpoints.get, async (request, { params }) => {
    const reading = Directory.use(({ group }) => group(request.identity.tenant, params.group))
    return tagged(await runTraced(services, request, "GET /api/admin/groups/{group}", reading))
  }),
  route(services, groupEndpoints.create, async (request, { body }) => {
    const making = Directory.use(({ createGroup }) =>
      createGroup(changedBy(request), { description: "", roles: [], ...body }),
    )
    return tagged(await runTraced(services, request, "POST /api/admin/groups/", making))
  }),
  route(services, groupEndpoints.change, async (request, { params, body }) => {
    const version = ifMatch(request)
    const changing = Directory.use(({ changeGroup }) =>
      changeGroup(changedBy(request), params.group, body, version),
    )
    return tagged(await runTraced(services, request, "PATCH /api/admin/groups/{group}", changing))
  }),
  route(services, groupEndpoints.delete, async (request, { params }) => {
    const version = ifMatch(request)
    const deleting = Directory.use(({ deleteGroup }) =>
      deleteGroup(changedBy(request), params.group, version),
    )
    await runTraced(services, request, "DELETE /api/admin/groups/{group}", deleting)
    return undefined
  }),
  ...memberRoutes(services),
]
