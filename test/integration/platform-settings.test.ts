/** That settings are changed all or not at all, per tenant, and that everybody who reads them sees it. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Changes, PlatformSettings, Tenancy, tenantTables } from "../../resources/index.ts"
import { ephemeralDatabase } from "../support/database.ts"

const services = PlatformSettings.layer.pipe(
  Layer.provideMerge(Tenancy.layer(tenantTables)),
  Layer.provideMerge(Layer.merge(ephemeralDatabase(), Changes.layerLocal)),
)
const by = (tenant: string) => ({ tenant, user: "kim" })

layer(services, { excludeTestServices: true, timeout: "2 minutes" })("the settings", (it) => {
  it.effect("have their defaults until somebody changes them, and then in this tenant only", () =>
    Effect.gen(function* () {
      const settings = yield* PlatformSettings
      expect(yield* settings.get("a", "ops.answer_seconds")).toBe(60)
      const [changed] = yield* settings.change(by("a"), { ops: { answer_seconds: 30 } }, 0)
      expect(changed).toMatchObject({ category: "ops", version: 1 })
      expect(changed!.settings[0]).toMatchObject({ value: 30, default: 60, source: "set" })
      expect(yield* settings.get("a", "ops.answer_seconds")).toBe(30)
      expect(yield* settings.get("b", "ops.answer_seconds")).toBe(60)
      const [others] = yield* settings.read("b", "ops")
      expect(others).toMatchObject({ version: 0, settings: [{ source: "default" }] })
      yield* settings.change(by("a"), { ops: { answer_seconds: undefined } })
      expect(yield* settings.get("a", "ops.answer_seconds")).toBe(60)
      const { entries } = yield* settings.history("a", "ops", "answer_seconds", { limit: 10 })
      expect(entries.map(({ action, after }) => [action, after])).toEqual([
        ["setting.reset", { value: 60, source: "default" }],
        ["setting.change", { value: 30, source: "set" }],
      ])
      expect((yield* settings.history("b", "ops", "answer_seconds", { limit: 10 })).entries).toEqual([])
    }),
  )

  it.effect("are not changed at all when one of them is wrong, and every wrong one is named", () =>
    Effect.gen(function* () {
      const settings = yield* PlatformSettings
      const refused = yield* Effect.flip(
        settings.change(by("c"), {
          ops: { answer_seconds: 30, constructor: 1 },
          audit: { page_entries: 0 },
          statistics: { retention_days: "long" },
          toString: { x: 1 },
        }),
      )
      const { fields } = (refused as unknown as { details: { fields: ReadonlyArray<{ field: string }> } })
        .details
      expect(fields.map(({ field }) => field)).toEqual([
        "ops.constructor",
        "audit.page_entries",
        "statistics.retention_days",
        "toString.x",
      ])
      expect(yield* settings.get("c", "ops.answer_seconds")).toBe(60)
      expect((yield* settings.read("c")).every(({ version }) => version === 0)).toBe(true)
    }),
  )

  it.effect("are refused to whoever edits an older version", () =>
    Effect.gen(function* () {
      const settings = yield* PlatformSettings
      yield* settings.change(by("d"), { alerts: { listed: 5 } })
      const refused = yield* Effect.flip(settings.change(by("d"), { alerts: { listed: 6 } }, 0))
      expect(refused).toMatchObject({ reason: "stale", details: { version: 1 } })
      expect(yield* settings.get("d", "alerts.listed")).toBe(5)
    }),
  )
})
