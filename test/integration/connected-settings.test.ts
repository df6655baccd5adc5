/** Settings that are read far from where they are set: the life of a login, and the time-out of a model. */
import { expect, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LlmModels, LoginSessions, PlatformSettings } from "../../resources/index.ts"
import { custom, llmModelsOnDatabase, makeAdmin } from "../support/llm-models.ts"

const services = Layer.mergeAll(PlatformSettings.layer, LoginSessions.layer()).pipe(
  Layer.provideMerge(llmModelsOnDatabase),
)
const dayMs = 86_400_000

layer(services, { timeout: 60_000 })("a setting", (it) => {
  it.effect("says how long a login lasts without being refreshed, from the next refresh on", () =>
    Effect.gen(function* () {
      const [logins, settings] = [yield* LoginSessions, yield* PlatformSettings]
      const [by, ann] = [
        { tenant: "t", user: "ann" },
        { user_id: "1", username: "ann" },
      ]
      const now = yield* Clock.currentTimeMillis
      const login = yield* logins.start(by, ann)
      expect(login.expiresAt - now).toBe(7 * dayMs)
      yield* settings.change(by, { login: { refresh_days: 1 } })
      expect((yield* logins.start(by, ann)).expiresAt - now).toBe(dayMs)
      expect((yield* logins.rotate(login.refreshToken, {})).expiresAt - now).toBe(dayMs)
      const elsewhere = yield* logins.start({ ...by, tenant: "u" }, ann)
      expect(elsewhere.expiresAt - now).toBe(7 * dayMs)
    }),
  )

  it.effect("says how long calls may take to models that are registered without a time-out", () =>
    Effect.gen(function* () {
      const [models, settings] = [yield* LlmModels, yield* PlatformSettings]
      const admin = yield* makeAdmin("m")
      expect((yield* models.register(admin, custom("a"))).time_out_ms).toBe(60_000)
      yield* settings.change(admin.by, { llm: { call_time_out_seconds: 90 } })
      expect((yield* models.register(admin, custom("b"))).time_out_ms).toBe(90_000)
      expect((yield* models.register(admin, { ...custom("c"), time_out_ms: 5_000 })).time_out_ms).toBe(5_000)
    }),
  )
})
