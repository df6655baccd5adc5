/** Users, groups and roles of a tenant on a real database: who gets in, who may do what, and what nobody may do. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import {
  type AuditEntry,
  type ChangedBy,
  Changes,
  type Claims,
  Directory,
  Refused,
  Tenancy,
  tenantTables,
} from "../../resources/index.ts"
import { ephemeralDatabase } from "../support/database.ts"

const directory = Directory.layer({ administrators: ["boss", "acme/chief"] }).pipe(
  Layer.provideMerge(
    Layer.merge(
      Changes.layerLocal,
      Tenancy.layer(tenantTables).pipe(Layer.provideMerge(ephemeralDatabase())),
    ),
  ),
)

const claims = (username: string, more: Partial<Claims> = {}): Claims => ({
  issuer: "https://issuer.test",
  subject: `subject of ${username}`,
  username,
  email: `${username}@example.test`,
  ...more,
})
const by = (user: string, tenant = "default"): ChangedBy => ({ tenant, user, requestId: "r-1" })
const nobody = "00000000-0000-4000-8000-000000000000"

const login = Effect.fnUntraced(function* (username: string, more: Partial<Claims> = {}, tenant = "default") {
  return yield* (yield* Directory).provision(tenant, claims(username, more), by("system", tenant))
})

/** The code of the refusal, with its reason. */
const refusal = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (failure) => {
    expect(failure).toBeInstanceOf(Refused)
    const { reason, code } = failure as unknown as Refused
    return `${reason} ${code}`
  })

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

/** Somebody who may do exactly this, through a role of its own. */
const holder = Effect.fnUntraced(function* (
  username: string,
  role: string,
  permissions: ReadonlyArray<string>,
) {
  const { createRole, grantRole, revokeRole } = yield* Directory
  yield* createRole(by("system"), { name: role, description: "", permissions })
  const user = yield* login(username)
  yield* revokeRole(by("system"), user.id, "USER")
  return yield* grantRole(by("system"), user.id, role)
})

