/** The roles that a tenant makes for itself. */
import * as Effect from "effect/Effect"
import { everyPermission, isPermission } from "../../schemas/index.ts"
import { type Changing, changing, type Parts, requireHeld } from "./change.ts"
import type { DirectoryService, Role } from "./directory.ts"
import { directoryLimits } from "./limits.ts"
import {
  badRoleName,
  builtinRole,
  roleInUse,
  roleTaken,
  staleRole,
  tooManyRoles,
  unknownPermission,
} from "./refusals.ts"
import { isBuiltin } from "./rights.ts"
import { roleRow, roleRows } from "./role-rows.ts"

type Roles = Pick<DirectoryService, "roles" | "role" | "createRole" | "changeRole" | "deleteRole">

/** Capital letters only: no role looks like another. */
const namePattern = /^[A-Z][A-Z0-9_]{0,63}$/

const requireKnown = Effect.fnUntraced(function* (permissions: ReadonlyArray<string>, inPlatform: boolean) {
  for (const permission of permissions) {
    if (permission !== everyPermission && !isPermission(permission))
      return yield* unknownPermission(permission, "there is no such permission")
    if (permission === "tenant:manage" && !inPlatform)
      return yield* unknownPermission(permission, "only roles of the platform's own tenant can hold it")
  }
})

/** Only what is new has to be held: whoever changes a text takes nothing. */
const requireGrantable = Effect.fnUntraced(function* (
  change: Changing,
  permissions: ReadonlyArray<string>,
  before: ReadonlyArray<string> = [],
) {
  yield* requireKnown(permissions, change.inPlatform)
  yield* requireHeld(
    change,
    permissions.filter((permission) => !before.includes(permission)),
  )
})

/** The tenant's own role, in the version that the caller knows. */
const changeable = Effect.fnUntraced(function* ({ sql, by }: Changing, name: string, version?: number) {
  const role = yield* roleRow(sql, by.tenant, name)
  if (role.builtin) return yield* builtinRole(name)
  if (version !== undefined && version !== role.version) return yield* staleRole(role.version)
  return role
})

const sorted = (permissions: ReadonlyArray<string>) => [...new Set(permissions)].sort()
const content = ({ description, permissions }: Role) => ({ description, permissions })

export const makeRoles = (parts: Parts): Roles => {
  const { within } = parts.tenancy

  const createRole: Roles["createRole"] = Effect.fn("Directory.createRole")(
    (by, { name, description, permissions }) =>
      changing(parts, by, (change) =>
        Effect.gen(function* () {
          const { sql, note } = change
          if (isBuiltin(name)) return yield* roleTaken(name)
          if (!namePattern.test(name)) return yield* badRoleName(name)
          yield* requireGrantable(change, permissions)
          const known = yield* roleRows(sql, by.tenant)
          if (known.some((role) => role.name === name)) return yield* roleTaken(name)
          if (known.filter((role) => !role.builtin).length >= directoryLimits.rolesMax)
            return yield* tooManyRoles(directoryLimits.rolesMax)
          yield* sql`INSERT INTO roles (tenant, name, description, permissions)
          VALUES (${by.tenant}, ${name}, ${description}, ${JSON.stringify(sorted(permissions))}::text::jsonb)`
          const role = yield* roleRow(sql, by.tenant, name)
          note({ action: "role.create", objectType: "role", objectId: name, after: content(role) })
          return role
        }),
      ),
  )

  const changeRole: Roles["changeRole"] = Effect.fn("Directory.changeRole")((by, name, wanted, version) =>
    changing(parts, by, (change) =>
      Effect.gen(function* () {
        const { sql, note } = change
        const role = yield* changeable(change, name, version)
        const { description = role.description, permissions = role.permissions } = wanted
        yield* requireGrantable(change, permissions, role.permissions)
        yield* sql`UPDATE roles SET description = ${description}, version = version + 1,
            permissions = ${JSON.stringify(sorted(permissions))}::text::jsonb
          WHERE tenant = ${by.tenant} AND name = ${name}`
        const after = yield* roleRow(sql, by.tenant, name)
        const [was, is] = [content(role), content(after)]
        note({ action: "role.change", objectType: "role", objectId: name, before: was, after: is })
        return after
      }),
    ),
  )

  const deleteRole: Roles["deleteRole"] = Effect.fn("Directory.deleteRole")((by, name, version) =>
    changing(parts, by, (change) =>
      Effect.gen(function* () {
        const { sql, note } = change
        const role = yield* changeable(change, name, version)
        const [use] = yield* sql<{ users: number; groups: number }>`SELECT
          (SELECT count(*)::int FROM user_roles WHERE tenant = ${by.tenant} AND role = ${name}) AS users,
          (SELECT count(*)::int FROM group_roles WHERE tenant = ${by.tenant} AND role = ${name}) AS groups`
        if (use!.users + use!.groups > 0) return yield* roleInUse(name, use!.users, use!.groups)
        yield* sql`DELETE FROM roles WHERE tenant = ${by.tenant} AND name = ${name}`
        note({ action: "role.delete", objectType: "role", objectId: name, before: content(role) })
      }),
    ),
  )

  return {
    roles: Effect.fn("Directory.roles")((tenant) => within(tenant, (sql) => roleRows(sql, tenant))),
    role: Effect.fn("Directory.role")((tenant, name) => within(tenant, (sql) => roleRow(sql, tenant, name))),
    createRole,
    changeRole,
    deleteRole,
  }
}
