/** The models that one may see and the grants on them, in the envelope with paging and batches. Source: seed 2 §3. */
import * as Effect from "effect/Effect"
import { LlmModels } from "../../../resources/index.ts"
import { llmModelV2Endpoints as endpoints, pageLimitMax } from "../../../schemas/index.ts"
import { Envelope, type Pagination, type Route, route } from "../../route.ts"
import type { GatewayServices } from "../../services.ts"
import { runTraced } from "../../traced.ts"
import { accessibleModel, requesterOf } from "./answers.ts"
import { grantBody, keepListMs, keepPermissionsMs } from "./grant-body.ts"
import { keptRoute } from "./kept-answers.ts"

const perPageDefault = 20

const paginationOf = (page: number, per_page: number, total: number): Pagination => ({
  page,
  per_page,
  total,
  total_pages: Math.ceil(total / per_page),
  has_next: page * per_page < total,
  has_prev: page > 1,
})

const counted = (count: number, one: string) => `${count} ${one}${count === 1 ? "" : "s"}`

const readRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  keptRoute(services, endpoints.models, keepListMs, ({ identity }, { query }) => {
    const { page = 1, per_page = perPageDefault, accessible_only, search } = query
    const wanted = { page, per_page, accessible_only: accessible_only === "true", search }
    const listing = LlmModels.use((models) => models.list(identity.tenant, identity, wanted))
    return Effect.map(
      listing,
      ({ models, total }) =>
        new Envelope(models.map(accessibleModel), {
          message: `${counted(models.length, "model")} read.`,
          pagination: paginationOf(page, per_page, total),
        }),
    )
  }),
  keptRoute(services, endpoints.model, keepListMs, ({ identity }, { params }) =>
    Effect.map(
      LlmModels.use((models) => models.read(identity.tenant, identity, params.id)),
      (model) => new Envelope(accessibleModel(model), { message: "The model was read." }),
    ),
  ),
  keptRoute(services, endpoints.list, keepPermissionsMs, ({ identity }, { params, query }) => {
    const { page = 1, per_page = pageLimitMax } = query
    return Effect.map(
      LlmModels.use((models) =>
        models.permissionsPage(identity.tenant, identity, params.id, { page, per_page }),
      ),
      ({ permissions, total }) =>
        new Envelope(permissions, {
          message: `${counted(permissions.length, "permission")} read.`,
          pagination: paginationOf(page, per_page, total),
        }),
    )
  }),
]

const writeRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, endpoints.grant, async (request, { params, body }) => {
    const grant = grantBody(params.id, body)
    const granting = LlmModels.use((models) => models.grant(requesterOf(request), grant))
    const permission = await runTraced(
      services,
      request,
      "POST /api/v2/llm-models/{id}/permissions",
      granting,
    )
    return new Envelope(permission, { message: "The permission was granted." })
  }),
  route(services, endpoints.revoke, async (request, { params }) => {
    const { id, permission_id } = params
    const revoking = LlmModels.use((models) => models.revoke(requesterOf(request), id, permission_id))
    await runTraced(services, request, "DELETE /api/v2/llm-models/{id}/permissions/{permission_id}", revoking)
    const data = { permission_id, revoked: true as const }
    return new Envelope(data, { message: "The permission was revoked." })
  }),
  route(services, endpoints.batch, async (request, { body }) => {
    const { permissions, dry_run = false } = body
    const name = "POST /api/v2/llm-models/batch-permissions"
    const requester = requesterOf(request)
    if (dry_run) {
      const comparing = LlmModels.use((models) => models.compareMany(requester, permissions))
      const compared = await runTraced(services, request, name, comparing)
      const message = `${compared.would_grant.length}/${compared.total} permissions would be granted.`
      return new Envelope(compared, { message })
    }
    const granting = LlmModels.use((models) => models.grantMany(requester, permissions))
    const done = await runTraced(services, request, name, granting)
    return new Envelope(done, { message: `${done.success.length}/${done.total} permissions were granted.` })
  }),
]

export const llmModelV2Routes = (services: GatewayServices): ReadonlyArray<Route> => [
  ...readRoutes(services),
  ...writeRoutes(services),
]
