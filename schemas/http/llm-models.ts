/** Language models for who administers and manages them: settings, health, prices. A key goes in and never comes out. */
import * as Schema from "effect/Schema"
import { countOf, textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { Timestamp, Uuid } from "./paging.ts"

/** What a request may hold; the registry refuses more as well. */
export const llmWireLimits = {
  /** Characters. */
  nameMax: 120,
  endpointMax: 500,
  modelNameMax: 200,
  apiKeyMax: 4_096,
  searchMax: 120,
  /** Milliseconds. */
  timeOutMsMin: 1_000,
  timeOutMsMax: 600_000,
  contextTokensMax: 100_000_000,
  ratePerMinuteMax: 1_000_000,
  /** Of any currency, per million tokens. */
  perMillionMax: 1_000_000,
  /** Grants in one batch. */
  batchMax: 1_000,
} as const

const limits = llmWireLimits

export const LlmProvider = Schema.Literals(["OpenAI", "Anthropic", "Azure", "Custom", "Offline"])
export const LlmHealthStatus = Schema.Literals(["healthy", "unhealthy", "unknown"])
export const LlmRight = Schema.Literals(["use", "share", "manage"]).annotate({
  description: "use: call it; share: grant use onwards; manage: its settings and all of its grants",
})

/** A model as who manages it sees it. */
export const ManagedLlmModel = Schema.Struct({
  id: Uuid,
  name: Schema.String,
  provider: LlmProvider,
  endpoint: Schema.String,
  model_name: Schema.String,
  is_active: Schema.Boolean,
  health_status: LlmHealthStatus,
  last_health_check: Schema.NullOr(Timestamp),
  health_detail: Schema.NullOr(Schema.String),
  has_api_key: Schema.Boolean,
  api_key_hint: Schema.NullOr(Schema.String),
  context_tokens_max: Schema.NullOr(Schema.Int),
  time_out_ms: Schema.Int,
  rate_per_minute: Schema.NullOr(Schema.Int),
  fallback_model_id: Schema.NullOr(Uuid),
  owner_id: Schema.NullOr(Uuid),
  is_builtin: Schema.Boolean,
  version: Schema.Int,
  created_at: Timestamp,
  updated_at: Timestamp,
})

export const LlmPrice = Schema.Struct({
  input_per_million: Schema.Finite,
  output_per_million: Schema.Finite,
  currency: Schema.String,
  valid_from: Timestamp,
})

const Name = textOf(limits.nameMax).check(Schema.isMinLength(1))
const Url = textOf(limits.endpointMax).annotate({
  description: "base URL with http or https, without credentials",
})
const Key = textOf(limits.apiKeyMax).annotate({ description: "sealed on arrival; never given back" })
const Amount = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: limits.perMillionMax }))
/** Without `Offline`, which each tenant has from the beginning. */
const RemoteProvider = Schema.Literals(["OpenAI", "Anthropic", "Azure", "Custom"])

const settings = {
  model_name: Schema.optionalKey(textOf(limits.modelNameMax).check(Schema.isMinLength(1))),
  context_tokens_max: Schema.optionalKey(Schema.NullOr(countOf(1, limits.contextTokensMax))),
  time_out_ms: Schema.optionalKey(countOf(limits.timeOutMsMin, limits.timeOutMsMax)),
  rate_per_minute: Schema.optionalKey(Schema.NullOr(countOf(1, limits.ratePerMinuteMax))),
  fallback_model_id: Schema.optionalKey(Schema.NullOr(Uuid)),
}

const id = { id: Uuid }
const path = "/api/admin/llm-models/:id"
const changeErrors = ["LLM_MODEL_001", "LLM_MODEL_005", "LLM_PERM_001"]

const activation = (verb: "activate" | "deactivate") =>
  endpoint({
    id: `llmModels.${verb}`,
    method: "POST",
    path: `${path}/${verb}`,
    summary: verb === "activate" ? "Let a model be called." : "Let a model be called no more.",
    // Who manages the one model may do this as well; the registry checks.
    permission: "llm-model:read",
    params: id,
    answer: ManagedLlmModel,
    errors: changeErrors,
  })