layer(directory, { timeout: 60_000 })("logging in", (it) => {
  it.effect("makes a user with the role USER, and finds the same user again", () =>
    Effect.gen(function* () {
      const first = yield* login("minji", { name: "민지", department: "AI" })
      expect(first).toMatchObject({
        username: "minji",
        username_kr: "민지",
        department: "AI",
        role: "USER",
        roles: ["USER"],
        is_active: true,
        version: 1,
      })
      expect(first.last_login_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      const again = yield* login("minji", { name: "민지", department: "AI" })
      expect({ ...again, last_login_at: "" }).toEqual({ ...first, last_login_at: "" })
      const changed = yield* login("minji", { department: "Platform" })
      expect(changed).toMatchObject({ id: first.id, department: "Platform", username_kr: "민지", version: 2 })
    }),
  )

  it.effect("makes those ADMIN whom the configuration names, in their own tenant only", () =>
    Effect.gen(function* () {
      const { access } = yield* Directory
      expect((yield* login("boss")).role).toBe("ADMIN")
      expect((yield* login("chief", {}, "acme")).role).toBe("ADMIN")
      expect((yield* login("boss", {}, "acme")).role).toBe("USER")
      expect((yield* access("default", "boss"))?.permissions).toEqual(
        expect.arrayContaining(["*", "tenant:manage"]),
      )
      expect((yield* access("acme", "chief"))?.permissions).not.toContain("tenant:manage")
    }),
  )

  it.effect("never takes an account over: neither by its name nor from another issuer", () =>
    Effect.gen(function* () {
      yield* login("owner")
      const taken = "conflict USR_USER_002"
      expect(yield* refusal(login("owner", { subject: "somebody else" }))).toBe(taken)
      expect(yield* refusal(login("OWNER", { subject: "somebody else" }))).toBe(taken)
      expect(yield* refusal(login("owner", { issuer: "https://other.test" }))).toBe(taken)
      // The provider renamed the person: the account keeps the name that everything it did is recorded under.
      expect((yield* login("renamed", { subject: "subject of owner" })).username).toBe("owner")
    }),
  )

  it.effect("refuses claims that cannot be, and the name of the node itself", () =>
    Effect.gen(function* () {
      for (const bad of [
        claims("System"),
        claims(""),
        claims("a\nb"),
        claims("x".repeat(129)),
        claims("many", { groups: Array.from({ length: 1_001 }, (_, index) => `g${index}`) }),
      ]) {
        const { provision } = yield* Directory
        expect(yield* refusal(provision("default", bad, by("system")))).toBe("invalid USR_USER_003")
      }
    }),
  )

  it.effect("does not bring a deactivated user back", () =>
    Effect.gen(function* () {
      const { setActive, access } = yield* Directory
      const { id } = yield* login("leaver")
      yield* setActive(by("system"), id, false)
      expect(yield* refusal(login("leaver"))).toBe("forbidden USR_AUTH_005")
      expect(yield* access("default", "leaver")).toMatchObject({ active: false, permissions: [] })
    }),
  )

  it.effect("follows the provider's groups, and leaves those alone that were entered by hand", () =>
    Effect.gen(function* () {
      const { createGroup, addMember, members, groups } = yield* Directory
      const hand = yield* createGroup(by("system"), { name: "By hand", description: "", roles: [] })
      const { id } = yield* login("mover", { groups: ["Red", "blue", "RED", " "] })
      yield* addMember(by("system"), hand.id, id)
      const names = (user: { readonly groups: ReadonlyArray<{ readonly name: string }> }) =>
        user.groups.map(({ name }) => name)
      expect(names(yield* login("mover"))).toEqual(["blue", "By hand", "RED"])
      expect(names(yield* login("mover", { groups: ["Green", "blue"] }))).toEqual([
        "blue",
        "By hand",
        "Green",
      ])
      expect(names(yield* login("mover", { groups: [] }))).toEqual(["By hand"])
      const [red] = (yield* groups("default", { page: 1, limit: 10, search: "red" })).rows
      expect(red).toMatchObject({ name: "RED", members: 0 })
      expect((yield* members("default", hand.id, { page: 1, limit: 10 })).total).toBe(1)
    }),
  )

  it.effect("of one new user twice at once makes one user", () =>
    Effect.gen(function* () {
      const both = yield* Effect.all([login("twin"), login("twin")], { concurrency: "unbounded" })
      expect(both[0].id).toBe(both[1].id)
    }),
  )
})

layer(directory, { timeout: 60_000 })("rights", (it) => {
  it.effect("come from own roles and those of groups, and a change is seen at once", () =>
    Effect.gen(function* () {
      const { createRole, createGroup, changeGroup, addMember, access, accessKnown } = yield* Directory
      const { id } = yield* login("reader")
      yield* createRole(by("system"), { name: "AUDITOR", description: "", permissions: ["audit:read"] })
      const group = yield* createGroup(by("system"), {
        name: "auditors",
        description: "",
        roles: ["AUDITOR"],
      })
      expect((yield* access("default", "reader"))?.roles).toEqual(["USER"])
      expect(accessKnown("default", "reader", 0)?.roles).toEqual(["USER"])
      yield* addMember(by("system"), group.id, id)
      expect(accessKnown("default", "reader", 0)).toBeUndefined()
      const granted = yield* access("default", "reader")
      expect(granted).toMatchObject({ user_id: id, roles: ["AUDITOR", "USER"], groups: [group.id] })
      expect(granted?.permissions).toContain("audit:read")
      yield* changeGroup(by("system"), group.id, { roles: [] })
      expect((yield* access("default", "reader"))?.permissions).not.toContain("audit:read")
    }),
  )

  it.effect("are kept for a bounded time, also that there is no such user", () =>
    Effect.gen(function* () {
      const { access } = yield* Directory
      const { management } = yield* Tenancy
      const { id } = yield* login("kept")
      const before = yield* access("default", "kept")
      expect(yield* access("default", "nobody")).toBeUndefined()
      // Behind the directory's back, as on a node that never heard of the change.
      yield* management`UPDATE users SET is_active = false WHERE id = ${id}::text::uuid`
      expect(yield* access("default", "kept")).toBe(before)
      yield* TestClock.adjust(5_000)
      expect((yield* access("default", "kept"))?.active).toBe(false)
    }),
  )

  it.effect("cannot be granted by whoever does not hold them, by no way there is", () =>
    Effect.gen(function* () {
      const service = yield* Directory
      const admin = yield* login("boss")
      const rights = ["user:write", "group:write", "role:write", "chat:use"]
      const self = yield* holder("helper", "HELPER", rights)
      const as = by("helper")
      const escalation = "forbidden USR_ROLE_007"
      const mighty = yield* service.createGroup(by("system"), {
        name: "mighty",
        description: "",
        roles: ["ADMIN"],
      })
      const weak = yield* service.createGroup(by("system"), {
        name: "weak",
        description: "",
        roles: ["HELPER"],
      })
      const role = { name: "WIDE", description: "", permissions: ["audit:read"] }
      for (const way of [
        service.grantRole(as, self.id, "ADMIN"),
        service.grantRole(as, self.id, "OPERATOR"),
        service.addMember(as, mighty.id, self.id),
        service.changeGroup(as, weak.id, { roles: ["HELPER", "ADMIN"] }),
        service.changeGroup(as, mighty.id, { name: "everybody" }),
        service.createGroup(as, { name: "new", description: "", roles: ["ADMIN"] }),
        service.createRole(as, role),
        service.createRole(as, { ...role, permissions: ["*"] }),
        service.changeRole(as, "HELPER", { permissions: [...rights, "audit:read"] }),
      ])
        expect(yield* refusal(way as Effect.Effect<unknown, unknown>)).toBe(escalation)
      // What the caller holds is no problem, and a mightier credential than its owner does not help.
      yield* service.createRole(as, { ...role, permissions: ["chat:use"] })
      yield* service.addMember(as, weak.id, self.id)
      const boasting = { ...as, permissions: new Set(["*"]) }
      expect(yield* refusal(service.grantRole(boasting, self.id, "ADMIN"))).toBe(escalation)
      // An administrator's API key with few scopes grants no more than these.
      const scoped = { ...by("boss"), permissions: new Set(["user:write", "chat:use"]) }
      expect(yield* refusal(service.grantRole(scoped, self.id, "ADMIN"))).toBe(escalation)
      yield* service.grantRole(scoped, self.id, "WIDE")
      // Whoever activates an account gives it its rights back.
      yield* service.grantRole(by("boss"), self.id, "ADMIN")
      yield* service.setActive(by("system"), admin.id, false)
      yield* service.revokeRole(by("system"), self.id, "ADMIN").pipe(Effect.flip)
      const second = yield* login("second")
      yield* service.grantRole(by("system"), second.id, "ADMIN")
      yield* service.revokeRole(by("system"), self.id, "ADMIN")
      expect(yield* refusal(service.setActive(as, admin.id, true))).toBe(escalation)
      yield* service.setActive(by("second"), admin.id, true)
    }),
  )

  it.effect("over tenants are granted in the platform's tenant only", () =>
    Effect.gen(function* () {
      const { createRole, access } = yield* Directory
      const role = { name: "LANDLORD", description: "", permissions: ["tenant:manage"] }
      yield* login("chief", {}, "acme")
      expect(yield* refusal(createRole(by("chief", "acme"), role))).toBe("invalid USR_ROLE_005")
      expect(yield* refusal(createRole(by("system", "acme"), role))).toBe("invalid USR_ROLE_005")
      yield* createRole(by("system"), role)
      expect((yield* access("acme", "chief"))?.permissions).not.toContain("tenant:manage")
    }),
  )

  it.effect("of nobody are changed by somebody who is unknown or deactivated", () =>
    Effect.gen(function* () {
      const { grantRole, setActive } = yield* Directory
      const { id } = yield* login("target")
      expect(yield* refusal(grantRole(by("ghost"), id, "VIEWER"))).toBe("forbidden USR_ROLE_007")
      const gone = yield* login("gone")
      yield* grantRole(by("system"), gone.id, "ADMIN")
      yield* setActive(by("system"), gone.id, false)
      expect(yield* refusal(grantRole(by("gone"), id, "VIEWER"))).toBe("forbidden USR_ROLE_007")
    }),
  )
})

layer(directory, { timeout: 60_000 })("a tenant's last administrator", (it) => {
  it.effect("stays one, whichever way it is tried", () =>
    Effect.gen(function* () {
      const service = yield* Directory
      const as = by("chief", "acme")
      const chief = yield* login("chief", {}, "acme")
      const last = "conflict USR_ROLE_006"
      expect(yield* refusal(service.setActive(as, chief.id, false))).toBe(last)
      expect(yield* refusal(service.revokeRole(as, chief.id, "ADMIN"))).toBe(last)
      const group = yield* service.createGroup(as, { name: "admins", description: "", roles: ["ADMIN"] })
      yield* service.addMember(as, group.id, chief.id)
      // Through the group it is one still.
      yield* service.revokeRole(as, chief.id, "ADMIN")
      expect(yield* refusal(service.removeMember(as, group.id, chief.id))).toBe(last)
      expect(yield* refusal(service.changeGroup(as, group.id, { roles: [] }))).toBe(last)
      expect(yield* refusal(service.deleteGroup(as, group.id))).toBe(last)
      const other = yield* login("other", {}, "acme")
      yield* service.grantRole(as, other.id, "ADMIN")
      yield* service.deleteGroup(as, group.id)
      expect((yield* service.user("acme", chief.id)).role).toBe("USER")
    }),
  )

  it.effect("is counted right when two resign at once", () =>
    Effect.gen(function* () {
      const { grantRole, revokeRole, users } = yield* Directory
      const tenant = "two"
      const both = [yield* login("one", {}, tenant), yield* login("other", {}, tenant)]
      for (const { id } of both) yield* grantRole(by("system", tenant), id, "ADMIN")
      const exits = yield* Effect.all(
        both.map(({ id }) => Effect.exit(revokeRole(by("system", tenant), id, "ADMIN"))),
        { concurrency: "unbounded" },
      )
      expect(exits.map(({ _tag }) => _tag).sort()).toEqual(["Failure", "Success"])
      expect((yield* users(tenant, { page: 1, limit: 10, role: "ADMIN" })).total).toBe(1)
    }),
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
