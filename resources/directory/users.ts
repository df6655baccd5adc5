/** Users: who they are, whether they are active, and the roles that they were granted themselves. */
import * as Effect from "effect/Effect"
import { changing, keepingAnAdmin, type Parts, requireHeld } from "./change.ts"
import type { DirectoryService, User } from "./directory.ts"
import { roleNotGranted, staleUser } from "./refusals.ts"
import { permissionsOfRoles } from "./role-rows.ts"
import { touchUser, userRow, userRows } from "./user-rows.ts"

type Users = Pick<DirectoryService, "users" | "user" | "setActive" | "grantRole" | "revokeRole">

const ofUser = (action: string, { id }: User, before: unknown, after: unknown) => ({
  action,
  objectType: "user",
  objectId: id,
  before,
  after,
})

export const makeUsers = (parts: Parts): Users => {
  const { within } = parts.tenancy

  const setActive: Users["setActive"] = Effect.fn("Directory.setActive")((by, id, active, version) =>
    changing(parts, by, (change) =>
      Effect.gen(function* () {
        const { sql, note } = change
        const user = yield* userRow(sql, by.tenant, id)
        if (version !== undefined && version !== user.version) return yield* staleUser(user.version)
        if (user.is_active === active) return user
        // Whoever activates an account hands its rights back to it.
        if (active) yield* requireHeld(change, yield* permissionsOfRoles(change, user.roles))
        const write = sql`UPDATE users SET is_active = ${active}, version = version + 1
          WHERE tenant = ${by.tenant} AND id = ${id}::text::uuid`
        yield* keepingAnAdmin(change, write)
        const action = active ? "user.activate" : "user.deactivate"
        note(ofUser(action, user, { is_active: user.is_active }, { is_active: active }))
        return yield* userRow(sql, by.tenant, id)
      }),
    ),
  )

  const grantRole: Users["grantRole"] = Effect.fn("Directory.grantRole")((by, id, role) =>
    changing(parts, by, (change) =>
      Effect.gen(function* () {
        const { sql, note } = change
        const user = yield* userRow(sql, by.tenant, id)
        yield* requireHeld(change, yield* permissionsOfRoles(change, [role], "not-found"))
        if (user.granted_roles.includes(role)) return user
        yield* sql`INSERT INTO user_roles (tenant, user_id, role) VALUES (${by.tenant}, ${id}::text::uuid, ${role})`
        yield* touchUser(sql, by.tenant, id)
        note(
          ofUser(
            "user.role.grant",
            user,
            { roles: user.granted_roles },
            { roles: [...user.granted_roles, role] },
          ),
        )
        return yield* userRow(sql, by.tenant, id)
      }),
    ),
  )

  const revokeRole: Users["revokeRole"] = Effect.fn("Directory.revokeRole")((by, id, role) =>
    changing(parts, by, (change) =>
      Effect.gen(function* () {
        const { sql, note } = change
        const user = yield* userRow(sql, by.tenant, id)
        if (!user.granted_roles.includes(role)) return yield* roleNotGranted(role)
        const write = sql`DELETE FROM user_roles
          WHERE tenant = ${by.tenant} AND user_id = ${id}::text::uuid AND role = ${role}`
        yield* keepingAnAdmin(change, write)
        yield* touchUser(sql, by.tenant, id)
        const left = user.granted_roles.filter((granted) => granted !== role)
        note(ofUser("user.role.revoke", user, { roles: user.granted_roles }, { roles: left }))
        return yield* userRow(sql, by.tenant, id)
      }),
    ),
  )

  return {
    users: Effect.fn("Directory.users")((tenant, search) =>
      within(tenant, (sql) => userRows(sql, tenant, search)),
    ),
    user: Effect.fn("Directory.user")((tenant, id) => within(tenant, (sql) => userRow(sql, tenant, id))),
    setActive,
    grantRole,
    revokeRole,
  }
}
