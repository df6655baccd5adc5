/** Who may do what with a model: grants are read, made and taken back, each one by itself. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { recordChanges } from "../audit/record.ts"
import { llmModelLimits as limits } from "./limits.ts"
import type { GrantsPage, NewGrant, Requester } from "./llm-models.ts"
import type { ModelCaller, ModelPermission, Right } from "./model.ts"
import {
  grantedAlready,
  malformedId,
  notAllowed,
  tooManyForOneAnswer,
  unknownGrantee,
  unknownPermission,
} from "./refusals.ts"
import { grantorOf, type Held, mayGrant, requireWriter, seenModel } from "./rights.ts"
import { idOrNull, isId, timeText } from "./rows.ts"

type Row = Omit<ModelPermission, "rights"> & Held

const columns = `p.id::text AS id, p.model_id::text AS model_id,
  CASE WHEN p.user_id IS NULL THEN 'GROUP' ELSE 'USER' END AS grantee_type,
  coalesce(p.user_id, p.group_id)::text AS grantee_id, coalesce(u.username, g.name) AS grantee_name,
  p.can_use, p.can_share, p.can_manage, p.granted_by, p.granted_by_name,
  ${timeText("p.created_at")} AS created_at, ${timeText("p.updated_at")} AS updated_at`

const permissionOf = ({ can_use, can_share, can_manage, ...row }: Row): ModelPermission => ({
  ...row,
  rights: (["use", "share", "manage"] as const).filter(
    (right) => ({ can_use, can_share, can_manage })[`can_${right}`],
  ),
})

const selectGrants = (
  sql: SqlClient,
  condition: ReturnType<SqlClient["literal"]>,
  { limit, offset }: { readonly limit: number; readonly offset: number } = { limit: 1, offset: 0 },
) =>
  Effect.map(
    sql<Row>`SELECT ${sql.literal(columns)} FROM llm_model_permissions p
      LEFT JOIN users u ON u.tenant = p.tenant AND u.id = p.user_id
      LEFT JOIN groups g ON g.tenant = p.tenant AND g.id = p.group_id
      WHERE ${condition} ORDER BY p.created_at DESC, p.id LIMIT ${limit}::int OFFSET ${offset}::int`,
    (rows) => rows.map(permissionOf),
  )

export const heldOf = (rights: ReadonlyArray<Right>): Held => ({
  can_use: rights.includes("use"),
  can_share: rights.includes("share"),
  can_manage: rights.includes("manage"),
})

/** Who manages sees all, who shares the own ones. Errors: `LLM_PERM_001` for all others who know of the model. */
const reachable = Effect.fnUntraced(function* (sql: SqlClient, caller: ModelCaller, modelId: string) {
  const { rights } = yield* seenModel(sql, caller, modelId)
  if (rights.includes("manage")) return sql`p.model_id = ${modelId}::uuid`
  if (rights.includes("share"))
    return sql`p.model_id = ${modelId}::uuid AND p.granted_by = ${grantorOf(caller)}`
  return yield* notAllowed(modelId, "manage or share")
})

/** All of them. Errors: `LLM_PERM_006` when they are too many for one answer. */
export const listGrants = Effect.fnUntraced(function* (sql: SqlClient, caller: ModelCaller, modelId: string) {
  const { permissionsMax } = limits
  const reach = yield* reachable(sql, caller, modelId)
  const grants = yield* selectGrants(sql, reach, { limit: permissionsMax + 1, offset: 0 })
  return grants.length > permissionsMax ? yield* tooManyForOneAnswer(permissionsMax) : grants
})

export const pageOfGrants = Effect.fnUntraced(function* (
  sql: SqlClient,
  caller: ModelCaller,
  modelId: string,
  { page, per_page }: GrantsPage,
) {
  const reach = yield* reachable(sql, caller, modelId)
  const [counted] = yield* sql<{ total: number }>`
    SELECT count(*)::int AS total FROM llm_model_permissions p WHERE ${reach}`
  const permissions = yield* selectGrants(sql, reach, { limit: per_page, offset: (page - 1) * per_page })
  return { permissions, total: counted!.total }
})

