/** Logins that are under way at an identity provider, on a real database: once, in time, and not without bound. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import {
  defaultCredentialLimits,
  LoginAttempts,
  Secrets,
  Tenancy,
  tenantTables,
} from "../../resources/index.ts"
import { ephemeralDatabase } from "../support/database.ts"

const limits = { ...defaultCredentialLimits, loginAttemptsMax: 3 }
const all = LoginAttempts.layer(limits).pipe(
  Layer.provideMerge(Tenancy.layer(tenantTables).pipe(Layer.provideMerge(ephemeralDatabase()))),
  Layer.provideMerge(Secrets.layer({ keys: [{ id: "k", key: Buffer.alloc(32, 1) }] })),
)

layer(all, { timeout: 60_000 })("a login under way", (it) => {
  const attempt = { verifier: "v", nonce: "n", redirectUri: "http://127.0.0.1/cb", browserHash: "b" }

  it.effect("is taken once, in time, and stored sealed", () =>
    Effect.gen(function* () {
      const attempts = yield* LoginAttempts
      yield* attempts.begin("one", attempt)
      const takes = yield* Effect.all([attempts.take("one"), attempts.take("one")], { concurrency: 2 })
      expect(takes.filter((taken) => taken !== undefined)).toEqual([attempt])
      yield* attempts.begin("late", attempt)
      yield* TestClock.adjust(limits.loginAttemptMs)
      expect(yield* attempts.take("late")).toBeUndefined()
    }),
  )

  it.effect("makes room for others when there are too many", () =>
    Effect.gen(function* () {
      const attempts = yield* LoginAttempts
      for (const state of ["a", "b", "c", "d"]) {
        yield* TestClock.adjust(1)
        yield* attempts.begin(state, attempt)
      }
      const taken = yield* Effect.forEach(["a", "b", "c", "d"], (state) => attempts.take(state))
      expect(taken.map((one) => one !== undefined)).toEqual([false, true, true, true])
    }),
  )

  it.effect("with an id token by itself works once for each token", () =>
    Effect.gen(function* () {
      const { useIdToken } = yield* LoginAttempts
      const uses = yield* Effect.all(
        [useIdToken("x", 1_000), useIdToken("x", 1_000), useIdToken("y", 1_000)],
        {
          concurrency: 3,
        },
      )
      expect(uses.filter((first) => first)).toHaveLength(2)
    }),
  )
})
