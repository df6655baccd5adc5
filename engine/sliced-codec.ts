/**
 * Writes and reads a large state a slice at a time. What is written is the JSON that the whole codec would write, with a
 * newline between slices: JSON allows one there, and has none inside a value. Changing it changes stored snapshots.
 */
import * as Schema from "effect/Schema"
import { codecOf, type Fields, type PlainCodec } from "../schemas/index.ts"

export interface SlicedCodec {
  /** The state's lines; throws on what does not fit its schema. */
  readonly encode: (state: unknown) => Iterable<string>
  /** `lines`: as they were written. Ends with the state; throws on what is damaged or does not fit. */
  readonly decode: (lines: Iterable<string>) => Generator<number, unknown>
}

type Values = Record<string, unknown>

interface Field {
  readonly name: string
  readonly optional: boolean
  readonly encode: (value: unknown) => unknown
  readonly decode: (encoded: unknown) => unknown
  /** Of a field that is a list or a record: of one of its elements. */
  readonly elements: "list" | "record" | undefined
}

const isPlain = ({ ast }: PlainCodec): boolean => ast.encoding === undefined && ast.checks === undefined

const elementsOf = (
  schema: PlainCodec,
): { readonly of: "list" | "record"; readonly schema: PlainCodec } | undefined => {
  const { ast } = schema
  if (!isPlain(schema) || !("value" in schema)) return undefined
  const element = schema.value as PlainCodec
  if (ast._tag === "Arrays") return ast.elements.length === 0 ? { of: "list", schema: element } : undefined
  if (ast._tag !== "Objects" || !("key" in schema)) return undefined
  const key = schema.key as PlainCodec
  return key.ast._tag === "String" && isPlain(key) ? { of: "record", schema: element } : undefined
}

const fieldOf = (name: string, schema: PlainCodec): Field => {
  const elements = elementsOf(schema)
  const optional = schema.ast.context?.isOptional === true
  return { name, optional, elements: elements?.of, ...codecOf(elements?.schema ?? schema) }
}

const comma = (index: number): string => (index === 0 ? "" : ",")

function* linesOf({ name, encode, elements }: Field, value: unknown, before: string): Generator<string> {
  const start = `${before}${JSON.stringify(name)}:`
  if (elements === undefined) {
    const text: string | undefined = JSON.stringify(encode(value))
    if (text === undefined) throw new Error(`its field ${name} has no value`)
    yield `${start}${text}`
    return
  }
  const list = elements === "list"
  yield `${start}${list ? "[" : "{"}`
  let index = 0
  for (const [key, element] of Object.entries(value as object)) {
    const text = JSON.stringify(encode(element))
    yield `${comma(index++)}${list ? "" : `${JSON.stringify(key)}:`}${text}`
  }
  yield list ? "]" : "}"
}

const startOfField = /^,?("(?:[^"\\]|\\.)*"):/

/** Of a state whose schema is a struct; a defect for any other. */
export const slicedCodecOf = (schema: PlainCodec): SlicedCodec => {
  if (!("fields" in schema) || schema.ast._tag !== "Objects" || !isPlain(schema))
    throw new Error("a large state has to be a struct")
  const schemas = schema.fields as Fields
  const fields = Object.entries(schemas).map(([name, field]) => fieldOf(name, field as PlainCodec))
  const byName = new Map(fields.map((field) => [field.name, field]))

  /** What stands in for fields that were not stored: their defaults, or the error that they are missing. */
  const missing = (state: Values): object => {
    const absent = fields.filter(({ name, optional }) => !optional && !Object.hasOwn(state, name))
    if (absent.length === 0) return {}
    const fieldsOf = Object.fromEntries(absent.map(({ name }) => [name, schemas[name]!]))
    return codecOf(Schema.Struct(fieldsOf) as unknown as PlainCodec).decode({}) as object
  }

  return {
    *encode(state) {
      let index = 0
      for (const field of fields) {
        const value = (state as Values)[field.name]
        if (value === undefined && field.optional) continue
        yield* linesOf(field, value, comma(index++))
      }
    },
    *decode(lines) {
      const state: Values = {}
      let open: { readonly field: Field | undefined; readonly into: Values | Array<unknown> } | undefined
      for (const line of lines) {
        yield line.length
        if (open !== undefined) {
          const { field, into } = open
          if (line === "]" || line === "}") open = undefined
          else if (field === undefined) continue
          else if (Array.isArray(into))
            into.push(field.decode(JSON.parse(line.slice(Number(line.startsWith(","))))))
          else {
            const [key, value] = Object.entries(
              JSON.parse(`{${line.slice(Number(line.startsWith(",")))}}`),
            )[0]!
            if (key !== "__proto__") into[key] = field.decode(value)
          }
          continue
        }
        const [start, quoted] = startOfField.exec(line) ?? []
        if (start === undefined) throw new Error("a line of its snapshot begins with no field")
        const name = JSON.parse(quoted!) as string
        const rest = line.slice(start.length)
        const field = byName.get(name)
        if (rest === "[" || rest === "{") {
          open = { field, into: rest === "[" ? [] : {} }
          if (field !== undefined) state[name] = open.into
        } else if (field !== undefined) state[name] = field.decode(JSON.parse(rest))
      }
      if (open !== undefined) throw new Error("its snapshot ends within a field")
      return { ...state, ...missing(state) }
    },
  }
}
