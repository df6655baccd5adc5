/** Users, groups and roles as administrators see and change them, on a real database. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type AuditEntry, Directory, Tenancy } from "../../resources/index.ts"
import { by, directory, login, refusal } from "../support/directory.ts"

const nobody = "00000000-0000-4000-8000-000000000000"

const auditOf = Effect.fnUntraced(function* (tenant: string) {
  const { within } = yield* Tenancy
  return yield* within(
    tenant,
    (
      sql,
    ) => sql<AuditEntry>`SELECT action, actor, object_type, object_id, before, after, request_id FROM audit_log
      WHERE tenant = ${tenant} ORDER BY sequence`,
  )
})

layer(directory, { timeout: 60_000 })("administration", (it) => {
  it.effect("lists users by page, state, name, group and role", () =>
    Effect.gen(function* () {
      const { users, createGroup, addMember, setActive, grantRole } = yield* Directory
      const as = by("system", "list")
      const ids: Array<string> = []
      for (const name of ["ann", "bert", "100%_sure", "Dora"]) ids.push((yield* login(name, {}, "list")).id)
      const group = yield* createGroup(as, { name: "watchers", description: "", roles: ["VIEWER"] })
      yield* addMember(as, group.id, ids[0]!)
      yield* grantRole(as, ids[1]!, "OPERATOR")
      yield* setActive(as, ids[3]!, false)
      const found = (search: object) =>
        Effect.map(users("list", { page: 1, limit: 10, ...search }), ({ rows, total }) => {
          expect(total).toBe(rows.length)
          return rows.map(({ username }) => username)
        })
      expect(yield* found({})).toEqual(["100%_sure", "ann", "bert", "Dora"])
      expect(yield* found({ active: false })).toEqual(["Dora"])
      expect(yield* found({ search: "BER" })).toEqual(["bert"])
      expect(yield* found({ search: "%_" })).toEqual(["100%_sure"])
      expect(yield* found({ search: "n%" })).toEqual([])
      expect(yield* found({ group: group.id })).toEqual(["ann"])
      expect(yield* found({ group: "no id" })).toEqual([])
      expect(yield* found({ role: "VIEWER" })).toEqual(["ann"])
      expect(yield* found({ role: "OPERATOR", active: true })).toEqual(["bert"])
      const second = yield* users("list", { page: 2, limit: 3 })
      expect([second.total, second.rows.map(({ username }) => username)]).toEqual([4, ["Dora"]])
      expect((yield* users("list", { page: 9, limit: 3 })).total).toBe(4)
    }),
  )

  it.effect("refuses what is based on an old version, and says which is current", () =>
    Effect.gen(function* () {
      const service = yield* Directory
      const as = by("system", "versions")
      const user = yield* login("v", {}, "versions")
      const group = yield* service.createGroup(as, { name: "g", description: "", roles: [] })
      const role = yield* service.createRole(as, { name: "R", description: "", permissions: [] })
      expect((yield* service.setActive(as, user.id, false, user.version)).version).toBe(2)
      yield* service.changeGroup(as, group.id, { description: "new" }, group.version)
      yield* service.changeRole(as, "R", { description: "new" }, role.version)
      expect(yield* refusal(service.setActive(as, user.id, true, user.version))).toBe("stale USR_USER_004")
      expect(yield* refusal(service.changeGroup(as, group.id, {}, group.version))).toBe("stale USR_GRP_003")
      expect(yield* refusal(service.deleteGroup(as, group.id, group.version))).toBe("stale USR_GRP_003")
      expect(yield* refusal(service.changeRole(as, "R", {}, role.version))).toBe("stale USR_ROLE_008")
      expect(yield* refusal(service.deleteRole(as, "R", role.version))).toBe("stale USR_ROLE_008")
    }),
  )

  it.effect("names what does not exist, is taken, or is in use", () =>
    Effect.gen(function* () {
      const service = yield* Directory
      const as = by("system", "names")
      const { id } = yield* login("n", {}, "names")
      const group = yield* service.createGroup(as, { name: "Group", description: "", roles: [] })
      const made = { description: "", permissions: ["chat:use"] }
      yield* service.createRole(as, { name: "MINE", ...made })
      yield* service.grantRole(as, id, "MINE")
      const none = { description: "", roles: [] }
      const cases: ReadonlyArray<readonly [Effect.Effect<unknown, unknown>, string]> = [
        [service.user("names", nobody), "not-found USR_USER_001"],
        [service.user("names", "1; DROP TABLE users"), "not-found USR_USER_001"],
        [service.group("names", nobody), "not-found USR_GRP_001"],
        [service.members("names", nobody, { page: 1, limit: 1 }), "not-found USR_GRP_001"],
        [service.role("names", "NONE"), "not-found USR_ROLE_001"],
        [service.grantRole(as, id, "NONE"), "not-found USR_ROLE_001"],
        [service.grantRole(as, id, "constructor"), "not-found USR_ROLE_001"],
        [service.revokeRole(as, id, "ADMIN"), "not-found USR_ROLE_009"],
        [service.removeMember(as, group.id, id), "not-found USR_GRP_004"],
        [service.createGroup(as, { ...none, name: "group" }), "conflict USR_GRP_002"],
        [service.createGroup(as, { ...none, name: " " }), "invalid USR_GRP_006"],
        [service.createGroup(as, { name: "x", description: "", roles: ["NONE"] }), "invalid USR_ROLE_001"],
        [service.createRole(as, { name: "MINE", ...made }), "conflict USR_ROLE_002"],
        [service.createRole(as, { name: "ADMIN", ...made }), "conflict USR_ROLE_002"],
        [service.createRole(as, { name: "Admin", ...made }), "invalid USR_ROLE_011"],
        [
          service.createRole(as, { name: "X", description: "", permissions: ["fly"] }),
          "invalid USR_ROLE_005",
        ],
        [service.changeRole(as, "USER", { permissions: ["*"] }), "conflict USR_ROLE_003"],
        [service.deleteRole(as, "ADMIN"), "conflict USR_ROLE_003"],
        [service.deleteRole(as, "MINE"), "conflict USR_ROLE_004"],
      ]
      for (const [attempt, expected] of cases) expect(yield* refusal(attempt)).toBe(expected)
      yield* service.revokeRole(as, id, "MINE")
      yield* service.deleteRole(as, "MINE")
    }),
  )

  it.effect("of one tenant finds nothing of another", () =>
    Effect.gen(function* () {
      const service = yield* Directory
      const theirs = yield* login("theirs", {}, "theirs")
      const group = yield* service.createGroup(by("system", "theirs"), {
        name: "g",
        description: "",
        roles: [],
      })
      yield* service.createRole(by("system", "theirs"), { name: "THEIRS", description: "", permissions: [] })
      const as = by("system", "ours")
      const ours = yield* login("ours", {}, "ours")
      const unknownUser = "not-found USR_USER_001"
      const unknownGroup = "not-found USR_GRP_001"
      expect(yield* refusal(service.user("ours", theirs.id))).toBe(unknownUser)
      expect(yield* refusal(service.setActive(as, theirs.id, false))).toBe(unknownUser)
      expect(yield* refusal(service.grantRole(as, theirs.id, "USER"))).toBe(unknownUser)
      expect(yield* refusal(service.group("ours", group.id))).toBe(unknownGroup)
      expect(yield* refusal(service.deleteGroup(as, group.id))).toBe(unknownGroup)
      expect(yield* refusal(service.addMember(as, group.id, ours.id))).toBe(unknownGroup)
      expect(yield* refusal(service.grantRole(as, ours.id, "THEIRS"))).toBe("not-found USR_ROLE_001")
      expect((yield* service.users("ours", { page: 1, limit: 10 })).total).toBe(1)
      expect(yield* service.access("ours", "theirs")).toBeUndefined()
      // The same person, known to both, is two users.
      expect((yield* login("theirs", {}, "ours")).id).not.toBe(theirs.id)
    }),
  )

  it.effect("leaves one entry in the audit log for each change, and none for what was refused", () =>
    Effect.gen(function* () {
      const service = yield* Directory
      const tenant = "audited"
      const as = by("system", tenant)
      const { id } = yield* login("a", { groups: ["P"] }, tenant)
      yield* login("a", { groups: [] }, tenant)
      yield* login("a", { email: "new@example.test" }, tenant)
      yield* login("a", { email: "new@example.test" }, tenant)
      yield* service.grantRole(as, id, "OPERATOR")
      yield* service.grantRole(as, id, "OPERATOR")
      yield* service.revokeRole(as, id, "OPERATOR")
      yield* service.setActive(as, id, false)
      yield* service.setActive(as, id, true)
      const role = { name: "R", description: "", permissions: [] }
      yield* service.createRole(as, role)
      yield* service.changeRole(as, "R", { permissions: ["chat:use"] })
      const group = yield* service.createGroup(as, { name: "g", description: "", roles: ["R"] })
      yield* service.addMember(as, group.id, id)
      yield* service.removeMember(as, group.id, id)
      yield* service.changeGroup(as, group.id, { roles: [] })
      yield* service.deleteGroup(as, group.id)
      yield* service.deleteRole(as, "R")
      yield* refusal(service.createRole(as, { ...role, permissions: ["fly"] }))
      const entries = yield* auditOf(tenant)
      expect(entries.map(({ action }) => action)).toEqual([
        "user.create",
        "group.create",
        "group.member.add",
        "group.member.remove",
        "user.change",
        "user.role.grant",
        "user.role.revoke",
        "user.deactivate",
        "user.activate",
        "role.create",
        "role.change",
        "group.create",
        "group.member.add",
        "group.member.remove",
        "group.change",
        "group.delete",
        "role.delete",
      ])
      expect(entries.every(({ actor, request_id }) => actor === "system" && request_id === "r-1")).toBe(true)
      expect(entries[5]).toMatchObject({
        object_type: "user",
        object_id: id,
        before: { roles: ["USER"] },
        after: { roles: ["USER", "OPERATOR"] },
      })
    }),
  )
})
