/** Memberships that follow an identity provider; those made by hand are left alone. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Changing } from "./change.ts"
import { countGroups } from "./group-rows.ts"
import { directoryLimits } from "./limits.ts"
import { touchUser } from "./user-rows.ts"

interface Named {
  readonly id: string
  readonly name: string
  readonly name_key: string
}

const keysJson = (names: ReadonlyArray<string>) => JSON.stringify(names.map((name) => name.toLowerCase()))

const membershipsOf = (sql: SqlClient, tenant: string, userId: string) =>
  sql<Named>`SELECT g.id, g.name, g.name_key FROM memberships m
    JOIN groups g ON g.tenant = m.tenant AND g.id = m.group_id
    WHERE m.tenant = ${tenant} AND m.user_id = ${userId}::text::uuid AND m.source = 'provider'`

/** Names in lower case and in their order, of the groups that the user is in because the provider said so. */
export const providerGroups = (
  sql: SqlClient,
  tenant: string,
  userId: string,
): Effect.Effect<ReadonlyArray<string>, SqlError> =>
  Effect.map(membershipsOf(sql, tenant, userId), (rows) => rows.map(({ name_key }) => name_key).sort())

/** The groups of these names; missing ones are made, without roles, as long as there is room for them. */
const groupsNamed = Effect.fnUntraced(function* ({ sql, by, note }: Changing, names: ReadonlyArray<string>) {
  const known = yield* sql<Named>`SELECT id, name, name_key FROM groups WHERE tenant = ${by.tenant}
    AND name_key IN (SELECT jsonb_array_elements_text(${keysJson(names)}::text::jsonb))`
  const keys = new Set(known.map(({ name_key }) => name_key))
  const missing = names.filter((name) => !keys.has(name.toLowerCase()))
  if (missing.length === 0) return known
  const room = Math.max(0, directoryLimits.groupsMax - (yield* countGroups(sql, by.tenant)))
  if (missing.length > room)
    yield* Effect.logWarning(
      "groups that the identity provider named were left out: the tenant has too many",
      {
        tenant: by.tenant,
        leftOut: missing.length - room,
      },
    )
  const made = missing
    .slice(0, room)
    .map((name): Named => ({ id: randomUUID(), name, name_key: name.toLowerCase() }))
  yield* sql`INSERT INTO groups (tenant, id, name, name_key, description)
    SELECT ${by.tenant}::text, id, name, name_key, ''
    FROM jsonb_to_recordset(${JSON.stringify(made)}::text::jsonb) AS t(id uuid, name text, name_key text)`
  for (const { id, name } of made)
    note({ action: "group.create", objectType: "group", objectId: id, after: { name, source: "provider" } })
  return [...known, ...made]
})

/** Afterwards the user is in the groups of these names, and in those where somebody put it by hand. */
export const followProvider = Effect.fnUntraced(function* (
  change: Changing,
  userId: string,
  names: ReadonlyArray<string>,
): Effect.fn.Return<void, SqlError> {
  const { sql, by, note } = change
  const before = yield* membershipsOf(sql, by.tenant, userId)
  const wanted = yield* groupsNamed(change, names)
  const [had, has] = [new Set(before.map(({ id }) => id)), new Set(wanted.map(({ id }) => id))]
  const entered = wanted.filter(({ id }) => !had.has(id))
  const left = before.filter(({ id }) => !has.has(id))
  const idsJson = (groups: ReadonlyArray<Named>) => JSON.stringify(groups.map(({ id }) => id))
  if (entered.length > 0)
    yield* sql`INSERT INTO memberships (tenant, group_id, user_id, source)
      SELECT ${by.tenant}::text, value::uuid, ${userId}::text::uuid, 'provider'
      FROM jsonb_array_elements_text(${idsJson(entered)}::text::jsonb)`
  if (left.length > 0)
    yield* sql`DELETE FROM memberships WHERE tenant = ${by.tenant} AND user_id = ${userId}::text::uuid
      AND source = 'provider'
      AND group_id IN (SELECT value::uuid FROM jsonb_array_elements_text(${idsJson(left)}::text::jsonb))`
  if (entered.length + left.length > 0) yield* touchUser(sql, by.tenant, userId)
  const noteMember = (action: string, objectId: string, side: "before" | "after") =>
    note({ action, objectType: "group", objectId, [side]: { user: userId, source: "provider" } })
  for (const { id } of entered) noteMember("group.member.add", id, "after")
  for (const { id } of left) noteMember("group.member.remove", id, "before")
})
