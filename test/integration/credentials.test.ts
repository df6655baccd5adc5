/** What the stores of credentials promise, on a real database: rotation of keys, theft of tokens, life of API keys. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { makeApiKeyCheck } from "../../resources/credentials/api-key-check.ts"
import {
  ApiKeys,
  Changes,
  defaultCredentialLimits,
  LoginSessions,
  loginTopic,
  Secrets,
  SigningKeys,
  Tenancy,
  tenantTables,
} from "../../resources/index.ts"
import { ephemeralDatabase } from "../support/database.ts"

const limits = { ...defaultCredentialLimits, apiKeysPerUserMax: 2, loginsPerUserMax: 3 }
const secrets = Secrets.layer({ keys: [{ id: "k", key: Buffer.alloc(32, 1) }] })
/** The setting's default. */
const refreshMs = 7 * 86_400_000

const stores = Layer.mergeAll(SigningKeys.layer(limits), LoginSessions.layer(limits), ApiKeys.layer(limits))
const all = stores.pipe(
  Layer.provideMerge(Tenancy.layer(tenantTables).pipe(Layer.provideMerge(ephemeralDatabase()))),
  Layer.provideMerge(Changes.layerLocal),
  Layer.provideMerge(secrets),
)
const { signingKeyRotateMs, signingKeyPublishMs, accessTokenMs, signingKeySlackMs } = limits
const by = { tenant: "t", user: "ann" }
const ann = { user_id: "1", username: "ann" }
const reasonOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (refused) => (refused as { details?: { reason?: string } }).details?.reason)

layer(all, { timeout: 60_000 })("signing keys", (it) => {
  it.effect("are published before they sign, and verify until their last token has expired", () =>
    Effect.gen(function* () {
      const keys = yield* SigningKeys
      const kids = Effect.map(keys.published, (set) => set.keys.map(({ kid }) => kid))
      const signing = Effect.map(keys.signing, ({ kid }) => kid)
      const first = yield* signing
      expect(yield* kids).toEqual([first])
      yield* TestClock.adjust(signingKeyRotateMs)
      const [, second] = yield* kids
      expect(second).toBeDefined()
      expect(yield* signing).toBe(first)
      yield* TestClock.adjust(signingKeyPublishMs)
      expect(yield* signing).toBe(second)
      expect(yield* keys.verifying(first)).toBeDefined()
      yield* TestClock.adjust(accessTokenMs + signingKeySlackMs - 1)
      expect(yield* kids).toEqual([first, second])
      yield* TestClock.adjust(1)
      expect(yield* kids).toEqual([second])
      expect(yield* keys.verifying(first)).toBeUndefined()
    }),
  )

  it.effect("are the same on all nodes that start at once, and sealed where they are stored", () =>
    Effect.gen(function* () {
      const nodes = yield* Effect.all(
        Array.from({ length: 3 }, () => Layer.build(Layer.fresh(SigningKeys.layer(limits)))),
        { concurrency: 3 },
      )
      const kids = yield* Effect.forEach(
        nodes,
        (node) =>
          Effect.provide(
            Effect.flatMap(SigningKeys, ({ signing }) => signing),
            node,
          ),
        { concurrency: 3 },
      )
      expect(new Set(kids.map(({ kid }) => kid)).size).toBe(1)
      const { management } = yield* Tenancy
      const rows = yield* management<{ text: string }>`SELECT signing_keys::text AS text FROM signing_keys`
      for (const { text } of rows) expect(text).not.toMatch(/"d"/)
      const published = yield* Effect.flatMap(SigningKeys, (keys) => keys.published)
      for (const key of published.keys) expect(Object.keys(key)).not.toContain("d")
    }).pipe(Effect.scoped),
  )
})

