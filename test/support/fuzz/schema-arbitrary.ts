/** Values that fit a JSON Schema: the keywords that our contracts become, and no others. */
import * as fc from "fast-check"
import type { JsonSchema, OpenApi } from "./openapi.ts"

interface Schema {
  readonly $ref?: string
  readonly type?: string | ReadonlyArray<string>
  readonly enum?: ReadonlyArray<unknown>
  readonly const?: unknown
  readonly anyOf?: ReadonlyArray<JsonSchema>
  readonly oneOf?: ReadonlyArray<JsonSchema>
  readonly allOf?: ReadonlyArray<JsonSchema>
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: ReadonlyArray<string>
  readonly additionalProperties?: JsonSchema
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>
  readonly propertyNames?: JsonSchema
  readonly maxProperties?: number
  readonly items?: JsonSchema
  readonly prefixItems?: ReadonlyArray<JsonSchema>
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
}

/** Nested deeper, optional parts are left out. */
const depthMax = 4
const itemsMax = 4
const charactersMax = 60

/** Dates have to be in the calendar, which no pattern says. */
const isDay = (value: string): boolean => {
  const [day] = /^\d{4}-\d{2}-\d{2}(?=T|$)/.exec(value) ?? []
  return day === undefined || (!Number.isNaN(Date.parse(day)) && new Date(day).toISOString().startsWith(day))
}

export const arbitraryOf = (document: OpenApi, schema: JsonSchema): fc.Arbitrary<unknown> => {
  const resolve = ($ref: string): JsonSchema => document.components.schemas[$ref.split("/").at(-1)!]!

  const text = ({ pattern, minLength = 0, maxLength = charactersMax }: Schema): fc.Arbitrary<string> => {
    const longest = Math.max(minLength, Math.min(maxLength, charactersMax))
    // A contract counts as JavaScript does: a character beyond the first plane is two.
    const fits = (value: string) => value.length >= minLength && value.length <= maxLength
    if (pattern === undefined)
      return fc
        .oneof(
          { weight: 3, arbitrary: fc.string({ minLength, maxLength: longest }) },
          {
            weight: 1,
            arbitrary: fc.string({ unit: "grapheme", minLength, maxLength: Math.max(minLength, 1) }),
          },
        )
        .filter(fits)
    // What looks ahead cannot be generated from, but is a small part of what there is without it.
    const whole = new RegExp(pattern)
    const matching = fc.stringMatching(new RegExp(pattern.replace(/\(\?[=!][^()]*\)/g, "")))
    return matching.filter((value) => fits(value) && whole.test(value) && isDay(value))
  }

  const bounds = ({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema, step: number) => ({
    min: Math.max(minimum ?? -Infinity, (exclusiveMinimum ?? -Infinity) + step, -1e6),
    max: Math.min(maximum ?? Infinity, (exclusiveMaximum ?? Infinity) - step, Math.max(1e6, minimum ?? 0)),
  })

  const record = (of: Schema, depth: number): fc.Arbitrary<unknown> => {
    const { properties = {}, required = [], additionalProperties = true } = of
    const shown = Object.entries(properties).filter(([name]) => depth < depthMax || required.includes(name))
    const own = fc.record(Object.fromEntries(shown.map(([name, part]) => [name, any(part, depth + 1)])), {
      requiredKeys: required.filter((name) => name in properties),
    })
    const more = Object.values(of.patternProperties ?? {})[0] ?? additionalProperties
    if (more === false || Object.keys(properties).length > 0 || depth >= depthMax) return own
    const named = Object.keys(of.patternProperties ?? {})[0]
    const key =
      named === undefined ? any(of.propertyNames ?? { type: "string" }, depth) : text({ pattern: named })
    return fc.dictionary(
      (key as fc.Arbitrary<string>).filter((name) => name !== "__proto__"),
      any(more, depth + 1),
      {
        maxKeys: Math.min(of.maxProperties ?? itemsMax, itemsMax),
      },
    )
  }

  const list = (of: Schema, depth: number): fc.Arbitrary<unknown> => {
    if (of.prefixItems !== undefined) return fc.tuple(...of.prefixItems.map((item) => any(item, depth + 1)))
    const { items = true, minItems = 0, maxItems = itemsMax } = of
    const size = { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, itemsMax)) }
    const item = any(items, depth + 1)
    return of.uniqueItems === true
      ? fc.uniqueArray(item, { ...size, comparator: "SameValue" })
      : fc.array(item, size)
  }

  const typed = (type: string | undefined, of: Schema, depth: number): fc.Arbitrary<unknown> => {
    switch (type) {
      case "string":
        return text(of)
      case "integer":
        return fc.integer(bounds(of, 1))
      case "number":
        return fc.double({ ...bounds(of, 1e-3), noNaN: true, noDefaultInfinity: true }).map((n) => n + 0)
      case "boolean":
        return fc.boolean()
      case "null":
        return fc.constant(null)
      case "array":
        return list(of, depth)
      case "object":
        return record(of, depth)
      default:
        return of.properties === undefined ? fc.jsonValue({ maxDepth: 2 }) : record(of, depth)
    }
  }

  /** Refinements of one thing, each adding keywords. */
  const merged = ({ allOf = [], ...of }: Schema): Schema =>
    Object.assign({}, ...allOf.map((part) => merged(part as Schema)), of) as Schema

  const any = (given: JsonSchema, depth: number): fc.Arbitrary<unknown> => {
    if (typeof given === "boolean") return fc.jsonValue({ maxDepth: 2 })
    const of = merged(given as Schema)
    if (of.$ref !== undefined) return any(resolve(of.$ref), depth)
    if ("const" in of) return fc.constant(of.const)
    if (of.enum !== undefined) return fc.constantFrom(...of.enum)
    const choices = of.anyOf ?? of.oneOf
    if (choices !== undefined) return fc.oneof(...choices.map((choice) => any(choice, depth)))
    const types = typeof of.type === "string" || of.type === undefined ? [of.type] : of.type
    return fc.oneof(...types.map((type) => typed(type as string | undefined, of, depth)))
  }

  return any(schema, 0)
}
