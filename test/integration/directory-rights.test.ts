/** Who may do what, that nobody gets more by any way there is, and that a tenant keeps an administrator. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { directoryLimits } from "../../resources/directory/limits.ts"
import { Directory, Tenancy } from "../../resources/index.ts"
import { by, directory, login, refusal } from "../support/directory.ts"

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
      yield* TestClock.adjust(directoryLimits.accessKeepMs)
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