layer(all, { timeout: 60_000 })("a login", (it) => {
  it.effect("goes on with each new refresh token, and ends when an old one comes back", () =>
    Effect.gen(function* () {
      const logins = yield* LoginSessions
      const changes = yield* Changes
      const started = yield* logins.start(by, ann)
      const second = yield* logins.rotate(started.refreshToken, {})
      expect(second).toMatchObject({ session: started.session, username: "ann", tenant: "t" })
      const third = yield* logins.rotate(second.refreshToken, {})
      const topic = loginTopic("t", started.session)
      const before = changes.generation(topic)
      expect(yield* logins.alive("t", started.session)).toBe(true)
      expect(yield* reasonOf(logins.rotate(started.refreshToken, {}))).toBe("an old one was used")
      expect(yield* logins.alive("t", started.session)).toBe(false)
      expect(changes.generation(topic)).toBeGreaterThan(before)
      expect(yield* reasonOf(logins.rotate(third.refreshToken, {}))).toBe("it was ended")
    }),
  )

  it.effect("is refreshed by one of two uses of a token at once, and ended by the other", () =>
    Effect.gen(function* () {
      const logins = yield* LoginSessions
      for (let round = 0; round < 10; round++) {
        const { refreshToken, session } = yield* logins.start(by, ann)
        const uses = yield* Effect.all(
          [Effect.exit(logins.rotate(refreshToken, {})), Effect.exit(logins.rotate(refreshToken, {}))],
          { concurrency: 2 },
        )
        expect(uses.map(({ _tag }) => _tag).sort()).toEqual(["Failure", "Success"])
        expect(yield* logins.alive("t", session)).toBe(false)
      }
    }),
  )

  it.effect("is not found under another tenant, whatever the token says", () =>
    Effect.gen(function* () {
      const logins = yield* LoginSessions
      const { refreshToken, session } = yield* logins.start(by, ann)
      const elsewhere = refreshToken.replace(/^rt_[^.]+/, `rt_${Buffer.from("u").toString("base64url")}`)
      expect(yield* reasonOf(logins.rotate(elsewhere, {}))).toBe("it is not known")
      expect(yield* logins.alive("u", session)).toBe(false)
      expect(yield* logins.alive("t", session)).toBe(true)
      for (const text of ["", "rt_", `${refreshToken}x`, refreshToken.slice(0, -1), `rt_!.a.b`])
        expect(yield* reasonOf(logins.rotate(text, {}))).toBe("it has another form")
    }),
  )

  it.effect("ends by time: when it is not refreshed, and at last however often it is", () =>
    Effect.gen(function* () {
      const logins = yield* LoginSessions
      const idle = yield* logins.start(by, ann)
      let busy = yield* logins.start(by, ann)
      const step = refreshMs - 1
      for (let at = step; at < limits.loginMs; at += step) {
        yield* TestClock.adjust(step)
        busy = yield* logins.rotate(busy.refreshToken, {})
      }
      expect(yield* reasonOf(logins.rotate(idle.refreshToken, {}))).toBe("it was not used in time")
      expect(yield* logins.alive("t", busy.session)).toBe(true)
      yield* TestClock.adjust(refreshMs)
      expect(yield* logins.alive("t", busy.session)).toBe(false)
      expect(yield* reasonOf(logins.rotate(busy.refreshToken, {}))).toBe("it was not used in time")
      // What has expired goes away with the next login.
      yield* logins.start(by, ann)
      const { within } = yield* Tenancy
      const rows = yield* within("t", (sql) => sql`SELECT 1 FROM logins WHERE session = ${busy.session}`)
      expect(rows).toEqual([])
    }),
  )

  it.effect("more than a user may have ends the oldest", () =>
    Effect.gen(function* () {
      const logins = yield* LoginSessions
      const bob = { user_id: "2", username: "bob" }
      const started = []
      for (let n = 0; n <= limits.loginsPerUserMax; n++) {
        yield* TestClock.adjust(1)
        started.push(yield* logins.start({ tenant: "t", user: "bob" }, bob))
      }
      const alive = yield* Effect.forEach(started, ({ session }) => logins.alive("t", session))
      expect(alive).toEqual([false, true, true, true])
    }),
  )

  it.effect("is stored without anything that would let somebody in", () =>
    Effect.gen(function* () {
      const logins = yield* LoginSessions
      const { refreshToken } = yield* logins.start(by, ann)
      const { within } = yield* Tenancy
      const rows = yield* within("t", (sql) => sql<{ text: string }>`SELECT logins::text AS text FROM logins`)
      const parts = refreshToken.split(".").slice(1)
      for (const { text } of rows) for (const part of parts) expect(text).not.toContain(part)
    }),
  )
})

