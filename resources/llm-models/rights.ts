/**
 * What somebody may do with a model: the union of all ways to a right. Groups and whether the user is active are read
 * where they are stored, in the same statement, so that who was removed a moment ago has nothing left.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { everyPermission } from "../../schemas/index.ts"
import type { AccessibleModel } from "./llm-models.ts"
import type { Model, ModelCaller, Right } from "./model.ts"
import { notAllowed, unknownModel } from "./refusals.ts"
import { idOrNull, modelColumns } from "./rows.ts"

export type Held = Readonly<Record<`can_${Right}`, boolean>>

const holds = ({ permissions }: ModelCaller, permission: string): boolean =>
  permissions.has(permission) || permissions.has(everyPermission)

export const isAdmin = (caller: ModelCaller): boolean => holds(caller, "llm-model:admin")

/** Who calls models, or administers them; a key that may only read holds neither. */
export const mayCall = (caller: ModelCaller): boolean => holds(caller, "llm-model:use")

/** What grants say they were made by. */
export const grantorOf = ({ userId, user }: ModelCaller): string => (userId === "" ? user : userId)

/** `held` beside each row of `m`. */
const heldBy = (sql: SqlClient, caller: ModelCaller) => {
  const me = idOrNull(caller.userId)
  return sql`CROSS JOIN (SELECT (SELECT id FROM users WHERE id = ${me}::uuid AND is_active) AS id) me
    CROSS JOIN LATERAL (
      SELECT m.is_builtin OR ${caller.isPlatform === true}::boolean OR coalesce(bool_or(p.can_use), false) AS can_use,
        coalesce(bool_or(p.can_share), false) AS can_share,
        ${isAdmin(caller)}::boolean OR coalesce(m.owner_id = me.id, false)
          OR coalesce(bool_or(p.can_manage), false) AS can_manage
      FROM llm_model_permissions p
      WHERE p.tenant = m.tenant AND p.model_id = m.id AND (p.user_id = me.id
        OR p.group_id IN (SELECT s.group_id FROM memberships s WHERE s.tenant = m.tenant AND s.user_id = me.id))
    ) held`
}

const heldColumns = "held.can_use, held.can_share, held.can_manage"
const anyRight = "(held.can_use OR held.can_share OR held.can_manage)"

const rightsOf = (held: Held): ReadonlyArray<Right> =>
  (["use", "share", "manage"] as const).filter((right) => held[`can_${right}`])

export const withRights = <M extends Held>({ can_use, can_share, can_manage, ...model }: M) => ({
  ...model,
  rights: rightsOf({ can_use, can_share, can_manage }),
})

/** Models that match `condition`, seen or not. */
export const modelsFor = (sql: SqlClient, caller: ModelCaller, condition: ReturnType<SqlClient["literal"]>) =>
  sql<Model & Held>`SELECT ${sql.literal(`${modelColumns}, ${heldColumns}`)}
    FROM llm_models m ${heldBy(sql, caller)} WHERE ${condition}`

/** By name or id. Errors: `LLM_MODEL_001` also for a model that this caller may not know of. */
export const seenModel = Effect.fnUntraced(function* (sql: SqlClient, caller: ModelCaller, nameOrId: string) {
  const id = idOrNull(nameOrId)
  const condition = id === null ? sql`m.name = ${nameOrId}` : sql`m.id = ${id}::uuid`
  const [model] = yield* modelsFor(sql, caller, condition)
  if (model === undefined || rightsOf(model).length === 0) return yield* unknownModel(nameOrId)
  return withRights(model)
})

/** Errors: `LLM_MODEL_001`; `LLM_PERM_001` when the caller may see it and lacks the right. */
export const requireRight = Effect.fnUntraced(function* (
  sql: SqlClient,
  caller: ModelCaller,
  id: string,
  right: Right,
) {
  const model = yield* seenModel(sql, caller, id)
  if (!model.rights.includes(right)) return yield* notAllowed(id, right)
  return model
})

/** Changes of settings and grants: a key that is scoped to reading does not make them. Errors: `LLM_PERM_001`. */
export const requireWriter = (caller: ModelCaller, id: string) =>
  isAdmin(caller) || mayCall(caller) ? Effect.void : Effect.fail(notAllowed(id, "manage"))

/** What each of these models is to the caller, by id; models that do not exist are absent. */
export const heldOn = Effect.fnUntraced(function* (
  sql: SqlClient,
  caller: ModelCaller,
  ids: ReadonlyArray<string>,
) {
  const rows = yield* sql<Held & { id: string }>`SELECT m.id::text AS id, ${sql.literal(heldColumns)}
    FROM llm_models m ${heldBy(sql, caller)}
    WHERE m.id IN (SELECT value::uuid FROM jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb))`
  return new Map(rows.filter((row) => rightsOf(row).length > 0).map((row) => [row.id, row as Held]))
})

/** A page of what the caller may see. */
export const listModels = Effect.fnUntraced(function* (
  sql: SqlClient,
  caller: ModelCaller,
  search: {
    readonly page: number
    readonly per_page: number
    readonly accessible_only: boolean
    readonly search?: string | undefined
  },
) {
  const part = (search.search ?? "").toLowerCase()
  const wanted = sql`(${part} = '' OR position(${part} in lower(m.name)) > 0)
    AND ${sql.literal(search.accessible_only ? "held.can_use" : anyRight)}`
  const [counted] = yield* sql<{ total: number }>`SELECT count(*)::int AS total
    FROM llm_models m ${heldBy(sql, caller)} WHERE ${wanted}`
  const rows = yield* sql<Model & Held>`SELECT ${sql.literal(`${modelColumns}, ${heldColumns}`)}
    FROM llm_models m ${heldBy(sql, caller)} WHERE ${wanted} ORDER BY lower(m.name), m.id
    LIMIT ${search.per_page}::int OFFSET ${(search.page - 1) * search.per_page}::int`
  const models: ReadonlyArray<AccessibleModel> = rows.map(withRights)
  return { models, total: counted!.total }
})

/** What a caller with these rights may grant: nobody gives what only `manage` gives, nor more than held. */
export const mayGrant = (held: Held, wanted: ReadonlyArray<Right>): boolean =>
  held.can_manage || (held.can_share && held.can_use && wanted.every((right) => right === "use"))
