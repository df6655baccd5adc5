/** A request on its way to being sent: complete and valid first, then broken in one place or two. */
import * as fc from "fast-check"
import type { Operation } from "./openapi.ts"

export interface Draft {
  readonly method: string
  /** See `areaOf`. */
  readonly area: string
  /** Undecoded, such as `/api/locks/%zz/acquire`. */
  readonly segments: ReadonlyArray<string>
  /** Undecoded. */
  readonly query: ReadonlyArray<string>
  readonly headers: Readonly<Record<string, string>>
  /** Sent as JSON, unless `text` is there. */
  readonly body: unknown
  readonly text?: string
  /** It is meant to be refused, or to be sent otherwise than described. */
  readonly broken: ReadonlyArray<string>
}

type Break = (draft: Draft) => Draft

const nasty = fc.constantFrom<unknown>(
  "",
  "\0",
  "a\0b",
  "\ud800",
  "\udfff\ud800",
  "😀".repeat(40),
  "\u202e\u200b\ufeff",
  "x".repeat(20_000),
  "' OR 1=1 --",
  "../../etc/passwd",
  "{{7*7}}",
  -1,
  0,
  1e21,
  1.5,
  -0,
  2 ** 53,
  Number.MAX_VALUE,
  null,
  true,
  [],
  {},
  [[[[[[[[]]]]]]]],
  { __proto__: null, constructor: { prototype: {} } },
  "2026-13-45T99:99:99.000Z",
  "00000000-0000-0000-0000-000000000000",
)

/** As they stand in an address. */
const nastySegment = fc.constantFrom(
  "%00",
  "%",
  "%zz",
  "%c3%28",
  "%ed%a0%80",
  "..%2f..%2fetc",
  "%2e%2e%2f",
  "a%2fb",
  "-1",
  "0",
  "99999999999999999999",
  "1e309",
  "NaN",
  "x".repeat(300),
  "%F0%9F%98%80",
  "%20",
  "'%20OR%201=1",
  "null",
  "undefined",
  "[object%20Object]",
  "__proto__",
)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const label =
  (name: string, change: (draft: Draft) => Partial<Draft>): Break =>
  (draft) => ({
    ...draft,
    ...change(draft),
    broken: [...draft.broken, name],
  })

/** Puts a value somewhere into the body: at a field of its own, or of one inside. */
const replaceIn = (body: unknown, at: number, value: unknown): unknown => {
  if (Array.isArray(body) && body.length > 0) {
    const index = at % body.length
    return body.map((item, other) => (other === index ? replaceIn(item, at >> 3, value) : item))
  }
  if (!isObject(body)) return value
  const names = Object.keys(body)
  const name = names[at % names.length]
  if (name === undefined) return value
  return { ...body, [name]: at % 3 === 0 ? replaceIn(body[name], at >> 3, value) : value }
}

const inBody: fc.Arbitrary<Break> = fc.oneof(
  fc
    .tuple(fc.nat(), nasty)
    .map(([at, value]) => label("a field", ({ body }) => ({ body: replaceIn(body, at, value) }))),
  fc.tuple(fc.nat()).map(([at]) =>
    label("a field less", ({ body }) => {
      if (!isObject(body)) return {}
      const names = Object.keys(body)
      return {
        body: Object.fromEntries(names.filter((_, i) => i !== at % names.length).map((n) => [n, body[n]])),
      }
    }),
  ),
  fc
    .tuple(fc.constantFrom("extra", "__proto__", "constructor", "tenant", "is_admin", "\0", ""), nasty)
    .map(([name, value]) =>
      label("a field more", ({ body }) =>
        isObject(body) ? { body: Object.fromEntries([...Object.entries(body), [name, value]]) } : {},
      ),
    ),
  nasty.map((value) => label("another body", () => ({ body: value }))),
  fc
    .constantFrom(
      "",
      "{",
      "[]",
      "null",
      '"text"',
      "{}}",
      '{"a":1,"a":2}',
      "\ufeff{}",
      "{'a':1}",
      "\0",
      '{"a":1e999}',
    )
    .map((text) => label("other text", () => ({ text }))),
  fc
    .constantFrom(
      "text/plain",
      "application/xml",
      "application/json; charset=utf-16",
      "multipart/form-data",
      "",
      ";",
    )
    .map((type) =>
      label("another content type", ({ headers }) => ({ headers: { ...headers, "content-type": type } })),
    ),
)

const inQuery: fc.Arbitrary<Break> = fc.oneof(
  fc
    .nat()
    .map((at) =>
      label("a key twice", ({ query }) =>
        query.length === 0 ? {} : { query: [...query, query[at % query.length]!] },
      ),
    ),
  fc.tuple(fc.nat(), nastySegment).map(([at, value]) =>
    label("a query's value", ({ query }) => ({
      query: query.map((pair, index) =>
        index === at % query.length ? `${pair.split("=")[0]}=${value}` : pair,
      ),
    })),
  ),
  fc
    .constantFrom(
      "unknown=1",
      "page=-1",
      "limit=1e9",
      "page=0&limit=0",
      "%",
      "%zz=1",
      "a[b]=c",
      "=",
      "&&&",
      "__proto__=1",
      "page=%00",
    )
    .map((pair) => label("a query more", ({ query }) => ({ query: [...query, pair] }))),
)

const inPath = (positions: ReadonlyArray<number>): fc.Arbitrary<Break> =>
  fc.tuple(fc.constantFrom(...positions), nastySegment).map(([position, value]) =>
    label("a part of the path", ({ segments }) => ({
      segments: segments.map((segment, index) => (index === position ? value : segment)),
    })),
  )

const inHeaders: fc.Arbitrary<Break> = fc
  .constantFrom<readonly [string, string]>(
    ["if-match", "*"],
    ["if-match", '"none"'],
    ["if-match", 'W/"1", "2"'],
    ["if-match", "\u00ff"],
    ["idempotency-key", ""],
    ["idempotency-key", "k".repeat(300)],
    ["last-event-id", "-1"],
    ["x-request-id", "<script>"],
    ["traceparent", "00-0-0-0"],
    ["accept", "text/html"],
    ["accept-encoding", "gzip;q=x, *;q=0"],
    ["origin", "null"],
    ["cookie", "millrace_refresh=%00; =; ;"],
    ["content-encoding", "gzip"],
    ["x-forwarded-for", "not an address, ::1"],
  )
  .map(([name, value]) => label(name, ({ headers }) => ({ headers: { ...headers, [name]: value } })))

/** At most two things at once: more would only hide each other. */
export const breaksOf = ({ path, body, parameters }: Operation): fc.Arbitrary<ReadonlyArray<Break>> => {
  const positions = path.split("/").flatMap((part, index) => (part.startsWith("{") ? [index] : []))
  const ways = [
    ...(body === undefined ? [] : [{ weight: 6, arbitrary: inBody }]),
    ...(positions.length === 0 ? [] : [{ weight: 2, arbitrary: inPath(positions) }]),
    { weight: parameters.some((one) => one.in === "query") ? 3 : 1, arbitrary: inQuery },
    { weight: 1, arbitrary: inHeaders },
  ]
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 5, arbitrary: fc.array(fc.oneof(...ways), { minLength: 1, maxLength: 2 }) },
  )
}
