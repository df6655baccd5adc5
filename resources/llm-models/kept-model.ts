/**
 * A model that the node's environment names: registered when it is not there, and changed when the environment says
 * something else. Any number of nodes may do so at once, at every start: nothing changes when nothing differs. A model of
 * the name that a person registered stays as it is, and so does what an administrator deactivated.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Refused } from "../refusal.ts"
import type { SecretsService } from "../secrets/secrets.ts"
import { openKey } from "./keys.ts"
import { change, register, setActive } from "./lifecycle.ts"
import type { KeptModel, NewModel, Requester } from "./llm-models.ts"
import { isAdmin } from "./rights.ts"
import { lockModel } from "./rows.ts"

type Answer = Effect.Effect<KeptModel, Refused | SqlError>

/** Closed to other changes until the transaction ends. */
const stored = Effect.fnUntraced(function* (sql: SqlClient, name: string) {
  const [row] = yield* sql<{ id: string; sealed_key: string | null }>`
    SELECT id::text AS id, sealed_key FROM llm_models WHERE lower(name) = lower(${name}) FOR UPDATE`
  return row === undefined ? undefined : { model: yield* lockModel(sql, row.id), sealedKey: row.sealed_key }
})

/** A key that does not open here counts as another one. */
const hasKey = (secrets: SecretsService, tenant: string, id: string, sealed: string | null, key?: string) =>
  openKey(secrets, tenant, id, sealed).pipe(
    Effect.map((opened) => (opened === undefined ? undefined : Redacted.value(opened)) === key),
    Effect.catchTag("Refused", () => Effect.succeed(false)),
  )

/** Of two nodes that find no model at once, one registers it; the other finds it when it looks again. */
export const keepModel = (
  sql: SqlClient,
  secrets: SecretsService,
  requester: Requester,
  wanted: NewModel,
): Answer => {
  const registered = Effect.gen(function* () {
    const { id } = yield* register(sql, secrets, requester, wanted)
    return { model: yield* setActive(sql, requester, id, true), done: "registered" as const }
  })
  const keep = Effect.fnUntraced(function* ({
    model,
    sealedKey,
  }: NonNullable<Effect.Success<ReturnType<typeof stored>>>) {
    if (model.owner_id !== null || !isAdmin(requester.caller)) return { model, done: "left" as const }
    const { provider, endpoint, model_name = wanted.name } = wanted
    const isSame =
      model.provider === provider &&
      model.endpoint === endpoint &&
      model.model_name === model_name &&
      (yield* hasKey(secrets, model.tenant, model.id, sealedKey, wanted.api_key))
    if (isSame) return { model, done: "nothing" as const }
    const settings = { provider, endpoint, model_name, api_key: wanted.api_key ?? null }
    return {
      model: yield* change(sql, secrets, requester, model.id, settings),
      done: "changed" as const,
    }
  })
  const attempt: Answer = Effect.flatMap(
    stored(sql, wanted.name),
    (found): Answer => (found === undefined ? registered : keep(found)),
  )
  return Effect.catchTag(attempt, "Refused", (refused) =>
    refused.code === "LLM_MODEL_002" ? attempt : Effect.fail(refused),
  )
}
