/** The rows of the projection's tables, and the one way they travel into the database: as JSON, many at a time. */

export interface SpanRow {
  readonly trace_id: string
  readonly span_id: string
  readonly parent_id: string | null
  readonly name: string
  readonly kind: string
  readonly service: string
  readonly start_ms: number
  readonly end_ms: number
  readonly status: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly tenant: string
  readonly actor: string | null
  readonly principal: string | null
}

/** A journal entry, which is also a hop of its trace unless `name` or `trace_id` is null. */
export interface EntryRow {
  readonly partition: number
  readonly sequence: number
  readonly index: number
  readonly tenant: string
  readonly kind: string
  readonly key: string
  readonly actor: string
  readonly cause: string
  readonly command: string | null
  readonly events: ReadonlyArray<unknown> | null
  readonly principal: string | null
  readonly trace_id: string | null
  readonly span_id: string
  readonly parent_id: string | null
  readonly name: string | null
  readonly status: string
  readonly dead_code: string | null
  readonly dead_detail: string | null
  readonly start_ms: number
  readonly end_ms: number
}

export interface LogRow {
  readonly log_key: string
  readonly trace_id: string
  readonly tenant: string
  readonly at_ms: number
  readonly service: string
  readonly agent_id: number | string | null
  readonly level: string
  readonly message: string
  readonly is_transfer: boolean
  readonly metadata: Readonly<Record<string, unknown>> | null
}

/** What one stretch of a source adds to the tables. */
export interface Rows {
  readonly entries: ReadonlyArray<EntryRow>
  readonly spans: ReadonlyArray<SpanRow>
  readonly logs: ReadonlyArray<LogRow>
}

/** In JSON text: NUL, and surrogates that stand alone. Postgres refuses them, and would for ever. */
const refused = /\\u(?:0000|[dD][89a-fA-F])/

const storableText = (text: string): string => text.replaceAll("\u0000", "\ufffd").toWellFormed()

/** Names of properties are texts too. */
const storable = (_name: string, value: unknown): unknown => {
  if (typeof value === "string") return storableText(value)
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [storableText(name), field]))
}

/** JSON that Postgres takes, whatever the texts hold. */
export const rowsJson = (rows: ReadonlyArray<unknown>): string => {
  const json = JSON.stringify(rows)
  return refused.test(json) ? JSON.stringify(rows, storable) : json
}
