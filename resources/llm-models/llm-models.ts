/**
 * Which language models a tenant has, and who may call, share and manage each. Owns their settings, sealed keys, prices,
 * health and grants; every change is audited and announced under `llm-models/<tenant>`. Never gives a key to anybody but
 * the call path, and never tells who has no right on a model that it exists.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { ChangedBy } from "../audit/record.ts"
import type { Refused } from "../refusal.ts"
import type {
  CallableModel,
  Health,
  Model,
  ModelCaller,
  ModelPermission,
  Price,
  Provider,
  Right,
} from "./model.ts"

/** Under which changes of a tenant's models, prices and grants are announced. */
export const llmModelsTopic = (tenant: string): string => `llm-models/${tenant}`

export interface NewModel {
  readonly name: string
  readonly provider: Exclude<Provider, "Offline">
  readonly endpoint: string
  /** Default: the name. */
  readonly model_name?: string | undefined
  readonly api_key?: string | undefined
  readonly context_tokens_max?: number | null | undefined
  readonly time_out_ms?: number | undefined
  readonly rate_per_minute?: number | null | undefined
  readonly fallback_model_id?: string | null | undefined
}

/** What is absent stays; `null` takes away. */
export type ModelChange = Partial<Omit<NewModel, "api_key">> & {
  readonly api_key?: string | null | undefined
}

/** A model as somebody sees it, with the rights that this one has. */
export interface AccessibleModel extends Model {
  readonly rights: ReadonlyArray<Right>
}

export interface ModelSearch {
  readonly page: number
  readonly per_page: number
  /** Only those that the caller may call. */
  readonly accessible_only: boolean
  /** Part of a name. */
  readonly search?: string | undefined
}

/** From 1. */
export interface GrantsPage {
  readonly page: number
  readonly per_page: number
}

export interface NewGrant {
  readonly model_id: string
  readonly grantee_type: "USER" | "GROUP"
  readonly grantee_id: string
  /** Default: `use`. */
  readonly rights?: ReadonlyArray<Right> | undefined
}

interface FailedGrant {
  readonly model_id: string
  readonly grantee_id: string
  readonly error: string
  readonly error_code: string
}

interface GrantPlace {
  readonly model_id: string
  readonly grantee_id: string
  readonly grantee_type: "USER" | "GROUP"
  readonly rights: ReadonlyArray<Right>
}

export interface BatchResult {
  readonly success: ReadonlyArray<{
    readonly model_id: string
    readonly grantee_id: string
    readonly permission_id: string
  }>
  readonly failed: ReadonlyArray<FailedGrant>
  readonly total: number
}

/** What a batch would do; nothing was done. */
export interface BatchDifference {
  readonly dry_run: true
  readonly would_grant: ReadonlyArray<GrantPlace>
  /** Granted already. */
  readonly unchanged: ReadonlyArray<GrantPlace & { readonly permission_id: string }>
  readonly would_fail: ReadonlyArray<FailedGrant>
  readonly total: number
}

/** What became of a model that the environment names. `left`: a person registered one of that name. */
export interface KeptModel {
  readonly model: Model
  readonly done: "registered" | "changed" | "nothing" | "left"
}

type Answer<A> = Effect.Effect<A, Refused | SqlError>

/** Who changes something, and what this one may do. */
export interface Requester {
  readonly by: ChangedBy
  readonly caller: ModelCaller
}

/**
 * Errors of all, as `Refused`: `LLM_MODEL_001` not found or not to be seen, `LLM_PERM_001` seen and not allowed. Each
 * change is one transaction with its audit entry, and announced when it is committed.
 */
export interface LlmModelsService {
  /**
   * By id or name, for one call. Errors: `LLM_MODEL_001`; `LLM_PERM_001` without `use`; `LLM_MODEL_003` inactive;
   * `LLM_MODEL_008` when the key cannot be opened.
   */
  readonly callable: (tenant: string, caller: ModelCaller, nameOrId: string) => Answer<CallableModel>
  /** What counted at that time. Units: milliseconds since the epoch. */
  readonly priceAt: (tenant: string, modelId: string, at: number) => Answer<Price | undefined>

