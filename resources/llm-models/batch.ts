/**
 * Many grants at once, each good or bad by itself, in a handful of statements however many they are. What it would do
 * and what it does are decided by the same code, so that a dry run tells the truth.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { recordChanges } from "../audit/record.ts"
import type { Refused } from "../refusal.ts"
import { changeOf, grantRow, heldOf, insertGrants, wantedRights } from "./grants.ts"
import { llmModelLimits as limits } from "./limits.ts"
import type { BatchDifference, BatchResult, NewGrant, Requester } from "./llm-models.ts"
import { grantedAlready, malformedId, notAllowed, tooMany, unknownGrantee, unknownModel } from "./refusals.ts"
import { heldOn, isAdmin, mayCall, mayGrant } from "./rights.ts"
import { isId } from "./rows.ts"

/** What becomes of one grant of the batch. */
type Fate =
  | { readonly _tag: "New"; readonly grant: NewGrant }
  | {
      readonly _tag: "There"
      readonly grant: NewGrant
      readonly permissionId: string
      readonly same: boolean
    }
  | { readonly _tag: "Refused"; readonly grant: NewGrant; readonly refused: Refused }

const placeOf = ({ model_id, grantee_type, grantee_id }: NewGrant) =>
  `${model_id.toLowerCase()} ${grantee_type} ${grantee_id.toLowerCase()}`

const placeOfRow = ({ model_id, user_id, group_id }: ReturnType<typeof grantRow>) =>
  `${model_id} ${user_id ?? ""} ${group_id ?? ""}`

const idsOf = (grants: ReadonlyArray<NewGrant>, field: "model_id" | "grantee_id") =>
  JSON.stringify([...new Set(grants.map((grant) => grant[field].toLowerCase()).filter(isId))])

const knownGrantees = (sql: SqlClient, grants: ReadonlyArray<NewGrant>) => {
  const ids = idsOf(grants, "grantee_id")
  return Effect.map(
    sql<{ place: string }>`SELECT 'USER ' || id AS place FROM users
        WHERE id IN (SELECT value::uuid FROM jsonb_array_elements_text(${ids}::text::jsonb))
      UNION ALL SELECT 'GROUP ' || id FROM groups
        WHERE id IN (SELECT value::uuid FROM jsonb_array_elements_text(${ids}::text::jsonb))`,
    (rows) => new Set(rows.map(({ place }) => place)),
  )
}

interface There {
  readonly id: string
  readonly place: string
  readonly can_use: boolean
  readonly can_share: boolean
  readonly can_manage: boolean
}

const standingGrants = (sql: SqlClient, grants: ReadonlyArray<NewGrant>) =>
  Effect.map(
    sql<There>`SELECT p.id::text AS id, p.can_use, p.can_share, p.can_manage, p.model_id::text
        || CASE WHEN p.user_id IS NULL THEN ' GROUP ' || p.group_id ELSE ' USER ' || p.user_id END AS place
      FROM llm_model_permissions p
      WHERE p.model_id IN (SELECT value::uuid FROM jsonb_array_elements_text(${idsOf(grants, "model_id")}::text::jsonb))
        AND coalesce(p.user_id, p.group_id) IN
          (SELECT value::uuid FROM jsonb_array_elements_text(${idsOf(grants, "grantee_id")}::text::jsonb))`,
    (rows) => new Map(rows.map((row) => [row.place, row])),
  )

/** Decides about all, from what is stored now. */
const decide = Effect.fnUntraced(function* (
  sql: SqlClient,
  { caller }: Requester,
  grants: ReadonlyArray<NewGrant>,
) {
  const held = yield* heldOn(sql, caller, JSON.parse(idsOf(grants, "model_id")))
  const grantees = yield* knownGrantees(sql, grants)
  const standing = yield* standingGrants(sql, grants)
  const writer = isAdmin(caller) || mayCall(caller)
  const seen = new Set<string>()
  const problem = (grant: NewGrant): Refused | undefined => {
    const { model_id: model, grantee_id: grantee, grantee_type: type } = grant
    if (!isId(model)) return malformedId("model_id")
    if (!isId(grantee)) return malformedId("grantee_id")
    const mine = held.get(model.toLowerCase())
    if (mine === undefined) return unknownModel(model)
    if (!writer || !mayGrant(mine, wantedRights(grant))) return notAllowed(model, "share or manage")
    if (!grantees.has(`${type} ${grantee.toLowerCase()}`)) return unknownGrantee(type, grantee)
    const place = placeOf(grant)
    if (seen.has(place)) return grantedAlready(model, grantee)
    seen.add(place)
    return undefined
  }
  return grants.map((grant): Fate => {
    const refused = problem(grant)
    if (refused !== undefined) return { _tag: "Refused", grant, refused }
    const there = standing.get(placeOf(grant))
    if (there === undefined) return { _tag: "New", grant }
    const wanted = heldOf(wantedRights(grant))
    const same =
      there.can_use === wanted.can_use &&
      there.can_share === wanted.can_share &&
      there.can_manage === wanted.can_manage
    return { _tag: "There", grant, permissionId: there.id, same }
  })
})