/** Duplicates come down to one; the order is fixed. */
export const wantedRights = ({ rights = ["use"] }: NewGrant): ReadonlyArray<Right> =>
  (["use", "share", "manage"] as const).filter((right) => rights.includes(right))

/** A row for the table. */
export const grantRow = ({ by, caller }: Requester, grant: NewGrant, at: string) => ({
  tenant: by.tenant,
  id: randomUUID(),
  model_id: grant.model_id.toLowerCase(),
  user_id: grant.grantee_type === "USER" ? grant.grantee_id.toLowerCase() : null,
  group_id: grant.grantee_type === "GROUP" ? grant.grantee_id.toLowerCase() : null,
  ...heldOf(wantedRights(grant)),
  granted_by: grantorOf(caller),
  granted_by_name: caller.user,
  created_at: at,
  updated_at: at,
})

/** One statement for all; answers the ids that are new. */
export const insertGrants = (sql: SqlClient, rows: ReadonlyArray<ReturnType<typeof grantRow>>) =>
  sql<{ id: string }>`INSERT INTO llm_model_permissions
    SELECT * FROM jsonb_populate_recordset(NULL::llm_model_permissions, ${JSON.stringify(rows)}::text::jsonb)
    ON CONFLICT DO NOTHING RETURNING id::text AS id`

export const changeOf = (
  verb: "grant" | "revoke",
  permission: Omit<ModelPermission, "created_at" | "updated_at">,
) => {
  const { id, model_id, grantee_type, grantee_id, rights } = permission
  const what = { model_id, grantee_type, grantee_id, rights }
  return {
    action: `llm-model-permission.${verb}`,
    objectType: "llm-model-permission",
    objectId: id,
    ...(verb === "grant" ? { after: what } : { before: what }),
  }
}

const requireGrantee = Effect.fnUntraced(function* (
  sql: SqlClient,
  { grantee_type: type, grantee_id: id }: NewGrant,
) {
  const [there] = yield* type === "USER"
    ? sql`SELECT 1 FROM users WHERE id = ${idOrNull(id)}::uuid`
    : sql`SELECT 1 FROM groups WHERE id = ${idOrNull(id)}::uuid`
  if (there === undefined) return yield* unknownGrantee(type, id)
})

export const grant = Effect.fnUntraced(function* (sql: SqlClient, requester: Requester, wanted: NewGrant) {
  const { by, caller } = requester
  const { model_id: modelId, grantee_id: grantee } = wanted
  if (!isId(modelId)) return yield* malformedId("model_id")
  if (!isId(grantee)) return yield* malformedId("grantee_id")
  const { rights } = yield* seenModel(sql, caller, modelId)
  const asked = wantedRights(wanted)
  if (!mayGrant(heldOf(rights), asked))
    return yield* notAllowed(modelId, asked.every((right) => right === "use") ? "share" : "manage")
  yield* requireWriter(caller, modelId)
  yield* requireGrantee(sql, wanted)
  const row = grantRow(requester, wanted, new Date().toISOString())
  const inserted = yield* insertGrants(sql, [row])
  if (inserted.length === 0) return yield* grantedAlready(modelId, grantee)
  const [permission] = yield* selectGrants(sql, sql`p.id = ${row.id}::uuid`)
  yield* recordChanges(sql, by, [changeOf("grant", permission!)])
  return permission!
})

export const revoke = Effect.fnUntraced(function* (
  sql: SqlClient,
  { by, caller }: Requester,
  modelId: string,
  permissionId: string,
) {
  const reach = yield* reachable(sql, caller, modelId)
  yield* requireWriter(caller, modelId)
  const [permission] = yield* selectGrants(sql, sql`${reach} AND p.id = ${idOrNull(permissionId)}::uuid`)
  if (permission === undefined) return yield* unknownPermission(permissionId)
  const removed = yield* sql`DELETE FROM llm_model_permissions WHERE id = ${permissionId}::uuid RETURNING 1`
  if (removed.length === 0) return yield* unknownPermission(permissionId)
  yield* recordChanges(sql, by, [changeOf("revoke", permission)])
})
