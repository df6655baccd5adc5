/** Models come, change and go: settings checked, versions compared, every change written into the audit log. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { type ChangedBy, recordChanges } from "../audit/record.ts"
import type { SecretsService } from "../secrets/secrets.ts"
import { noKey, sealKey } from "./keys.ts"
import { llmModelLimits as limits } from "./limits.ts"
import type { ModelChange, NewModel, Requester } from "./llm-models.ts"
import type { Model } from "./model.ts"
import { badSetting, builtinStays, namedAsFallback, nameTaken, notAllowed } from "./refusals.ts"
import { isAdmin, requireRight, requireWriter, seenModel } from "./rights.ts"
import { idOrNull, insertModel, lockModel, readModel, type StoredKey, updateModel } from "./rows.ts"
import { requireFallback, requireRoom, settingProblem } from "./settings.ts"

const objectType = "llm-model"

/** What the audit log keeps of a model: its settings. Health has entries of its own. */
const settingsOf = ({
  health_status: _1,
  last_health_check: _2,
  health_detail: _3,
  created_at: _4,
  updated_at: _5,
  tenant: _6,
  api_key_hint: _7,
  has_api_key,
  ...settings
}: Model) => ({ ...settings, authenticated: has_api_key })

const record = (
  sql: SqlClient,
  by: ChangedBy,
  verb: string,
  before: Model | undefined,
  after: Model | undefined,
  more: object = {},
) =>
  recordChanges(sql, by, [
    {
      action: `${objectType}.${verb}`,
      objectType,
      objectId: (after ?? before)!.id,
      ...(before === undefined ? {} : { before: settingsOf(before) }),
      ...(after === undefined ? {} : { after: { ...settingsOf(after), ...more } }),
    },
  ])

const untouched = { health_status: "unknown", last_health_check: null, health_detail: null } as const

const now = () => new Date().toISOString()

/** The model that answers without any provider; each tenant has it from the first look at its models. */
export const ensureBuiltin = Effect.fnUntraced(function* (sql: SqlClient, tenant: string) {
  const [there] = yield* sql`SELECT 1 FROM llm_models WHERE is_builtin`
  if (there !== undefined) return
  const at = now()
  const model: Model = {
    ...untouched,
    id: randomUUID(),
    tenant,
    name: "offline",
    provider: "Offline",
    endpoint: "",
    model_name: "offline",
    is_active: true,
    has_api_key: false,
    api_key_hint: null,
    context_tokens_max: null,
    time_out_ms: limits.timeOutMsDefault,
    rate_per_minute: null,
    fallback_model_id: null,
    owner_id: null,
    is_builtin: true,
    version: 1,
    created_at: at,
    updated_at: at,
  }
  const inserted = yield* insertModel(sql, model, noKey)
  if (inserted.length > 0) yield* record(sql, { tenant, user: "system" }, "register", undefined, model)
})

/** Errors: `LLM_MODEL_006`. */
const sealed = (secrets: SecretsService, { tenant, id }: Model, key: string | null) => {
  if (key === null) return Effect.succeed(noKey)
  if (key !== "" && key.trim() === key && key.length <= limits.apiKeyMax)
    return Effect.sync((): StoredKey => sealKey(secrets, tenant, id, key))
  const reason = "it is empty, too long, or has space around it"
  return Effect.fail(badSetting("api_key", reason, "send the key as it was given"))
}

/** Whether the requester may know of a model that calls are to fall back to. */
const visibleTo =
  (sql: SqlClient, { caller }: Requester) =>
  (id: string) =>
    seenModel(sql, caller, id).pipe(
      Effect.as(true),
      Effect.catchTag("Refused", () => Effect.succeed(false)),
    )

const requirePossible = Effect.fnUntraced(function* (sql: SqlClient, requester: Requester, model: Model) {
  const problem = settingProblem(model)
  if (problem !== undefined) return yield* problem
  yield* requireFallback(sql, model, visibleTo(sql, requester))
})

/** Two that take a name at once: the index lets one through, and the other is told so here. */
const requireFreeName = Effect.fnUntraced(function* (sql: SqlClient, model: Model) {
  const [other] = yield* sql`SELECT 1 FROM llm_models
    WHERE lower(name) = lower(${model.name}) AND id <> ${model.id}::uuid`
  if (other !== undefined) return yield* nameTaken(model.name)
})