const failedOf = ({ model_id, grantee_id }: NewGrant, { text, code }: Refused) => ({
  model_id,
  grantee_id,
  error: text,
  error_code: code,
})

const requireSize = (grants: ReadonlyArray<NewGrant>) =>
  grants.length > limits.batchMax ? Effect.fail(tooMany("grants in one batch", limits.batchMax)) : Effect.void

export const grantMany = Effect.fnUntraced(function* (
  sql: SqlClient,
  requester: Requester,
  grants: ReadonlyArray<NewGrant>,
) {
  yield* requireSize(grants)
  const at = new Date().toISOString()
  const fates = (yield* decide(sql, requester, grants)).map((fate) =>
    fate._tag === "New" ? { ...fate, row: grantRow(requester, fate.grant, at) } : fate,
  )
  const rows = fates.flatMap((fate) => (fate._tag === "New" ? [fate.row] : []))
  // In one order for all batches: two that overlap wait for each other and never in a circle.
  const ordered = rows.toSorted((a, b) => (placeOfRow(a) < placeOfRow(b) ? -1 : 1))
  const inserted = ordered.length === 0 ? [] : yield* insertGrants(sql, ordered)
  const made = new Set(inserted.map(({ id }) => id))
  const success: Array<BatchResult["success"][number]> = []
  const failed: Array<BatchResult["failed"][number]> = []
  const changes: Array<ReturnType<typeof changeOf>> = []
  for (const fate of fates) {
    const { model_id, grantee_id } = fate.grant
    if (fate._tag === "New" && made.has(fate.row.id)) {
      success.push({ model_id, grantee_id, permission_id: fate.row.id })
      const { id, granted_by, granted_by_name } = fate.row
      const rights = wantedRights(fate.grant)
      changes.push(
        changeOf("grant", { ...fate.grant, id, rights, granted_by, granted_by_name, grantee_name: "" }),
      )
    } else {
      // One that somebody else made between the look and the insert is a duplicate like any other.
      const refused = fate._tag === "Refused" ? fate.refused : grantedAlready(model_id, grantee_id)
      failed.push(failedOf(fate.grant, refused))
    }
  }
  yield* recordChanges(sql, requester.by, changes)
  const result: BatchResult = { success, failed, total: grants.length }
  return result
})

export const compareMany = Effect.fnUntraced(function* (
  sql: SqlClient,
  requester: Requester,
  grants: ReadonlyArray<NewGrant>,
) {
  yield* requireSize(grants)
  const fates = yield* decide(sql, requester, grants)
  const described = (grant: NewGrant) => {
    const { model_id, grantee_type, grantee_id } = grant
    return { model_id, grantee_type, grantee_id, rights: wantedRights(grant) }
  }
  const difference: BatchDifference = {
    dry_run: true,
    would_grant: fates.flatMap((fate) => (fate._tag === "New" ? [described(fate.grant)] : [])),
    unchanged: fates.flatMap((fate) =>
      fate._tag === "There" && fate.same
        ? [{ ...described(fate.grant), permission_id: fate.permissionId }]
        : [],
    ),
    would_fail: fates.flatMap((fate) => {
      if (fate._tag === "Refused") return [failedOf(fate.grant, fate.refused)]
      if (fate._tag === "There" && !fate.same) {
        const { model_id, grantee_id } = fate.grant
        return [failedOf(fate.grant, grantedAlready(model_id, grantee_id))]
      }
      return []
    }),
    total: grants.length,
  }
  return difference
})
