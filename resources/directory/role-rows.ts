/** Reads roles: those that every tenant has, which are code, and the tenant's own. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { builtinRoles } from "../../schemas/index.ts"
import type { Refused } from "../refusal.ts"
import type { Changing } from "./change.ts"
import type { Role } from "./directory.ts"
import { unknownRole } from "./refusals.ts"
import { isBuiltin, permissionsOf } from "./rights.ts"

const builtinTexts: Record<keyof typeof builtinRoles, string> = {
  ADMIN: "may do everything in the tenant",
  OPERATOR: "runs agents, rules and infrastructure",
  USER: "works with agents and language models",
  VIEWER: "looks, and changes nothing",
}

/** They never change: their version is always 1. */
const builtin: ReadonlyArray<Role> = Object.entries(builtinRoles).map(([name, permissions]) => ({
  name,
  description: builtinTexts[name as keyof typeof builtinRoles],
  permissions,
  builtin: true,
  version: 1,
}))

/** Built-in ones first, then by name. */
export const roleRows = (sql: SqlClient, tenant: string): Effect.Effect<ReadonlyArray<Role>, SqlError> =>
  Effect.map(
    sql<Role>`SELECT name, description, permissions, false AS builtin, version FROM roles
      WHERE tenant = ${tenant} ORDER BY name`,
    (own) => [...builtin, ...own],
  )

/** Errors: 404 `USR_ROLE_001`. */
export const roleRow = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  name: string,
): Effect.fn.Return<Role, Refused | SqlError> {
  const known = builtin.find((role) => role.name === name)
  if (known !== undefined) return known
  const [row] = yield* sql<Role>`SELECT name, description, permissions, false AS builtin, version FROM roles
    WHERE tenant = ${tenant} AND name = ${name}`
  return row ?? (yield* unknownRole(name, "not-found"))
})

/** What these roles grant together. Errors: `USR_ROLE_001` when one does not exist. */
export const permissionsOfRoles = Effect.fnUntraced(function* (
  { sql, by, inPlatform }: Pick<Changing, "sql" | "by" | "inPlatform">,
  roles: ReadonlyArray<string>,
  otherwise: "not-found" | "invalid" = "invalid",
): Effect.fn.Return<ReadonlyArray<string>, Refused | SqlError> {
  const named = roles.filter((role) => !isBuiltin(role))
  const rows =
    named.length === 0
      ? []
      : yield* sql<Pick<Role, "name" | "permissions">>`SELECT name, permissions FROM roles
          WHERE tenant = ${by.tenant} AND ${sql.in("name", named)}`
  const own = new Map(rows.map(({ name, permissions }) => [name, permissions]))
  const unknown = named.find((role) => !own.has(role))
  if (unknown !== undefined)
    return yield* unknownRole(unknown, otherwise, otherwise === "invalid" ? "roles" : "role")
  return permissionsOf(roles, own, inPlatform)
})
