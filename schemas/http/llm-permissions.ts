/** The models that one may see, and the grants on each, in plain answers. Source: seed 2 §1 and §2. */
import * as Schema from "effect/Schema"
import { endpoint } from "./endpoint.ts"
import { LlmHealthStatus, LlmProvider, LlmRight } from "./llm-models.ts"
import { pageQuery, QueryBoolean, Timestamp, Uuid } from "./paging.ts"

/** A model as who may call it sees it, with the rights that this one has. */
export const LlmModel = Schema.Struct({
  id: Uuid,
  name: Schema.String,
  provider: LlmProvider,
  model_name: Schema.String,
  is_active: Schema.Boolean,
  health_status: LlmHealthStatus,
  last_health_check: Schema.NullOr(Timestamp),
  context_tokens_max: Schema.NullOr(Schema.Int),
  rights: Schema.Array(LlmRight),
  created_at: Timestamp,
  updated_at: Timestamp,
})

export const LlmGranteeType = Schema.Literals(["USER", "GROUP"])

export const LlmModelPermission = Schema.Struct({
  id: Uuid,
  model_id: Uuid,
  grantee_type: LlmGranteeType,
  grantee_id: Uuid,
  grantee_name: Schema.String,
  rights: Schema.Array(LlmRight),
  granted_by: Schema.String,
  granted_by_name: Schema.String,
  created_at: Timestamp,
  updated_at: Timestamp,
})

/** At least one right; `use` without any named. */
export const LlmRights = Schema.Array(LlmRight).check(Schema.isMinLength(1), Schema.isMaxLength(3))

export const NewLlmGrant = Schema.Struct({
  /** The seed's client repeats the path's; it has to be the same. */
  model_id: Schema.optionalKey(Uuid),
  grantee_type: LlmGranteeType,
  grantee_id: Uuid,
  rights: Schema.optionalKey(LlmRights),
})

/** Any right on the model lets one see it; the registry checks the rest. */
export const llmAccessPermission = "llm-model:read"
export const llmReadErrors = ["LLM_MODEL_001", "LLM_PERM_001"]
export const llmGrantErrors = [...llmReadErrors, "LLM_PERM_002", "LLM_PERM_003", "LLM_PERM_005"]

const permission = llmAccessPermission
const path = "/api/llm-models/:model_id/permissions"

export const llmPermissionEndpoints = {
  models: endpoint({
    id: "llmModels.list",
    method: "GET",
    path: "/api/llm-models/",
    summary: "List the models that one may see, or only those that one may call.",
    permission,
    query: { accessible_only: Schema.optionalKey(QueryBoolean) },
    answer: Schema.Array(LlmModel),
  }),
  list: endpoint({
    id: "llmPermissions.list",
    method: "GET",
    path,
    summary:
      "List the grants on a model: all for who manages it, the own ones for who shares it; with page or limit by pages.",
    permission,
    params: { model_id: Uuid },
    query: pageQuery,
    answer: Schema.Array(LlmModelPermission),
    errors: [...llmReadErrors, "LLM_PERM_006"],
  }),
  grant: endpoint({
    id: "llmPermissions.grant",
    method: "POST",
    path,
    summary: "Grant a model to a user or a group.",
    permission,
    idempotent: true,
    params: { model_id: Uuid },
    body: NewLlmGrant,
    answer: LlmModelPermission,
    errors: llmGrantErrors,
  }),
  revoke: endpoint({
    id: "llmPermissions.revoke",
    method: "DELETE",
    path: `${path}/:permission_id`,
    summary: "Take a grant back; it counts no more at once.",
    permission,
    params: { model_id: Uuid, permission_id: Uuid },
    errors: [...llmReadErrors, "LLM_PERM_004"],
  }),
} as const
