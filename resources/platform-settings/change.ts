/** Changes settings of a tenant: all that is asked for or nothing, each with its entry in the audit log. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type Change, type ChangedBy, recordChanges } from "../audit/record.ts"
import { type Refused, refuse } from "../refusal.ts"
import { allDefinitions, definitionOf } from "./definitions.ts"

/** By category and name; undefined takes the setting back to its default. */
export type Wanted = Readonly<Record<string, Readonly<Record<string, unknown>>>>

interface One {
  readonly category: string
  readonly name: string
  readonly value: unknown
}

const flat = (wanted: Wanted): ReadonlyArray<One> =>
  Object.entries(wanted).flatMap(([category, values]) =>
    Object.entries(values).map(([name, value]) => ({ category, name, value })),
  )

const isCategory = (category: string) => Object.hasOwn(allDefinitions, category)

const unknownCategory = (field: string) => ({
  field,
  reason: "there is no such category",
  remedy: `one of ${Object.keys(allDefinitions).join(", ")}`,
})

const problemOf = ({ category, name, value }: One) => {
  const field = `${category}.${name}`
  if (!isCategory(category)) return unknownCategory(field)
  const definition = definitionOf(category, name)
  if (definition === undefined)
    return {
      field,
      reason: "there is no such setting",
      remedy: `one of ${Object.keys(allDefinitions[category]!).join(", ")}`,
    }
  return value === undefined || Schema.is(definition.schema)(value)
    ? undefined
    : { field, reason: "the value is not valid", remedy: `send ${definition.expected}` }
}

/** Names every field that is wrong; an unknown category also when nothing in it is asked for. */
const checkAll = (wanted: Wanted, all: ReadonlyArray<One>): Effect.Effect<void, Refused> => {
  const empty = Object.keys(wanted).filter(
    (category) => !isCategory(category) && Object.keys(wanted[category]!).length === 0,
  )
  const problems = [...empty.map(unknownCategory), ...all.flatMap((one) => problemOf(one) ?? [])]
  const [first] = problems
  if (first === undefined) return Effect.void
  return Effect.fail(
    refuse("invalid", "SET_VAL_001", `Nothing was changed: ${first.field} is not valid.`, {
      ...first,
      fields: problems,
    }),
  )
}

const stale = (category: string, version: number) =>
  refuse("stale", "SET_VAL_002", "The settings were changed meanwhile; read them again.", {
    category,
    version,
  })

/** Locks the category until the transaction ends, and moves its version on. */
const advance = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  category: string,
  expected: number | undefined,
) {
  const [row] = yield* sql<{ version: number }>`
    INSERT INTO setting_categories (tenant, category, version) VALUES (${tenant}, ${category}, 1)
    ON CONFLICT (tenant, category) DO UPDATE SET version = setting_categories.version + 1 RETURNING version`
  const before = row!.version - 1
  if (expected !== undefined && expected !== before) return yield* stale(category, before)
})

const write = (sql: SqlClient, by: ChangedBy, { category, name, value }: One) =>
  value === undefined
    ? sql`DELETE FROM platform_settings
        WHERE tenant = ${by.tenant} AND category = ${category} AND name = ${name}`
    : sql`INSERT INTO platform_settings (tenant, category, name, value, changed_by)
        VALUES (${by.tenant}, ${category}, ${name}, ${JSON.stringify(value)}::text::jsonb, ${by.user})
        ON CONFLICT (tenant, category, name) DO UPDATE
        SET value = EXCLUDED.value, changed_at = now(), changed_by = EXCLUDED.changed_by`

const storedValue = Effect.fnUntraced(function* (sql: SqlClient, tenant: string, { category, name }: One) {
  const [row] = yield* sql<{ value: unknown }>`SELECT value FROM platform_settings
    WHERE tenant = ${tenant} AND category = ${category} AND name = ${name}`
  return row === undefined ? undefined : { value: row.value }
})

/** Inside `Tenancy.within`. `version`: of the only category; refused as stale when it is not the current one. */
export const changeSettings = Effect.fnUntraced(function* (
  sql: SqlClient,
  by: ChangedBy,
  wanted: Wanted,
  version?: number,
): Effect.fn.Return<void, Refused | SqlError> {
  const all = flat(wanted)
  yield* checkAll(wanted, all)
  // In one order, so that two who change the same categories do not wait for each other.
  for (const category of Object.keys(wanted).sort()) yield* advance(sql, by.tenant, category, version)
  const changes: Array<Change> = []
  for (const one of all) {
    const before = yield* storedValue(sql, by.tenant, one)
    if (before === undefined ? one.value === undefined : before.value === one.value) continue
    yield* write(sql, by, one)
    const byDefault = definitionOf(one.category, one.name)!.byDefault
    changes.push({
      action: one.value === undefined ? "setting.reset" : "setting.change",
      objectType: "setting",
      objectId: `${one.category}.${one.name}`,
      before: before === undefined ? { value: byDefault, source: "default" } : { ...before, source: "set" },
      after:
        one.value === undefined
          ? { value: byDefault, source: "default" }
          : { value: one.value, source: "set" },
    })
  }
  yield* recordChanges(sql, by, changes)
})