  /** What this caller may see, by name. */
  readonly list: (
    tenant: string,
    caller: ModelCaller,
    search: ModelSearch,
  ) => Answer<{ readonly models: ReadonlyArray<AccessibleModel>; readonly total: number }>
  readonly read: (tenant: string, caller: ModelCaller, id: string) => Answer<AccessibleModel>
  /** For who manages it. */
  readonly managed: (tenant: string, caller: ModelCaller, id: string) => Answer<Model>
  /** Errors: `LLM_MODEL_002` the name is taken; `LLM_MODEL_006` a setting is not possible. */
  readonly register: (requester: Requester, model: NewModel) => Answer<Model>
  /** Registers and activates the model, or changes the one of that name to these settings. Idempotent. Errors: those of `register`. */
  readonly keep: (requester: Requester, model: NewModel) => Answer<KeptModel>
  /** Errors: besides those of `register`, `LLM_MODEL_005` another version; `LLM_MODEL_007` the built-in model stays. */
  readonly change: (requester: Requester, id: string, change: ModelChange, version?: number) => Answer<Model>
  readonly setActive: (requester: Requester, id: string, active: boolean, version?: number) => Answer<Model>
  /** Errors: `LLM_MODEL_004` while another model falls back to it. */
  readonly remove: (requester: Requester, id: string, version?: number) => Answer<void>

  readonly prices: (tenant: string, caller: ModelCaller, id: string) => Answer<ReadonlyArray<Price>>
  /** From `valid_from`, which may not be in the past; replaces one of the same time. */
  readonly setPrice: (
    requester: Requester,
    id: string,
    price: Omit<Price, "valid_from"> & { readonly valid_from?: string | undefined },
  ) => Answer<Price>

  /** Checks one model now, and keeps what it found. */
  readonly check: (requester: Requester, id: string) => Answer<Model>
  /** Checks all active models of the tenant and keeps what it found: what the schedule does. */
  readonly checkHealth: (tenant: string) => Answer<{ readonly checked: number; readonly unhealthy: number }>
  /** What the call path or a check found. Turns between healthy and unhealthy are audited as `system`. */
  readonly healthChanged: (tenant: string, modelId: string, health: Health) => Answer<void>

  /** All grants for who manages the model; the own ones for who only shares it. Newest first. Errors: `LLM_PERM_006` too many. */
  readonly permissions: (
    tenant: string,
    caller: ModelCaller,
    modelId: string,
  ) => Answer<ReadonlyArray<ModelPermission>>
  readonly permissionsPage: (
    tenant: string,
    caller: ModelCaller,
    modelId: string,
    page: GrantsPage,
  ) => Answer<{ readonly permissions: ReadonlyArray<ModelPermission>; readonly total: number }>
  /** Errors: `LLM_PERM_002` no such grantee; `LLM_PERM_003` granted already. */
  readonly grant: (requester: Requester, grant: NewGrant) => Answer<ModelPermission>
  /** Errors: `LLM_PERM_004` no such grant on this model. */
  readonly revoke: (requester: Requester, modelId: string, permissionId: string) => Answer<void>
  /** Each grant succeeds or fails by itself; a few statements for all. */
  readonly grantMany: (requester: Requester, grants: ReadonlyArray<NewGrant>) => Answer<BatchResult>
  /** What `grantMany` would do. Changes nothing. */
  readonly compareMany: (requester: Requester, grants: ReadonlyArray<NewGrant>) => Answer<BatchDifference>

  /** Seals again what is not sealed under the newest key; answers how many keys that were, and how many do not open. */
  readonly resealKeys: (by: ChangedBy) => Answer<{ readonly resealed: number; readonly unreadable: number }>
}

export class LlmModels extends Context.Service<LlmModels, LlmModelsService>()("millrace/LlmModels") {}
