/** Reads the audit log of a tenant: a page at a time, newest first, or all of it in the order in which it was written. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Tenancy } from "../tenants/tenancy.ts"
import { auditLimits } from "./limits.ts"
import type { AuditEntry } from "./record.ts"

export interface AuditSearch {
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly object_type?: string | undefined
  readonly object_id?: string | undefined
  /** ISO 8601; `from` inclusive, `to` exclusive. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}

const columns = (sql: SqlClient) => sql`tenant, sequence::float8 AS sequence,
  to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, actor, action, object_type, object_id,
  before, after, request_id, trace_id, address, previous_hash, hash`

const matching = (sql: SqlClient, tenant: string, search: AuditSearch) => {
  const { actor, action, object_type, object_id, from, to } = search
  return sql.and([
    sql`tenant = ${tenant}`,
    ...(actor === undefined ? [] : [sql`actor = ${actor}`]),
    ...(action === undefined ? [] : [sql`action = ${action}`]),
    ...(object_type === undefined ? [] : [sql`object_type = ${object_type}`]),
    ...(object_id === undefined ? [] : [sql`object_id = ${object_id}`]),
    ...(from === undefined ? [] : [sql`at >= ${from}::text::timestamptz`]),
    ...(to === undefined ? [] : [sql`at < ${to}::text::timestamptz`]),
  ])
}

/** Newest first, those before the entry `before`. `next`: what `before` is for the following page, if there is one. */
export const auditPage = Effect.fn("audit.page")(function* (
  tenant: string,
  search: AuditSearch,
  page: { readonly before?: number | undefined; readonly limit: number },
): Effect.fn.Return<
  { readonly entries: ReadonlyArray<AuditEntry>; readonly next: number | undefined },
  SqlError,
  Tenancy
> {
  const { within } = yield* Tenancy
  const limit = Math.min(page.limit, auditLimits.pageMax)
  const entries = yield* within(
    tenant,
    (sql) => sql<AuditEntry>`SELECT ${columns(sql)} FROM audit_log
      WHERE ${matching(sql, tenant, search)} AND sequence < ${page.before ?? Number.MAX_SAFE_INTEGER}::float8::bigint
      ORDER BY sequence DESC LIMIT ${limit + 1}`,
  )
  const shown = entries.slice(0, limit)
  return { entries: shown, next: entries.length > limit ? shown.at(-1)!.sequence : undefined }
})

/** The entries after one, oldest first, at most a slice. */
export const auditSlice = (tenant: string, search: AuditSearch, after: number, through: number) =>
  Tenancy.use(({ within }) =>
    within(
      tenant,
      (sql) => sql<AuditEntry>`SELECT ${columns(sql)} FROM audit_log
        WHERE ${matching(sql, tenant, search)} AND sequence > ${after}::float8::bigint
          AND sequence <= ${through}::float8::bigint
        ORDER BY sequence LIMIT ${auditLimits.slice}`,
    ),
  )

/** Where the chain ends now. Undefined: nothing was ever changed. */
export const auditHead = (tenant: string) =>
  Tenancy.use(({ within }) =>
    within(
      tenant,
      (sql) => sql<{ readonly sequence: number; readonly hash: string }>`
        SELECT sequence::float8 AS sequence, hash FROM audit_heads WHERE tenant = ${tenant}`,
    ),
  ).pipe(Effect.map(([head]) => head))

/** All entries up to the one that is the last now, a slice in memory at a time. */
export const auditStream = (
  tenant: string,
  search: AuditSearch,
): Stream.Stream<AuditEntry, SqlError, Tenancy> =>
  Stream.unwrap(
    Effect.map(auditHead(tenant), (head) =>
      Stream.paginate(0, (after) =>
        Effect.map(auditSlice(tenant, search, after, head?.sequence ?? 0), (entries) => {
          const last = entries.at(-1)
          return [
            entries,
            last === undefined || entries.length < auditLimits.slice
              ? Option.none()
              : Option.some(last.sequence),
          ] as const
        }),
      ),
    ),
  )
