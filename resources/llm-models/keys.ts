/**
 * The keys of models: sealed for their own row, shown to nobody, opened for the call path only. Never puts a key into an
 * error, a log line or an audit entry.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import { type ChangedBy, recordChanges } from "../audit/record.ts"
import { type SecretsService, SecretUnreadable } from "../secrets/secrets.ts"
import { keyUnreadable } from "./refusals.ts"
import type { StoredKey } from "./rows.ts"

/** Where a key is kept: it opens nowhere else. Changing this makes every stored key unreadable. */
const placeOf = (tenant: string, id: string): string => `llm-model/${tenant}/${id}`

const hintCharacters = 4
/** Of a shorter key, even its end would tell too much. */
const hintFromCharacters = 16

export const noKey: StoredKey = { sealed_key: null, api_key_hint: null }

export const sealKey = (secrets: SecretsService, tenant: string, id: string, key: string): StoredKey => ({
  sealed_key: secrets.seal(key, placeOf(tenant, id)),
  api_key_hint: key.length < hintFromCharacters ? null : key.slice(-hintCharacters),
})

/** Errors: `LLM_MODEL_008`. */
export const openKey = (secrets: SecretsService, tenant: string, id: string, sealed: string | null) =>
  Effect.suspend(() => {
    if (sealed === null) return Effect.succeed(undefined)
    try {
      return Effect.succeed(Redacted.make(secrets.open(sealed, placeOf(tenant, id)), { label: "api key" }))
    } catch (cause) {
      if (cause instanceof SecretUnreadable) return Effect.fail(keyUnreadable(id, cause.keyId))
      throw cause
    }
  })

/** A key that does not open stays as it is: it counts as `unreadable`, and the others are sealed again all the same. */
export const resealKeys = Effect.fnUntraced(function* (
  sql: SqlClient,
  secrets: SecretsService,
  by: ChangedBy,
) {
  const stored = yield* sql<{ id: string; sealed_key: string }>`
    SELECT id::text AS id, sealed_key FROM llm_models WHERE sealed_key IS NOT NULL FOR UPDATE`
  const resealed: Array<{ id: string; sealed_key: string }> = []
  let unreadable = 0
  for (const { id, sealed_key } of stored) {
    if (secrets.isCurrent(sealed_key)) continue
    const place = placeOf(by.tenant, id)
    try {
      resealed.push({ id, sealed_key: secrets.seal(secrets.open(sealed_key, place), place) })
    } catch (cause) {
      if (!(cause instanceof SecretUnreadable)) throw cause
      unreadable += 1
    }
  }
  if (resealed.length > 0)
    yield* sql`UPDATE llm_models m SET sealed_key = r.sealed_key
      FROM jsonb_to_recordset(${JSON.stringify(resealed)}::text::jsonb) AS r(id uuid, sealed_key text)
      WHERE m.id = r.id`
  yield* recordChanges(
    sql,
    by,
    resealed.map(({ id }) => ({ action: "llm-model.reseal", objectType: "llm-model", objectId: id })),
  )
  return { resealed: resealed.length, unreadable }
})
