/** What people set while the platform runs, per tenant: typed, with defaults, and known on every node without asking. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import { auditPage } from "../audit/read.ts"
import type { AuditEntry, ChangedBy } from "../audit/record.ts"
import { Changes } from "../changes/changes.ts"
import { Kept, keptUnder } from "../changes/kept.ts"
import { type Refused, refuse } from "../refusal.ts"
import { Tenancy } from "../tenants/tenancy.ts"
import { changeSettings, type Wanted } from "./change.ts"
import { allDefinitions, definitionOf, type SettingKey, type SettingValue } from "./definitions.ts"

export interface Setting {
  readonly name: string
  readonly value: number | string | boolean
  readonly default: number | string | boolean
  readonly source: "default" | "set"
  readonly description: string
  readonly expected: string
}

export interface SettingCategory {
  readonly category: string
  /** Grows with each change; 0: nobody has changed anything. */
  readonly version: number
  readonly settings: ReadonlyArray<Setting>
}

type Answer<A> = Effect.Effect<A, Refused | SqlError>

export interface PlatformSettingsService {
  /** Current on this node at once, on the others soon after a change, and in any case within `keepMs`. */
  readonly get: <K extends SettingKey>(tenant: string, key: K) => Effect.Effect<SettingValue<K>, SqlError>
  /** All categories, or the one asked for. */
  readonly read: (tenant: string, category?: string) => Answer<ReadonlyArray<SettingCategory>>
  /** All or nothing; every field that is wrong is named. `version`: of the only category. */
  readonly change: (by: ChangedBy, wanted: Wanted, version?: number) => Answer<ReadonlyArray<SettingCategory>>
  /** Newest first. */
  readonly history: (
    tenant: string,
    category: string,
    name: string,
    page: { readonly before?: number | undefined; readonly limit: number },
  ) => Answer<{ readonly entries: ReadonlyArray<AuditEntry>; readonly next: number | undefined }>
}

/** Of tenants whose settings a node keeps. */
export const settingsKept = { entriesMax: 2_000, keepMs: 30_000 } as const

const topicOf = (tenant: string): string => `setting/${tenant}`
const unknownCategory = (category: string) =>
  refuse("not-found", "SET_CAT_001", "There is no such category of settings.", {
    category,
    remedy: `one of ${Object.keys(allDefinitions).join(", ")}`,
  })
const unknownSetting = (category: string, name: string) =>
  refuse("not-found", "SET_CAT_002", "There is no such setting.", { category, name })

type Stored = ReadonlyMap<string, unknown>

/** What an earlier version stored and this one does not take counts as not set. */
const settingOf = (stored: Stored, category: string, name: string): Setting => {
  const { schema, byDefault, description, expected } = definitionOf(category, name)!
  const value = stored.get(`${category}.${name}`)
  const isSet = value !== undefined && Schema.is(schema)(value)
  return {
    name,
    value: isSet ? (value as Setting["value"]) : byDefault,
    default: byDefault,
    source: isSet ? "set" : "default",
    description,
    expected,
  }
}

const make = Effect.gen(function* () {
  const [tenancy, changes] = [yield* Tenancy, yield* Changes]
  const kept = new Kept<Stored>(settingsKept)

  const storedOf = (tenant: string) =>
    Effect.map(
      tenancy.within(
        tenant,
        (sql) => sql<{ key: string; value: unknown }>`
          SELECT category || '.' || name AS key, value FROM platform_settings WHERE tenant = ${tenant}`,
      ),
      (rows): Stored => new Map(rows.map(({ key, value }) => [key, value])),
    )

  const get: PlatformSettingsService["get"] = <K extends SettingKey>(tenant: string, key: K) =>
    Effect.map(
      keptUnder(kept, tenant, () => changes.generation(topicOf(tenant)), storedOf(tenant)),
      (stored) => {
        const [category, name] = key.split(".") as [string, string]
        return settingOf(stored, category, name).value as SettingValue<K>
      },
    )

  const read: PlatformSettingsService["read"] = Effect.fn("PlatformSettings.read")(
    function* (tenant, category) {
      if (category !== undefined && !Object.hasOwn(allDefinitions, category))
        return yield* unknownCategory(category)
      const versions = yield* tenancy.within(
        tenant,
        (sql) => sql<{ category: string; version: number }>`
          SELECT category, version FROM setting_categories WHERE tenant = ${tenant}`,
      )
      const stored = yield* storedOf(tenant)
      return Object.entries(allDefinitions)
        .filter(([one]) => category === undefined || one === category)
        .map(([one, settings]) => ({
          category: one,
          version: versions.find((row) => row.category === one)?.version ?? 0,
          settings: Object.keys(settings).map((name) => settingOf(stored, one, name)),
        }))
    },
  )

  const change: PlatformSettingsService["change"] = Effect.fn("PlatformSettings.change")(
    function* (by, wanted, version) {
      yield* tenancy.within(by.tenant, (sql) => changeSettings(sql, by, wanted, version))
      yield* changes.announce(topicOf(by.tenant))
      const all = yield* read(by.tenant)
      return all.filter(({ category }) => Object.hasOwn(wanted, category))
    },
  )

  const history: PlatformSettingsService["history"] = (tenant, category, name, page) =>
    definitionOf(category, name) === undefined
      ? Effect.fail(unknownSetting(category, name))
      : Effect.provideService(
          auditPage(tenant, { object_type: "setting", object_id: `${category}.${name}` }, page),
          Tenancy,
          tenancy,
        )

  return PlatformSettings.of({ get, read, change, history })
})

export class PlatformSettings extends Context.Service<PlatformSettings, PlatformSettingsService>()(
  "millrace/PlatformSettings",
) {
  static readonly layer = Layer.effect(PlatformSettings, make)
}
