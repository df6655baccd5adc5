/** Walks a tenant's chain from its beginning and says where it is broken. Reads a slice at a time. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { KeyValue, Unavailable } from "../../engine/index.ts"
import type { Tenancy } from "../tenants/tenancy.ts"
import { type Anchor, keepAnchor, readAnchor } from "./anchors.ts"
import { auditHead, auditSlice } from "./read.ts"
import { type AuditEntry, firstHash, hashOfEntry } from "./record.ts"

/** What is wrong with the first entry that is not as it was written. */
export type AuditFault =
  /** Its hash is not that of its fields. */
  | "changed"
  /** It does not follow from the one before it: that one, or one between them, is another or gone. */
  | "unlinked"
  /** The chain ends before where it was known to end. */
  | "shortened"
  /** The chain is whole, but it is not the one that was there when its end was noted outside the database. */
  | "rewritten"

export interface AuditVerdict {
  readonly valid: boolean
  /** Those that were found right. */
  readonly entries: number
  /** The number of the first entry that is wrong or missing. */
  readonly broken_at?: number
  readonly fault?: AuditFault
  /** Up to where the chain is also vouched for outside the database. */
  readonly anchored_to?: number
}

const faultOf = (
  entry: AuditEntry,
  before: { readonly sequence: number; readonly hash: string },
  anchor: Anchor | undefined,
): AuditFault | undefined => {
  if (entry.sequence !== before.sequence + 1 || entry.previous_hash !== before.hash) return "unlinked"
  if (hashOfEntry(entry) !== entry.hash) return "changed"
  return anchor?.sequence === entry.sequence && anchor.hash !== entry.hash ? "rewritten" : undefined
}

/** A chain that is found whole is noted outside the database as far as it goes. */
export const verifyAudit = Effect.fn("audit.verify")(function* (
  tenant: string,
): Effect.fn.Return<AuditVerdict, SqlError | Unavailable, Tenancy | KeyValue.KeyValue> {
  const anchor = yield* readAnchor(tenant)
  const head = (yield* auditHead(tenant)) ?? { sequence: 0, hash: firstHash }
  let before = { sequence: 0, hash: firstHash }
  const broken = (fault: AuditFault): AuditVerdict => ({
    valid: false,
    entries: before.sequence,
    broken_at: before.sequence + 1,
    fault,
  })
  while (before.sequence < head.sequence) {
    const entries = yield* auditSlice(tenant, {}, before.sequence, head.sequence)
    for (const entry of entries) {
      const fault = faultOf(entry, before, anchor)
      if (fault !== undefined) return broken(fault)
      before = entry
    }
    if (entries.length === 0) return broken("shortened")
  }
  if (before.hash !== head.hash) return broken("rewritten")
  if (anchor !== undefined && anchor.sequence > head.sequence) return broken("shortened")
  yield* keepAnchor(tenant, head)
  return { valid: true, entries: head.sequence, anchored_to: head.sequence }
})
