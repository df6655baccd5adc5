/** Groups, the roles that they give to their members, and who is in them. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { type Changing, changing, keepingAnAdmin, type Parts, requireHeld } from "./change.ts"
import type { DirectoryService, Group } from "./directory.ts"
import { countGroups, groupNamed, groupRow, groupRows, setGroupRoles } from "./group-rows.ts"
import { directoryLimits } from "./limits.ts"
import { badGroup, groupTaken, notMember, staleGroup, tooManyGroups } from "./refusals.ts"
import { permissionsOfRoles } from "./role-rows.ts"
import { touchUser, userRow, userRows } from "./user-rows.ts"

type Groups = Pick<
  DirectoryService,
  | "groups"
  | "group"
  | "createGroup"
  | "changeGroup"
  | "deleteGroup"
  | "members"
  | "addMember"
  | "removeMember"
>

const content = ({ name, description, roles }: Group) => ({ name, description, roles })
const ofGroup = (action: string, objectId: string, before: unknown, after: unknown) => ({
  action,
  objectType: "group",
  objectId,
  before,
  after,
})

const requireName = Effect.fnUntraced(function* (sql: SqlClient, tenant: string, name: string, own?: string) {
  if (name.trim() === "") return yield* badGroup("name", "it is empty")
  const other = yield* groupNamed(sql, tenant, name)
  if (other !== undefined && other !== own) return yield* groupTaken(name)
})

/** Members get what is new. */
const requireRoles = Effect.fnUntraced(function* (
  change: Changing,
  roles: ReadonlyArray<string>,
  before: ReadonlyArray<string> = [],
) {
  if (roles.length > directoryLimits.groupRolesMax)
    return yield* badGroup("roles", `at most ${directoryLimits.groupRolesMax} roles`)
  const added = roles.filter((role) => !before.includes(role))
  yield* requireHeld(change, yield* permissionsOfRoles(change, added))
})

const known = Effect.fnUntraced(function* ({ sql, by }: Changing, id: string, version?: number) {
  const group = yield* groupRow(sql, by.tenant, id)
  if (version !== undefined && version !== group.version) return yield* staleGroup(group.version)
  return group
})

const makeMembers = (parts: Parts): Pick<Groups, "members" | "addMember" | "removeMember"> => ({
  members: Effect.fn("Directory.members")((tenant, group, page) =>
    parts.tenancy.within(tenant, (sql) =>
      Effect.andThen(groupRow(sql, tenant, group), userRows(sql, tenant, { ...page, group })),
    ),
  ),

  addMember: Effect.fn("Directory.addMember")((by, group, userId) =>
    changing(parts, by, (change) =>
      Effect.gen(function* () {
        const { sql, note } = change
        const { roles } = yield* groupRow(sql, by.tenant, group)
        yield* userRow(sql, by.tenant, userId)
        yield* requireHeld(change, yield* permissionsOfRoles(change, roles))
        const added = yield* sql`INSERT INTO memberships (tenant, group_id, user_id, source)
          VALUES (${by.tenant}, ${group}::text::uuid, ${userId}::text::uuid, 'hand')
          ON CONFLICT DO NOTHING RETURNING source`
        if (added.length === 0) return
        yield* touchUser(sql, by.tenant, userId)
        note(ofGroup("group.member.add", group, undefined, { user: userId }))
      }),
    ),
  ),

  removeMember: Effect.fn("Directory.removeMember")((by, group, userId) =>
    changing(parts, by, (change) =>
      Effect.gen(function* () {
        const { sql, note } = change
        yield* groupRow(sql, by.tenant, group)
        yield* userRow(sql, by.tenant, userId)
        const write = sql`DELETE FROM memberships WHERE tenant = ${by.tenant}
          AND group_id = ${group}::text::uuid AND user_id = ${userId}::text::uuid RETURNING source`
        const removed = yield* keepingAnAdmin(change, write)
        if (removed.length === 0) return yield* notMember(userId)
        yield* touchUser(sql, by.tenant, userId)
        note(ofGroup("group.member.remove", group, { user: userId }, undefined))
      }),
    ),
  ),
})

export const makeGroups = (parts: Parts): Groups => {
  const { within } = parts.tenancy

  const createGroup: Groups["createGroup"] = Effect.fn("Directory.createGroup")(
    (by, { name, description, roles }) =>
      changing(parts, by, (change) =>
        Effect.gen(function* () {
          const { sql, note } = change
          yield* requireName(sql, by.tenant, name)
          yield* requireRoles(change, roles)
          if ((yield* countGroups(sql, by.tenant)) >= directoryLimits.groupsMax)
            return yield* tooManyGroups(directoryLimits.groupsMax)
          const id = randomUUID()
          yield* sql`INSERT INTO groups (tenant, id, name, name_key, description)
          VALUES (${by.tenant}, ${id}::text::uuid, ${name}, ${name.toLowerCase()}, ${description})`
          yield* setGroupRoles(sql, by.tenant, id, roles)
          const group = yield* groupRow(sql, by.tenant, id)
          note(ofGroup("group.create", id, undefined, content(group)))
          return group
        }),
      ),
  )

  const changeGroup: Groups["changeGroup"] = Effect.fn("Directory.changeGroup")((by, id, wanted, version) =>
    changing(parts, by, (change) =>
      Effect.gen(function* () {
        const { sql, note } = change
        const group = yield* known(change, id, version)
        const { name = group.name, description = group.description, roles = group.roles } = wanted
        yield* requireName(sql, by.tenant, name, id)
        // Providers fill groups by name: a new name may give the group's roles to others.
        yield* requireRoles(change, roles, name === group.name ? group.roles : [])
        yield* sql`UPDATE groups SET name = ${name}, name_key = ${name.toLowerCase()}, description = ${description},
            version = version + 1 WHERE tenant = ${by.tenant} AND id = ${id}::text::uuid`
        yield* keepingAnAdmin(change, setGroupRoles(sql, by.tenant, id, roles))
        const after = yield* groupRow(sql, by.tenant, id)
        note(ofGroup("group.change", id, content(group), content(after)))
        return after
      }),
    ),
  )

  const deleteGroup: Groups["deleteGroup"] = Effect.fn("Directory.deleteGroup")((by, id, version) =>
    changing(parts, by, (change) =>
      Effect.gen(function* () {
        const { sql, note } = change
        const group = yield* known(change, id, version)
        const write = sql`DELETE FROM groups WHERE tenant = ${by.tenant} AND id = ${id}::text::uuid`
        yield* keepingAnAdmin(change, write)
        note(ofGroup("group.delete", id, { ...content(group), members: group.members }, undefined))
      }),
    ),
  )

  return {
    groups: Effect.fn("Directory.groups")((tenant, search) =>
      within(tenant, (sql) => groupRows(sql, tenant, search)),
    ),
    group: Effect.fn("Directory.group")((tenant, id) => within(tenant, (sql) => groupRow(sql, tenant, id))),
    createGroup,
    changeGroup,
    deleteGroup,
    ...makeMembers(parts),
  }
}
