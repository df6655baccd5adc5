/** Requests for one operation: as it is described, about things that exist or do not, and then broken or not. */
import * as fc from "fast-check"
import { breaksOf, type Draft } from "./draft.ts"
import {
  areaOf,
  type JsonSchema,
  type OpenApi,
  type Operation,
  type Parameter,
  type Validator,
} from "./openapi.ts"
import { arbitraryOf } from "./schema-arbitrary.ts"

/** Values that answers named, by which requests reach what exists. */
export interface Known {
  readonly seen: (area?: string) => ReadonlyArray<string>
  readonly tags: (area: string) => ReadonlyArray<string>
}

/** Makes the request when it is sent, since only then is it known what exists. */
export type Plan = (known: Known) => Draft

/** Waiting is tested elsewhere; here it would only take the time of other requests. Units: milliseconds. */
const waitMsMax = 20
const waits = /^(?:wait|timeout)_ms$/

const shortened = (value: unknown, name = ""): unknown => {
  if (typeof value === "number" && waits.test(name)) return Math.min(value, waitMsMax)
  if (Array.isArray(value)) return value.map((item) => shortened(item))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([field, part]) => [field, shortened(part, field)]))
}

interface Chosen {
  /** Among what exists, if there is anything that fits. */
  readonly existing: number | undefined
  readonly made: unknown
}

const chosen = (document: OpenApi, { schema, in: place }: Parameter): fc.Arbitrary<Chosen> =>
  fc.record({
    existing: fc.option(fc.nat(), { nil: undefined, freq: 2 }),
    made: arbitraryOf(document, schema).filter((value) => place !== "path" || isSegment(value)),
  })

/** These are parts of another path. */
const isSegment = (value: unknown): boolean => !["", ".", ".."].includes(String(value))

const fitting = (
  validator: Validator,
  schema: JsonSchema,
  texts: ReadonlyArray<string>,
): ReadonlyArray<unknown> =>
  texts
    .flatMap((text): ReadonlyArray<unknown> => (/^\d{1,9}$/.test(text) ? [text, Number(text)] : [text]))
    .filter((value) => validator.problem(schema, value) === undefined)

/** The contract's own example now and then: it gets further than chance. */
const bodyOf = (document: OpenApi, schema: JsonSchema, example: unknown): fc.Arbitrary<unknown> => {
  const any = arbitraryOf(document, schema)
  return example === undefined ? any : fc.oneof({ weight: 3, arbitrary: any }, fc.constant(example))
}

const isUuid = (text: unknown): boolean =>
  typeof text === "string" && /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text)

/** Ids in a body are those of something that exists. */
const aimed = (body: unknown, aim: number | undefined, { seen }: Known): unknown => {
  if (aim === undefined || typeof body !== "object" || body === null || Array.isArray(body)) return body
  const ids = seen().filter(isUuid)
  if (ids.length === 0) return body
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, isUuid(value) ? ids[aim % ids.length] : value]),
  )
}

export const planOf = (document: OpenApi, validator: Validator, operation: Operation): fc.Arbitrary<Plan> => {
  const { method, path, parameters, body, example } = operation
  const area = areaOf(path)
  const record = (place: Parameter["in"]) =>
    Object.fromEntries(
      parameters
        .filter((one) => one.in === place)
        .map((one) => [
          one.name,
          one.required
            ? chosen(document, one)
            : fc.option(chosen(document, one), { nil: undefined, freq: 2 }),
        ]),
    )
  const schemaOf = new Map(parameters.map(({ name, schema }) => [name, schema]))
  const parts = fc.record({
    params: fc.record(record("path")),
    query: fc.record(record("query")),
    body: body === undefined ? fc.constant(undefined) : bodyOf(document, body, example),
    aim: fc.option(fc.nat(), { nil: undefined, freq: 2 }),
    tag: fc.option(fc.nat(), { nil: undefined, freq: 2 }),
    breaks: breaksOf(operation),
  })
  return parts.map(({ params, query, body, aim, tag, breaks }) => (known) => {
    const valueOf = (name: string, choice: Chosen): unknown => {
      if (choice.existing === undefined) return shortened(choice.made, name)
      const fit = fitting(validator, schemaOf.get(name)!, known.seen(area))
      return fit.length === 0 ? shortened(choice.made, name) : fit[choice.existing % fit.length]
    }
    const segments = path
      .split("/")
      .map((part) =>
        part.startsWith("{")
          ? encodeURIComponent(String(valueOf(part.slice(1, -1), params[part.slice(1, -1)] as Chosen)))
          : part,
      )
    const pairs = Object.entries(query).flatMap(([name, choice]) =>
      choice === undefined ? [] : [`${name}=${encodeURIComponent(String(valueOf(name, choice as Chosen)))}`],
    )
    const tags = known.tags(area)
    const version = tag === undefined ? undefined : tags[tag % Math.max(1, tags.length)]
    const headers = version === undefined || method === "GET" ? {} : { "if-match": version }
    const whole: Draft = {
      method,
      area,
      segments,
      query: pairs,
      headers,
      body: aimed(shortened(body), aim, known),
      broken: [],
    }
    return breaks.reduce((draft, change) => change(draft), whole)
  })
}
