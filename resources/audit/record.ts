/**
 * Writes what was changed into the audit log, in the transaction of the change: there is no change without its entry and
 * no entry without its change. Each entry's hash covers the one before it, so that a change to the past shows.
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { maskValue } from "../tracing/masking.ts"
import { auditLimits } from "./limits.ts"

/** Who asks for a change, and in which request. */
export interface ChangedBy {
  readonly tenant: string
  /** A user's name, or `system` for what the node does by itself. */
  readonly user: string
  readonly requestId?: string | undefined
  readonly traceId?: string | undefined
  /** Of the network. */
  readonly address?: string | undefined
  /** What the credential allows at most, when that may be less than what the user may do. */
  readonly permissions?: ReadonlySet<string> | undefined
}

export interface Change {
  /** Such as `user.deactivate`: the object's type and a verb. */
  readonly action: string
  readonly objectType: string
  readonly objectId: string
  /** What it was and what it became; secrets are masked here. */
  readonly before?: unknown
  readonly after?: unknown
}

export interface AuditEntry {
  readonly tenant: string
  readonly sequence: number
  /** ISO 8601 in UTC, to the millisecond. */
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly object_type: string
  readonly object_id: string
  readonly before: unknown
  readonly after: unknown
  readonly request_id: string | null
  readonly trace_id: string | null
  readonly address: string | null
  readonly previous_hash: string
  readonly hash: string
}

export const firstHash = "0".repeat(64)

/** jsonb forgets the order of fields: the hash must not depend on it. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )

/** SHA-256 over all other fields. Changing what goes in makes every stored chain look broken. */
export const hashOfEntry = ({ hash: _, ...entry }: AuditEntry): string =>
  createHash("sha256").update(canonical(entry)).digest("hex")

/** Postgres takes neither NUL nor half a surrogate pair, and a change must not fail for what it is called. */
const storable = (text: string): string => text.replaceAll("\u0000", "\ufffd").toWellFormed()

const storableParts = (value: unknown): unknown => {
  if (typeof value === "string") return storable(value)
  if (Array.isArray(value)) return value.map(storableParts)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [storable(name), storableParts(part)]),
  )
}

const cut = (text: string): string =>
  text.length > auditLimits.nameCharactersMax ? `${text.slice(0, auditLimits.nameCharactersMax)}…` : text
const name = (text: string): string => storable(cut(text))

/** What is too large is left out and says so; its hash tells whether somebody else's copy is the same. */
const bounded = (value: unknown): unknown => {
  const text = canonical(value)
  const bytes = Buffer.byteLength(text)
  if (bytes <= auditLimits.valueBytesMax) return value
  const sha256 = createHash("sha256").update(text).digest("hex")
  return { left_out: { limit: "valueBytesMax", bytes_max: auditLimits.valueBytesMax, bytes, sha256 } }
}

const masked = (value: unknown): unknown =>
  value === undefined ? null : bounded(storableParts(maskValue(value)))

/** Locks the end of the tenant's chain until the transaction ends: entries of one tenant are written one after another. */
const lockHead = Effect.fnUntraced(function* (sql: SqlClient, tenant: string) {
  yield* sql`INSERT INTO audit_heads (tenant, sequence, hash) VALUES (${tenant}, 0, ${firstHash})
    ON CONFLICT DO NOTHING`
  const [head] = yield* sql<{ sequence: number; hash: string }>`
    SELECT sequence::float8 AS sequence, hash FROM audit_heads WHERE tenant = ${tenant} FOR UPDATE`
  return head!
})

/** Inside `Tenancy.within` of `by.tenant`. Several changes cost as many round trips as one. */
export const recordChanges = Effect.fn("audit.record")(function* (
  sql: SqlClient,
  by: ChangedBy,
  changes: ReadonlyArray<Change>,
): Effect.fn.Return<void, SqlError> {
  if (changes.length === 0) return
  const head = yield* lockHead(sql, by.tenant)
  const at = new Date().toISOString()
  let { sequence, hash } = head
  const entries = changes.map((change): AuditEntry => {
    const entry = {
      tenant: by.tenant,
      sequence: ++sequence,
      at,
      actor: name(by.user),
      action: change.action,
      object_type: change.objectType,
      object_id: name(change.objectId),
      before: masked(change.before),
      after: masked(change.after),
      request_id: by.requestId === undefined ? null : name(by.requestId),
      trace_id: by.traceId === undefined ? null : name(by.traceId),
      address: by.address ?? null,
      previous_hash: hash,
      hash: "",
    }
    hash = hashOfEntry(entry)
    return { ...entry, hash }
  })
  yield* sql`INSERT INTO audit_log
    SELECT * FROM jsonb_populate_recordset(NULL::audit_log, ${JSON.stringify(entries)}::text::jsonb)`
  yield* sql`UPDATE audit_heads SET sequence = ${sequence}::float8::bigint, hash = ${hash} WHERE tenant = ${by.tenant}`
})
