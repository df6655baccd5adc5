/** Reads users as they are on the wire. Everything here runs inside `Tenancy.within`. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Refused } from "../refusal.ts"
import type { Page, PageOf, User, UserSearch } from "./directory.ts"
import { unknownUser } from "./refusals.ts"
import { mightiest } from "./rights.ts"

type Row = Omit<User, "role">

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** What is no id is nobody's: it must not become an error of the database. */
export const isId = (text: string): boolean => uuid.test(text)

const timestamp = (sql: SqlClient, column: string) =>
  sql.literal(`to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`)

/** Own roles and those of groups. */
const effectiveRoles = (sql: SqlClient) => sql`
  SELECT role FROM user_roles r WHERE r.tenant = u.tenant AND r.user_id = u.id
  UNION SELECT r.role FROM memberships m JOIN group_roles r ON r.tenant = m.tenant AND r.group_id = m.group_id
    WHERE m.tenant = u.tenant AND m.user_id = u.id`

const columns = (sql: SqlClient) => sql`
  u.id, u.username, u.username_kr, u.email, u.department, u.is_active, u.version,
  ${timestamp(sql, "u.created_at")} AS created_at, ${timestamp(sql, "u.last_login_at")} AS last_login_at,
  (SELECT coalesce(jsonb_agg(e.role ORDER BY e.role), '[]') FROM (${effectiveRoles(sql)}) e) AS roles,
  (SELECT coalesce(jsonb_agg(r.role ORDER BY r.role), '[]') FROM user_roles r
    WHERE r.tenant = u.tenant AND r.user_id = u.id) AS granted_roles,
  (SELECT coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'name', g.name) ORDER BY g.name_key), '[]') FROM groups g
    WHERE g.tenant = u.tenant AND EXISTS (SELECT 1 FROM memberships m
      WHERE m.tenant = g.tenant AND m.group_id = g.id AND m.user_id = u.id)) AS groups`

const shown = (row: Row): User => ({ ...row, role: mightiest(row.roles) })

/** Errors: 404 `USR_USER_001`. */
export const userRow = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  id: string,
): Effect.fn.Return<User, Refused | SqlError> {
  if (!isId(id)) return yield* unknownUser(id)
  const [row] = yield* sql<Row>`
    SELECT ${columns(sql)} FROM users u WHERE u.tenant = ${tenant} AND u.id = ${id}::text::uuid`
  return row === undefined ? yield* unknownUser(id) : shown(row)
})

/** Anything of it is looked for as it stands: `%` and `_` are no wildcards. */
export const containing = (text: string): string => `%${text.replaceAll(/[\\%_]/g, "\\$&")}%`

const membersOf = (sql: SqlClient, tenant: string, group: string): Fragment =>
  isId(group)
    ? sql`u.id IN (SELECT user_id FROM memberships WHERE tenant = ${tenant} AND group_id = ${group}::text::uuid)`
    : sql`false`

/** From the role to its holders, not from each user to its roles: a rare role is found at once. */
const holdersOf = (sql: SqlClient, tenant: string, role: string): Fragment => sql`u.id IN (
  SELECT user_id FROM user_roles WHERE tenant = ${tenant} AND role = ${role}
  UNION SELECT m.user_id FROM group_roles r JOIN memberships m ON m.tenant = r.tenant AND m.group_id = r.group_id
    WHERE r.tenant = ${tenant} AND r.role = ${role})`

const conditions = (sql: SqlClient, tenant: string, { active, search, group, role }: UserSearch) =>
  sql.and([
    sql`u.tenant = ${tenant}`,
    ...(active === undefined ? [] : [sql`u.is_active = ${active}`]),
    ...(search === undefined
      ? []
      : [
          sql`(u.username ILIKE ${containing(search)} OR u.username_kr ILIKE ${containing(search)}
            OR u.email ILIKE ${containing(search)})`,
        ]),
    ...(group === undefined ? [] : [membersOf(sql, tenant, group)]),
    ...(role === undefined ? [] : [holdersOf(sql, tenant, role)]),
  ])

export const offsetOf = ({ page, limit }: PageOf): number => (page - 1) * limit

/** By name. */
export const userRows = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  search: UserSearch,
): Effect.fn.Return<Page<User>, SqlError> {
  const where = conditions(sql, tenant, search)
  const [counted] = yield* sql<{ total: number }>`SELECT count(*)::int AS total FROM users u WHERE ${where}`
  const rows = yield* sql<Row>`
    SELECT ${columns(sql)} FROM (SELECT * FROM users u WHERE ${where}
      ORDER BY u.username_key LIMIT ${search.limit} OFFSET ${offsetOf(search)}) u
    ORDER BY u.username_key`
  return { rows: rows.map(shown), total: counted!.total }
})

/** A user that was changed is another version, whatever of it was changed. */
export const touchUser = (sql: SqlClient, tenant: string, id: string) =>
  sql`UPDATE users SET version = version + 1 WHERE tenant = ${tenant} AND id = ${id}::text::uuid`
