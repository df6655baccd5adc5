/** Tenants, for whoever manages them: the right counts only in the platform's own tenant. */
import { platformTenant, Tenants } from "../../resources/index.ts"
import { tenantEndpoints } from "../../schemas/index.ts"
import { changedBy } from "../changed-by.ts"
import { GatewayError } from "../errors.ts"
import { etag, ifMatch } from "../if-match.ts"
import { Answer, type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const limitDefault = 20

/** A role of another tenant that grants it by mistake opens nothing. */
const requirePlatform = ({ identity }: GatewayRequest): void => {
  if (identity.tenant === platformTenant) return
  throw new GatewayError(403, "TEN_MGT_007", "Only the platform's own people manage tenants.", {
    permission: "tenant:manage",
    remedy: `log in to the tenant ${platformTenant}`,
  })
}

export const tenantRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, tenantEndpoints.list, async (request, { query }) => {
    requirePlatform(request)
    const { page = 1, limit = limitDefault, ...search } = query
    const listing = Tenants.use((tenants) => tenants.list({ page, limit, ...search }))
    const { rows, total } = await runTraced(services, request, "GET /api/admin/tenants/", listing)
    return { tenants: rows, total, page, limit }
  }),
  route(services, tenantEndpoints.get, async (request, { params }) => {
    requirePlatform(request)
    const reading = Tenants.use((tenants) => tenants.get(params.tenant))
    const tenant = await runTraced(services, request, "GET /api/admin/tenants/{tenant}", reading)
    return new Answer(tenant, { ETag: etag(tenant.version) })
  }),
  route(services, tenantEndpoints.create, async (request, { body }) => {
    requirePlatform(request)
    const making = Tenants.use((tenants) => tenants.create(changedBy(request), body))
    const tenant = await runTraced(services, request, "POST /api/admin/tenants/", making)
    return new Answer(tenant, { ETag: etag(tenant.version) })
  }),
  route(services, tenantEndpoints.change, async (request, { params, body }) => {
    requirePlatform(request)
    const version = ifMatch(request)
    const changing = Tenants.use((tenants) =>
      tenants.change(changedBy(request), params.tenant, body, version),
    )
    const tenant = await runTraced(services, request, "PATCH /api/admin/tenants/{tenant}", changing)
    return new Answer(tenant, { ETag: etag(tenant.version) })
  }),
]
