/** How rows of models are read and written. The sealed key is a column of its own that only `keys.ts` asks for. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Model } from "./model.ts"
import { otherVersion, unknownModel } from "./refusals.ts"

/** Shape: ISO 8601 in UTC to the millisecond, as all answers have it. */
export const timeText = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/** Of the table `m`. */
export const modelColumns = `m.id::text AS id, m.tenant, m.name, m.provider, m.endpoint, m.model_name, m.is_active,
  m.health_status, ${timeText("m.last_health_check")} AS last_health_check, m.health_detail,
  m.sealed_key IS NOT NULL AS has_api_key, m.api_key_hint, m.context_tokens_max, m.time_out_ms, m.rate_per_minute,
  m.fallback_model_id::text AS fallback_model_id, m.owner_id::text AS owner_id, m.is_builtin, m.version,
  ${timeText("m.created_at")} AS created_at, ${timeText("m.updated_at")} AS updated_at`

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export const isId = (text: string): boolean => uuid.test(text)

/** An id for SQL; a text that is none belongs to no row. */
export const idOrNull = (text: string): string | null => (isId(text) ? text : null)

/** The row, closed to other changes until the transaction ends. Errors: `LLM_MODEL_001`, `LLM_MODEL_005`. */
export const lockModel = Effect.fnUntraced(function* (sql: SqlClient, id: string, version?: number) {
  const [model] = yield* sql<Model>`
    SELECT ${sql.literal(modelColumns)} FROM llm_models m WHERE m.id = ${idOrNull(id)}::uuid FOR UPDATE`
  if (model === undefined) return yield* unknownModel(id)
  if (version !== undefined && version !== model.version)
    return yield* otherVersion(id, version, model.version)
  return model
})

export const readModel = Effect.fnUntraced(function* (sql: SqlClient, id: string) {
  const [model] = yield* sql<Model>`
    SELECT ${sql.literal(modelColumns)} FROM llm_models m WHERE m.id = ${idOrNull(id)}::uuid`
  if (model === undefined) return yield* unknownModel(id)
  return model
})

/** What is stored of a key: its sealed text, and its hint. */
export interface StoredKey {
  readonly sealed_key: string | null
  readonly api_key_hint: string | null
}

type Row = Omit<Model, "has_api_key"> & StoredKey

/** A row for `jsonb_populate_record`, which takes every column's type from the table. */
const rowText = ({ has_api_key: _, ...model }: Model, key: StoredKey): string => {
  const row: Row = { ...model, ...key }
  return JSON.stringify(row)
}

export const insertModel = (sql: SqlClient, model: Model, key: StoredKey) =>
  sql<{ id: string }>`INSERT INTO llm_models
    SELECT * FROM jsonb_populate_record(NULL::llm_models, ${rowText(model, key)}::text::jsonb)
    ON CONFLICT DO NOTHING RETURNING id::text AS id`

/** Settings only; the key stays without `key`. */
export const updateModel = Effect.fnUntraced(function* (
  sql: SqlClient,
  model: Model,
  key: StoredKey | undefined,
) {
  const text = rowText(model, key ?? { sealed_key: null, api_key_hint: null })
  yield* sql`UPDATE llm_models m SET name = r.name, provider = r.provider, endpoint = r.endpoint,
    model_name = r.model_name, is_active = r.is_active, health_status = r.health_status,
    last_health_check = r.last_health_check, health_detail = r.health_detail,
    context_tokens_max = r.context_tokens_max, time_out_ms = r.time_out_ms, rate_per_minute = r.rate_per_minute,
    fallback_model_id = r.fallback_model_id, version = r.version, updated_at = r.updated_at
    FROM jsonb_populate_record(NULL::llm_models, ${text}::text::jsonb) r WHERE m.id = r.id`
  if (key !== undefined)
    yield* sql`UPDATE llm_models SET sealed_key = ${key.sealed_key}, api_key_hint = ${key.api_key_hint}
      WHERE id = ${model.id}::uuid`
})
