/** Models in the shapes of their contracts: what one may not know of a model is left out here. */
import type { AccessibleModel, Model, ModelSearch, Requester } from "../../../resources/index.ts"
import type { LlmModel, ManagedLlmModel } from "../../../schemas/index.ts"
import { changedBy } from "../../changed-by.ts"
import type { GatewayRequest } from "../../route.ts"

export const managedModel = (model: Model): (typeof ManagedLlmModel)["Encoded"] => ({
  id: model.id,
  name: model.name,
  provider: model.provider,
  endpoint: model.endpoint,
  model_name: model.model_name,
  is_active: model.is_active,
  health_status: model.health_status,
  last_health_check: model.last_health_check,
  health_detail: model.health_detail,
  has_api_key: model.has_api_key,
  api_key_hint: model.api_key_hint,
  context_tokens_max: model.context_tokens_max,
  time_out_ms: model.time_out_ms,
  rate_per_minute: model.rate_per_minute,
  fallback_model_id: model.fallback_model_id,
  owner_id: model.owner_id,
  is_builtin: model.is_builtin,
  version: model.version,
  created_at: model.created_at,
  updated_at: model.updated_at,
})

/** Where a model is reached, and with which key, is for who manages it. */
export const accessibleModel = (model: AccessibleModel): (typeof LlmModel)["Encoded"] => ({
  id: model.id,
  name: model.name,
  provider: model.provider,
  model_name: model.model_name,
  is_active: model.is_active,
  health_status: model.health_status,
  last_health_check: model.last_health_check,
  context_tokens_max: model.context_tokens_max,
  rights: model.rights,
  created_at: model.created_at,
  updated_at: model.updated_at,
})

/** All models of a tenant: there are never more. */
export const everyModel: ModelSearch = { page: 1, per_page: 1_000, accessible_only: false }

export const requesterOf = (request: GatewayRequest): Requester => ({
  by: changedBy(request),
  caller: request.identity,
})
