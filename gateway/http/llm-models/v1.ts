/** The models that one may see and the grants on each, in plain answers. Source: seed 2 §1 and §2. */
import * as Effect from "effect/Effect"
import { LlmModels } from "../../../resources/index.ts"
import { llmPermissionEndpoints as endpoints, pageLimitMax } from "../../../schemas/index.ts"
import { type Route, route } from "../../route.ts"
import type { GatewayServices } from "../../services.ts"
import { runTraced } from "../../traced.ts"
import { accessibleModel, everyModel, requesterOf } from "./answers.ts"
import { grantBody, keepListMs, keepPermissionsMs } from "./grant-body.ts"
import { keptRoute } from "./kept-answers.ts"

export const llmModelRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  keptRoute(services, endpoints.models, keepListMs, ({ identity }, { query }) => {
    const search = { ...everyModel, accessible_only: query.accessible_only === "true" }
    const listing = LlmModels.use((models) => models.list(identity.tenant, identity, search))
    return Effect.map(listing, ({ models }) => models.map(accessibleModel))
  }),
  keptRoute(services, endpoints.list, keepPermissionsMs, ({ identity }, { params, query }) => {
    const { page = 1, limit = pageLimitMax } = query
    const isPaged = query.page !== undefined || query.limit !== undefined
    return LlmModels.use((models) =>
      isPaged
        ? Effect.map(
            models.permissionsPage(identity.tenant, identity, params.model_id, { page, per_page: limit }),
            ({ permissions }) => permissions,
          )
        : models.permissions(identity.tenant, identity, params.model_id),
    )
  }),
  route(services, endpoints.grant, (request, { params, body }) => {
    const grant = grantBody(params.model_id, body)
    const granting = LlmModels.use((models) => models.grant(requesterOf(request), grant))
    return runTraced(services, request, "POST /api/llm-models/{model_id}/permissions", granting)
  }),
  route(services, endpoints.revoke, async (request, { params }) => {
    const revoking = LlmModels.use((models) =>
      models.revoke(requesterOf(request), params.model_id, params.permission_id),
    )
    const name = "DELETE /api/llm-models/{model_id}/permissions/{permission_id}"
    await runTraced(services, request, name, revoking)
    return undefined
  }),
]