export const llmModelEndpoints = {
  list: endpoint({
    id: "llmModels.listManaged",
    method: "GET",
    path: "/api/admin/llm-models/",
    summary: "List all models of the tenant.",
    permission: "llm-model:admin",
    answer: Schema.Struct({ models: Schema.Array(ManagedLlmModel) }),
  }),
  register: endpoint({
    id: "llmModels.register",
    method: "POST",
    path: "/api/admin/llm-models/",
    summary: "Register a model; it is inactive until it is activated.",
    permission: "llm-model:admin",
    idempotent: true,
    body: Schema.Struct({
      name: Name,
      provider: RemoteProvider,
      endpoint: Url,
      api_key: Schema.optionalKey(Key),
      ...settings,
    }),
    answer: ManagedLlmModel,
    status: 201,
    errors: ["LLM_MODEL_002", "LLM_MODEL_006", "LLM_MODEL_009", "LLM_PERM_001"],
    example: { name: "Custom LLM", provider: "Custom", endpoint: "http://custom-llm.local/api" },
  }),
  get: endpoint({
    id: "llmModels.getManaged",
    method: "GET",
    path,
    summary: "Read the settings of a model that one manages.",
    permission: "llm-model:read",
    params: id,
    answer: ManagedLlmModel,
    errors: ["LLM_MODEL_001", "LLM_PERM_001"],
  }),
  change: endpoint({
    id: "llmModels.change",
    method: "PATCH",
    path,
    summary: "Change settings of a model; null takes one away.",
    permission: "llm-model:read",
    params: id,
    body: Schema.Struct({
      name: Schema.optionalKey(Name),
      provider: Schema.optionalKey(RemoteProvider),
      endpoint: Schema.optionalKey(Url),
      api_key: Schema.optionalKey(Schema.NullOr(Key)),
      ...settings,
    }),
    answer: ManagedLlmModel,
    errors: [...changeErrors, "LLM_MODEL_002", "LLM_MODEL_006", "LLM_MODEL_007"],
  }),
  remove: endpoint({
    id: "llmModels.remove",
    method: "DELETE",
    path,
    summary: "Remove a model with its prices and grants.",
    permission: "llm-model:read",
    params: id,
    errors: [...changeErrors, "LLM_MODEL_004", "LLM_MODEL_007"],
  }),
  activate: activation("activate"),
  deactivate: activation("deactivate"),
  check: endpoint({
    id: "llmModels.checkHealth",
    method: "POST",
    path: `${path}/health-check`,
    summary: "Ask a model's provider now whether it answers.",
    permission: "llm-model:read",
    /** A provider may be slow; the check has a limit of its own. */
    timeLimit: "own",
    params: id,
    answer: ManagedLlmModel,
    errors: ["LLM_MODEL_001", "LLM_PERM_001"],
  }),
  reseal: endpoint({
    id: "llmModels.resealKeys",
    method: "POST",
    path: "/api/admin/llm-models/reseal-keys",
    summary: "Seal every key of the tenant again under the newest secret key, after that was rotated.",
    permission: "llm-model:admin",
    answer: Schema.Struct({
      resealed: Schema.Int,
      unreadable: Schema.Int.annotate({ description: "keys that no configured secret key opens" }),
    }),
  }),
  prices: endpoint({
    id: "llmModels.listPrices",
    method: "GET",
    path: `${path}/prices`,
    summary: "Read what a model cost, costs and will cost, newest first.",
    permission: "llm-model:read",
    params: id,
    answer: Schema.Struct({ prices: Schema.Array(LlmPrice) }),
    errors: ["LLM_MODEL_001", "LLM_PERM_001"],
  }),
  setPrice: endpoint({
    id: "llmModels.setPrice",
    method: "PUT",
    path: `${path}/price`,
    summary: "Set what a model costs from now, or from a time to come.",
    permission: "llm-model:admin",
    params: id,
    body: Schema.Struct({
      input_per_million: Amount,
      output_per_million: Amount,
      currency: textOf(3).annotate({ description: "ISO 4217" }),
      valid_from: Schema.optionalKey(Timestamp),
    }),
    answer: LlmPrice,
    errors: ["LLM_MODEL_001", "LLM_MODEL_006", "LLM_MODEL_009", "LLM_PERM_001"],
  }),
} as const
