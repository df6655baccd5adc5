/** Reads and writes rows of groups. Everything here runs inside `Tenancy.within`. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Refused } from "../refusal.ts"
import type { Group, Page, PageOf } from "./directory.ts"
import { unknownGroup } from "./refusals.ts"
import { containing, isId, offsetOf } from "./user-rows.ts"

const columns = (sql: SqlClient) => sql`g.id, g.name, g.description, g.version,
  to_char(g.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created_at,
  (SELECT coalesce(jsonb_agg(r.role ORDER BY r.role), '[]') FROM group_roles r
    WHERE r.tenant = g.tenant AND r.group_id = g.id) AS roles,
  (SELECT count(DISTINCT m.user_id)::int FROM memberships m
    WHERE m.tenant = g.tenant AND m.group_id = g.id) AS members`

/** Errors: 404 `USR_GRP_001`. */
export const groupRow = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  id: string,
): Effect.fn.Return<Group, Refused | SqlError> {
  if (!isId(id)) return yield* unknownGroup(id)
  const [row] = yield* sql<Group>`
    SELECT ${columns(sql)} FROM groups g WHERE g.tenant = ${tenant} AND g.id = ${id}::text::uuid`
  return row ?? (yield* unknownGroup(id))
})

/** By name. */
export const groupRows = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  { search, ...page }: PageOf & { readonly search?: string | undefined },
): Effect.fn.Return<Page<Group>, SqlError> {
  const where = sql.and([
    sql`g.tenant = ${tenant}`,
    ...(search === undefined
      ? []
      : [sql`(g.name ILIKE ${containing(search)} OR g.description ILIKE ${containing(search)})`]),
  ])
  const [counted] = yield* sql<{ total: number }>`SELECT count(*)::int AS total FROM groups g WHERE ${where}`
  const rows = yield* sql<Group>`SELECT ${columns(sql)} FROM (SELECT * FROM groups g WHERE ${where}
      ORDER BY g.name_key LIMIT ${page.limit} OFFSET ${offsetOf(page)}) g
    ORDER BY g.name_key`
  return { rows, total: counted!.total }
})

export const countGroups = (sql: SqlClient, tenant: string): Effect.Effect<number, SqlError> =>
  Effect.map(
    sql<{ total: number }>`SELECT count(*)::int AS total FROM groups WHERE tenant = ${tenant}`,
    ([row]) => row!.total,
  )

/** Its id; names differ by more than the case of letters. */
export const groupNamed = (
  sql: SqlClient,
  tenant: string,
  name: string,
): Effect.Effect<string | undefined, SqlError> =>
  Effect.map(
    sql<{ id: string }>`SELECT id FROM groups WHERE tenant = ${tenant} AND name_key = ${name.toLowerCase()}`,
    ([row]) => row?.id,
  )

export const setGroupRoles = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  id: string,
  roles: ReadonlyArray<string>,
): Effect.fn.Return<void, SqlError> {
  yield* sql`DELETE FROM group_roles WHERE tenant = ${tenant} AND group_id = ${id}::text::uuid`
  if (roles.length === 0) return
  yield* sql`INSERT INTO group_roles (tenant, group_id, role)
    SELECT ${tenant}::text, ${id}::text::uuid, value
    FROM jsonb_array_elements_text(${JSON.stringify([...new Set(roles)])}::text::jsonb)`
})
