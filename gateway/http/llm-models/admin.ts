/** Language models for who administers or manages them. */
import { LlmModels } from "../../../resources/index.ts"
import { llmModelEndpoints as endpoints } from "../../../schemas/index.ts"
import { changedBy } from "../../changed-by.ts"
import { etag, ifMatch } from "../../if-match.ts"
import { Answer, type Route, route } from "../../route.ts"
import type { GatewayServices } from "../../services.ts"
import { runTraced } from "../../traced.ts"
import { everyModel, managedModel, requesterOf } from "./answers.ts"

type Managed = Parameters<typeof managedModel>[0]

const tagged = (model: Managed) => new Answer(managedModel(model), { ETag: etag(model.version) })

const settingRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, endpoints.list, async (request) => {
    const { identity } = request
    const listing = LlmModels.use((models) => models.list(identity.tenant, identity, everyModel))
    const { models } = await runTraced(services, request, "GET /api/admin/llm-models/", listing)
    return { models: models.map(managedModel) }
  }),
  route(services, endpoints.register, async (request, { body }) => {
    const registering = LlmModels.use((models) => models.register(requesterOf(request), body))
    return tagged(await runTraced(services, request, "POST /api/admin/llm-models/", registering))
  }),
  route(services, endpoints.get, async (request, { params }) => {
    const { identity } = request
    const reading = LlmModels.use((models) => models.managed(identity.tenant, identity, params.id))
    return tagged(await runTraced(services, request, "GET /api/admin/llm-models/{id}", reading))
  }),
  route(services, endpoints.change, async (request, { params, body }) => {
    const version = ifMatch(request)
    const changing = LlmModels.use((models) => models.change(requesterOf(request), params.id, body, version))
    return tagged(await runTraced(services, request, "PATCH /api/admin/llm-models/{id}", changing))
  }),
  route(services, endpoints.remove, async (request, { params }) => {
    const version = ifMatch(request)
    const removing = LlmModels.use((models) => models.remove(requesterOf(request), params.id, version))
    await runTraced(services, request, "DELETE /api/admin/llm-models/{id}", removing)
    return undefined
  }),
]

const activation = (services: GatewayServices, active: boolean): Route => {
  const endpoint = active ? endpoints.activate : endpoints.deactivate
  return route(services, endpoint, async (request, { params }) => {
    const version = ifMatch(request)
    const setting = LlmModels.use((models) =>
      models.setActive(requesterOf(request), params.id, active, version),
    )
    const name = `POST /api/admin/llm-models/{id}/${active ? "activate" : "deactivate"}`
    return tagged(await runTraced(services, request, name, setting))
  })
}

const careRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, endpoints.check, async (request, { params }) => {
    const checking = LlmModels.use((models) => models.check(requesterOf(request), params.id))
    const name = "POST /api/admin/llm-models/{id}/health-check"
    return tagged(await runTraced(services, request, name, checking))
  }),
  route(services, endpoints.reseal, (request) => {
    const resealing = LlmModels.use((models) => models.resealKeys(changedBy(request)))
    return runTraced(services, request, "POST /api/admin/llm-models/reseal-keys", resealing)
  }),
  route(services, endpoints.prices, async (request, { params }) => {
    const { identity } = request
    const reading = LlmModels.use((models) => models.prices(identity.tenant, identity, params.id))
    return { prices: await runTraced(services, request, "GET /api/admin/llm-models/{id}/prices", reading) }
  }),
  route(services, endpoints.setPrice, (request, { params, body }) => {
    const setting = LlmModels.use((models) => models.setPrice(requesterOf(request), params.id, body))
    return runTraced(services, request, "PUT /api/admin/llm-models/{id}/price", setting)
  }),
]

export const llmModelAdminRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  ...settingRoutes(services),
  activation(services, true),
  activation(services, false),
  ...careRoutes(services),
]
