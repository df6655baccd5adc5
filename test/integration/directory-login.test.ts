/** Who gets in: users follow what their identity provider says, and no account is ever taken over. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Directory } from "../../resources/index.ts"
import { by, claims, directory, login, refusal } from "../support/directory.ts"

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
