/** The models that one may see and the grants on them, in the envelope with paging and batches. Source: seed 2 §3. */
import * as Schema from "effect/Schema"
import { textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { LlmRight, llmWireLimits } from "./llm-models.ts"
import {
  LlmGranteeType,
  LlmModel,
  LlmModelPermission,
  LlmRights,
  llmAccessPermission,
  llmGrantErrors,
  llmReadErrors,
  NewLlmGrant,
} from "./llm-permissions.ts"
import { pageLimitMax, QueryBoolean, queryNumber, Uuid } from "./paging.ts"

/** Any text as an id: one that is none fails by itself, and the rest of the batch is done. */
const AnyId = textOf(64)

const Place = {
  model_id: Schema.String,
  grantee_type: LlmGranteeType,
  grantee_id: Schema.String,
  rights: Schema.Array(LlmRight),
}

const Failed = Schema.Struct({
  model_id: Schema.String,
  grantee_id: Schema.String,
  error: Schema.String,
  error_code: Schema.String,
})

const BatchDone = Schema.Struct({
  success: Schema.Array(
    Schema.Struct({ model_id: Schema.String, grantee_id: Schema.String, permission_id: Uuid }),
  ),
  failed: Schema.Array(Failed),
  total: Schema.Int,
})

const BatchCompared = Schema.Struct({
  dry_run: Schema.Literal(true),
  would_grant: Schema.Array(Schema.Struct(Place)),
  unchanged: Schema.Array(Schema.Struct({ ...Place, permission_id: Uuid })),
  would_fail: Schema.Array(Failed),
  total: Schema.Int,
})

const permission = llmAccessPermission
const envelope = "v2"
const id = { id: Uuid }

const pages = {
  page: Schema.optionalKey(queryNumber(1, 1_000_000)),
  per_page: Schema.optionalKey(queryNumber(1, pageLimitMax)),
}

export const llmModelV2Endpoints = {
  models: endpoint({
    id: "llmModelsV2.list",
    method: "GET",
    path: "/api/v2/llm-models/",
    summary: "List the models that one may see, by pages.",
    permission,
    envelope,
    query: {
      ...pages,
      accessible_only: Schema.optionalKey(QueryBoolean),
      search: Schema.optionalKey(textOf(llmWireLimits.searchMax)),
    },
    answer: Schema.Array(LlmModel),
  }),
  model: endpoint({
    id: "llmModelsV2.get",
    method: "GET",
    path: "/api/v2/llm-models/:id",
    summary: "Read one model that one may see.",
    permission,
    envelope,
    params: id,
    answer: LlmModel,
    errors: ["LLM_MODEL_001"],
  }),
  list: endpoint({
    id: "llmPermissionsV2.list",
    method: "GET",
    path: "/api/v2/llm-models/:id/permissions",
    summary: "List the grants on a model, by pages.",
    permission,
    envelope,
    params: id,
    query: pages,
    answer: Schema.Array(LlmModelPermission),
    errors: llmReadErrors,
  }),
  grant: endpoint({
    id: "llmPermissionsV2.grant",
    method: "POST",
    path: "/api/v2/llm-models/:id/permissions",
    summary: "Grant a model to a user or a group.",
    permission,
    envelope,
    idempotent: true,
    params: id,
    body: NewLlmGrant,
    answer: LlmModelPermission,
    errors: llmGrantErrors,
  }),
  revoke: endpoint({
    id: "llmPermissionsV2.revoke",
    method: "DELETE",
    path: "/api/v2/llm-models/:id/permissions/:permission_id",
    summary: "Take a grant back; it counts no more at once.",
    permission,
    envelope,
    params: { ...id, permission_id: Uuid },
    answer: Schema.Struct({ permission_id: Uuid, revoked: Schema.Literal(true) }),
    errors: [...llmReadErrors, "LLM_PERM_004"],
  }),
  batch: endpoint({
    id: "llmPermissionsV2.grantMany",
    method: "POST",
    path: "/api/v2/llm-models/batch-permissions",
    summary: "Grant many at once, each good or bad by itself; a dry run only shows the difference.",
    permission,
    rate: "batch",
    envelope,
    idempotent: true,
    body: Schema.Struct({
      permissions: Schema.Array(
        Schema.Struct({
          model_id: AnyId,
          grantee_type: LlmGranteeType,
          grantee_id: AnyId,
          rights: Schema.optionalKey(LlmRights),
        }),
      ).check(Schema.isMinLength(1), Schema.isMaxLength(llmWireLimits.batchMax)),
      dry_run: Schema.optionalKey(Schema.Boolean),
    }),
    answer: Schema.Union([BatchDone, BatchCompared]),
  }),
} as const