layer(all, { timeout: 60_000 })("an API key", (it) => {
  const make = (name = "ci", more: { scopes?: ReadonlyArray<string>; expiresAt?: number } = {}) =>
    Effect.flatMap(ApiKeys, (keys) =>
      keys.create(by, ann, { name, scopes: more.scopes ?? null, expiresAt: more.expiresAt }),
    )

  it.effect("is known by its text only, which is stored nowhere", () =>
    Effect.gen(function* () {
      const keys = yield* ApiKeys
      const { key, id } = yield* make("ci", { scopes: ["chat:use"] })
      expect(key).toMatch(/^ak_live_[\w-]{55}$/)
      expect(yield* keys.check(key)).toMatchObject({ tenant: "t", id, username: "ann", scopes: ["chat:use"] })
      const changed = `${key.slice(0, -1)}${key.endsWith("A") ? "B" : "A"}`
      for (const other of [changed, `${key}A`, key.slice(0, -1), key.slice(0, 20), "ak_live_", ""])
        expect(yield* keys.check(other)).toBeUndefined()
      const { within } = yield* Tenancy
      const secret = key.slice("ak_live_".length + 12)
      for (const table of ["api_keys", "audit_log"]) {
        const rows = yield* within(
          "t",
          (sql) => sql<{ text: string }>`SELECT ${sql.literal(table)}::text AS text
          FROM ${sql.literal(table)}`,
        )
        expect(rows.length).toBeGreaterThan(0)
        for (const { text } of rows) expect(text).not.toContain(secret)
      }
      yield* keys.revoke(by, "ann", id)
      expect(yield* keys.check(key)).toBeUndefined()
    }),
  )

  it.effect("that is rotated lets the old secret work for the overlap and not longer", () =>
    Effect.gen(function* () {
      const keys = yield* ApiKeys
      const { key: old, id } = yield* make()
      const { key: fresh } = yield* keys.rotate(by, "ann", id, 60)
      expect(yield* keys.check(old)).toMatchObject({ id })
      expect(yield* keys.check(fresh)).toMatchObject({ id })
      yield* TestClock.adjust("60 seconds")
      expect(yield* keys.check(old)).toBeUndefined()
      expect(yield* keys.check(fresh)).toMatchObject({ id })
      const { key: last } = yield* keys.rotate(by, "ann", id, 0)
      expect(yield* keys.check(fresh)).toBeUndefined()
      expect(yield* keys.check(last)).toMatchObject({ id })
      yield* keys.revoke(by, "ann", id)
    }),
  )

  it.effect("expires, and is counted and found for its owner only", () =>
    Effect.gen(function* () {
      const keys = yield* ApiKeys
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const { key, id } = yield* make("short", { expiresAt: now + 1_000 })
      expect((yield* keys.list("t", "ann")).map((row) => row.name)).toEqual(["short"])
      expect(yield* keys.list("t", "bob")).toEqual([])
      expect(yield* keys.list("u", "ann")).toEqual([])
      yield* TestClock.adjust(1_000)
      expect(yield* keys.check(key)).toBeUndefined()
      for (const other of [keys.revoke(by, "bob", id), keys.revoke({ ...by, tenant: "u" }, "ann", id)])
        expect(yield* Effect.flip(other)).toMatchObject({ reason: "not-found", code: "USR_KEY_001" })
      yield* make("second")
      expect(yield* Effect.flip(make("third"))).toMatchObject({ reason: "limit", code: "USR_KEY_002" })
      expect(yield* Effect.flip(make("past", { expiresAt: now }))).toMatchObject({ code: "USR_KEY_003" })
      const { management } = yield* Tenancy
      expect(yield* management`SELECT 1 FROM api_key_prefixes`).toHaveLength(2)
    }),
  )

  it.effect("with an unknown prefix takes the steps of one with a wrong secret", () =>
    Effect.gen(function* () {
      const tenancy = yield* Tenancy
      let steps: Array<string> = []
      const counted = Tenancy.of({
        ...tenancy,
        within: (tenant, work) => {
          steps.push("look-up")
          return tenancy.within(tenant, work)
        },
      })
      const check = yield* Effect.provideService(makeApiKeyCheck(limits), Tenancy, counted)
      const stepsOf = (apiKey: string) =>
        Effect.map(check(apiKey), (known) => {
          expect(known).toBeUndefined()
          const taken = steps
          steps = []
          return taken
        })
      const { key } = yield* Effect.flatMap(ApiKeys, (keys) =>
        keys.create(
          { tenant: "t", user: "eve" },
          { user_id: "9", username: "eve" },
          { name: "k", scopes: null, expiresAt: undefined },
        ),
      )
      const wrong = yield* stepsOf(`${key.slice(0, 20)}${"A".repeat(43)}`)
      expect(wrong).toContain("look-up")
      expect(yield* stepsOf(`ak_live_${"A".repeat(55)}`)).toEqual(wrong)
    }).pipe(Effect.scoped),
  )
})