export const register = Effect.fnUntraced(function* (
  sql: SqlClient,
  secrets: SecretsService,
  requester: Requester,
  given: NewModel,
) {
  const { by, caller } = requester
  if (!isAdmin(caller)) return yield* notAllowed(given.name, "manage")
  yield* requireRoom(sql)
  const { api_key: key = null, ...settings } = given
  const at = now()
  const model: Model = {
    ...untouched,
    id: randomUUID(),
    tenant: by.tenant,
    ...settings,
    model_name: settings.model_name ?? settings.name,
    context_tokens_max: settings.context_tokens_max ?? null,
    time_out_ms: settings.time_out_ms ?? limits.timeOutMsDefault,
    rate_per_minute: settings.rate_per_minute ?? null,
    fallback_model_id: settings.fallback_model_id ?? null,
    is_active: false,
    has_api_key: key !== null,
    api_key_hint: null,
    owner_id: idOrNull(caller.userId),
    is_builtin: false,
    version: 1,
    created_at: at,
    updated_at: at,
  }
  yield* requirePossible(sql, requester, model)
  const inserted = yield* insertModel(sql, model, yield* sealed(secrets, model, key))
  if (inserted.length === 0) return yield* nameTaken(model.name)
  yield* record(sql, by, "register", undefined, model)
  return yield* readModel(sql, model.id)
})

const given = <T extends object>(change: T): Partial<T> =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Partial<T>

/** A key is sent only to where it was given for: whoever moves the endpoint elsewhere gives it anew. */
const keyMoves = (before: Model, after: Model): boolean =>
  before.has_api_key &&
  (before.provider !== after.provider || new URL(before.endpoint).origin !== new URL(after.endpoint).origin)

const speaksDifferently = (before: Model, after: Model): boolean =>
  before.provider !== after.provider ||
  before.endpoint !== after.endpoint ||
  before.model_name !== after.model_name

export const change = Effect.fnUntraced(function* (
  sql: SqlClient,
  secrets: SecretsService,
  requester: Requester,
  id: string,
  { api_key: key, ...settings }: ModelChange,
  version?: number,
) {
  const { by, caller } = requester
  yield* requireRight(sql, caller, id, "manage")
  yield* requireWriter(caller, id)
  const before = yield* lockModel(sql, id, version)
  if (before.is_builtin) return yield* builtinStays(id)
  const changed: Model = {
    ...before,
    ...(given(settings) as Partial<Model>),
    has_api_key: key === undefined ? before.has_api_key : key !== null,
    version: before.version + 1,
    updated_at: now(),
  }
  yield* requirePossible(sql, requester, changed)
  if (key === undefined && keyMoves(before, changed))
    return yield* badSetting(
      "api_key",
      "the key was given for another endpoint or provider",
      "send api_key together with the new endpoint; null takes it away",
    )
  const fresh = key !== undefined || speaksDifferently(before, changed)
  const after = fresh ? { ...changed, ...untouched } : changed
  yield* requireFreeName(sql, after)
  yield* updateModel(sql, after, key === undefined ? undefined : yield* sealed(secrets, after, key))
  yield* record(sql, by, "change", before, after, key === undefined ? {} : { authentication: "replaced" })
  return yield* readModel(sql, id)
})

export const setActive = Effect.fnUntraced(function* (
  sql: SqlClient,
  { by, caller }: Requester,
  id: string,
  active: boolean,
  version?: number,
) {
  yield* requireRight(sql, caller, id, "manage")
  yield* requireWriter(caller, id)
  const before = yield* lockModel(sql, id, version)
  if (before.is_active === active) return before
  const after = { ...before, is_active: active, version: before.version + 1, updated_at: now() }
  yield* updateModel(sql, after, undefined)
  yield* record(sql, by, active ? "activate" : "deactivate", before, after)
  return after
})

export const remove = Effect.fnUntraced(function* (
  sql: SqlClient,
  { by, caller }: Requester,
  id: string,
  version?: number,
) {
  yield* requireRight(sql, caller, id, "manage")
  yield* requireWriter(caller, id)
  const before = yield* lockModel(sql, id, version)
  if (before.is_builtin) return yield* builtinStays(id)
  const naming = yield* sql<{ name: string }>`
    SELECT name FROM llm_models WHERE fallback_model_id = ${id}::uuid ORDER BY name LIMIT 10`
  if (naming.length > 0)
    return yield* namedAsFallback(
      id,
      naming.map(({ name }) => name),
    )
  yield* sql`DELETE FROM llm_models WHERE id = ${id}::uuid`
  yield* record(sql, by, "remove", before, undefined)
})
