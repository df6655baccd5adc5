/** What one user may do now, as it is stored. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Access } from "./directory.ts"
import { permissionsOf } from "./rights.ts"

interface Row {
  readonly user_id: string
  readonly username: string
  readonly active: boolean
  readonly department: string | null
  readonly groups: ReadonlyArray<string>
  readonly roles: ReadonlyArray<{ readonly name: string; readonly permissions: ReadonlyArray<string> | null }>
}

/** Inside `within` of the tenant. A deactivated user keeps its roles, and may do nothing. */
export const accessRow = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  username: string,
  inPlatform: boolean,
): Effect.fn.Return<Access | undefined, SqlError> {
  const [row] = yield* sql<Row>`
    SELECT u.id AS user_id, u.username, u.is_active AS active, u.department,
      (SELECT coalesce(jsonb_agg(DISTINCT m.group_id), '[]') FROM memberships m
        WHERE m.tenant = u.tenant AND m.user_id = u.id) AS groups,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('name', held.role, 'permissions', own.permissions)), '[]')
        FROM (SELECT role FROM user_roles WHERE tenant = u.tenant AND user_id = u.id
          UNION SELECT g.role FROM memberships m
            JOIN group_roles g ON g.tenant = m.tenant AND g.group_id = m.group_id
            WHERE m.tenant = u.tenant AND m.user_id = u.id) held
        LEFT JOIN roles own ON own.tenant = u.tenant AND own.name = held.role) AS roles
    FROM users u WHERE u.tenant = ${tenant} AND u.username = ${username}`
  if (row === undefined) return undefined
  const { roles, department, ...user } = row
  const names = roles.map(({ name }) => name).sort()
  const own = new Map(roles.map(({ name, permissions }) => [name, permissions ?? []]))
  return {
    ...user,
    department: department ?? undefined,
    roles: names,
    permissions: row.active ? permissionsOf(names, own, inPlatform) : [],
  }
})
