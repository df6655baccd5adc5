/** The audit log over HTTP: every change, who made it, and proof that nobody rewrote it. */
import * as Schema from "effect/Schema"
import { textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { cursorQuery, Timestamp } from "./paging.ts"

const Value = Schema.NullOr(Schema.Unknown)

export const AuditLogEntry = Schema.Struct({
  tenant: Schema.String,
  sequence: Schema.Int,
  at: Timestamp,
  actor: Schema.String,
  action: Schema.String,
  object_type: Schema.String,
  object_id: Schema.String,
  /** Secrets in it are masked. What was too large is replaced by `left_out`. */
  before: Value,
  after: Value,
  request_id: Schema.NullOr(Schema.String),
  trace_id: Schema.NullOr(Schema.String),
  address: Schema.NullOr(Schema.String),
  previous_hash: Schema.String,
  hash: Schema.String,
})

const filters = {
  actor: Schema.optionalKey(textOf(512)),
  action: Schema.optionalKey(textOf(200)),
  object_type: Schema.optionalKey(textOf(200)),
  object_id: Schema.optionalKey(textOf(512)),
  /** Inclusive. */
  from: Schema.optionalKey(Timestamp),
  /** Exclusive. */
  to: Schema.optionalKey(Timestamp),
}

const permission = "audit:read"
const method = "GET"

export const auditEndpoints = {
  list: endpoint({
    id: "audit.list",
    method,
    path: "/api/admin/audit-log/",
    summary: "List changes, newest first.",
    permission,
    query: { ...cursorQuery, ...filters },
    answer: Schema.Struct({
      entries: Schema.Array(AuditLogEntry),
      /** Absent on the last page. */
      next_cursor: Schema.optionalKey(Schema.String),
    }),
    errors: ["AUD_LOG_001", "AUD_LOG_002"],
  }),
  verify: endpoint({
    id: "audit.verify",
    method,
    path: "/api/admin/audit-log/verify",
    summary: "Check that no entry was changed, removed or put in later.",
    permission,
    rate: "batch",
    timeLimit: "own",
    answer: Schema.Struct({
      valid: Schema.Boolean,
      /** Those that were found right. */
      entries: Schema.Int,
      /** The number of the first entry that is wrong or missing. */
      broken_at: Schema.optionalKey(Schema.Int),
      fault: Schema.optionalKey(Schema.Literals(["changed", "unlinked", "shortened", "rewritten"])),
      /** Up to where the end of the chain is also noted outside the database. */
      anchored_to: Schema.optionalKey(Schema.Int),
    }),
  }),
  export: endpoint({
    id: "audit.export",
    method,
    path: "/api/admin/audit-log/export",
    summary: "All matching changes as JSON lines, oldest first.",
    permission,
    rate: "batch",
    timeLimit: "own",
    query: filters,
    media: "application/x-ndjson",
    status: 200,
  }),
} as const
