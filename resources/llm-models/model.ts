/** What a language model, a grant on one and a price are: rows of the registry, in the shape that answers have. */
import type * as Redacted from "effect/Redacted"

export const providers = ["OpenAI", "Anthropic", "Azure", "Custom", "Offline"] as const
export type Provider = (typeof providers)[number]

export type HealthStatus = "healthy" | "unhealthy" | "unknown"

/** `use`: call it. `share`: grant `use` onwards. `manage`: its settings and all of its grants. None implies another. */
export const rights = ["use", "share", "manage"] as const
export type Right = (typeof rights)[number]

export interface Model {
  readonly id: string
  readonly tenant: string
  /** Unique in the tenant; what people call it. */
  readonly name: string
  readonly provider: Provider
  /** Base URL; empty for `Offline`. */
  readonly endpoint: string
  /** What the provider calls it. */
  readonly model_name: string
  readonly is_active: boolean
  readonly health_status: HealthStatus
  /** ISO 8601. */
  readonly last_health_check: string | null
  /** Why it is unhealthy, in words. */
  readonly health_detail: string | null
  readonly has_api_key: boolean
  /** The key's last characters, to tell keys apart. */
  readonly api_key_hint: string | null
  readonly context_tokens_max: number | null
  readonly time_out_ms: number
  readonly rate_per_minute: number | null
  readonly fallback_model_id: string | null
  /** The user who registered it, who always has `manage`. */
  readonly owner_id: string | null
  /** The offline model, which each tenant has: everybody with `llm-model:use` may call it, and it stays. */
  readonly is_builtin: boolean
  /** Grows with each change of settings: what If-Match is compared with. Health is no setting. */
  readonly version: number
  readonly created_at: string
  readonly updated_at: string
}

/** Units: per million tokens. */
export interface Price {
  readonly input_per_million: number
  readonly output_per_million: number
  /** ISO 4217. */
  readonly currency: string
  /** ISO 8601; holds until the next one begins. */
  readonly valid_from: string
}

export interface CallableModel {
  readonly model: Model
  readonly apiKey: Redacted.Redacted | undefined
  /** Undefined: nobody gave a price. */
  readonly price: Price | undefined
}

export interface Health {
  readonly status: Exclude<HealthStatus, "unknown">
  /** Never holds a secret. */
  readonly detail?: string | undefined
  readonly latency_ms?: number | undefined
}

export interface ModelPermission {
  readonly id: string
  readonly model_id: string
  readonly grantee_type: "USER" | "GROUP"
  readonly grantee_id: string
  readonly grantee_name: string
  readonly rights: ReadonlyArray<Right>
  readonly granted_by: string
  readonly granted_by_name: string
  readonly created_at: string
  readonly updated_at: string
}

/** Who asks: a gateway's `Identity` is one. Groups are looked up where they are stored, not taken from the caller. */
export interface ModelCaller {
  readonly userId: string
  readonly user: string
  readonly permissions: ReadonlySet<string>
  /** It calls a model that its settings name, for itself and nobody: that takes no grant. Never of a request. */
  readonly isPlatform?: true
}
