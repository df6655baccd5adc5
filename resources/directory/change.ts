/**
 * The frame of every change to the directory: one transaction, one after another within a tenant, audited, and announced
 * to all nodes. Also the two guards: nobody grants what they do not hold, and a tenant keeps an administrator.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type Change, type ChangedBy, recordChanges } from "../audit/record.ts"
import type { ChangesService } from "../changes/changes.ts"
import type { Refused } from "../refusal.ts"
import type { TenancyService } from "../tenants/tenancy.ts"
import { accessRow } from "./access.ts"
import { lastAdmin, moreThanHeld } from "./refusals.ts"
import { effective, missing, narrowed } from "./rights.ts"

/** What the parts of the directory work with. */
export interface Parts {
  readonly tenancy: TenancyService
  readonly changes: ChangesService
  /** The tenant that manages the others. */
  readonly platform: string
}

/** What is given to the work of one change. */
export interface Changing {
  readonly sql: SqlClient
  readonly by: ChangedBy
  readonly inPlatform: boolean
  /** Nothing is announced or audited that was not noted. */
  readonly note: (change: Change) => void
}

/** What the node does by itself may grant everything. No user can have this name. */
export const systemUser = "system"

export const accessTopic = (tenant: string): string => `access/${tenant}`

/** Waits for the tenant's other changes: what is read after it holds until the transaction ends. */
const lock = (sql: SqlClient, tenant: string) =>
  sql`INSERT INTO directory_locks (tenant, changes) VALUES (${tenant}, 1)
    ON CONFLICT (tenant) DO UPDATE SET changes = directory_locks.changes + 1`

/** Announced also when the end is unknown: a connection lost at the commit may have committed. */
export const changing = <A, E>(
  { tenancy, changes, platform }: Parts,
  by: ChangedBy,
  work: (changing: Changing) => Effect.Effect<A, E>,
): Effect.Effect<A, E | SqlError> =>
  Effect.suspend(() => {
    const noted: Array<Change> = []
    return tenancy
      .within(by.tenant, (sql) =>
        Effect.gen(function* () {
          yield* lock(sql, by.tenant)
          const note = (change: Change) => void noted.push(change)
          const answer = yield* work({ sql, by, note, inPlatform: by.tenant === platform })
          yield* recordChanges(sql, by, noted)
          return answer
        }),
      )
      .pipe(
        Effect.onExit(() => (noted.length > 0 ? changes.announce(accessTopic(by.tenant)) : Effect.void)),
        Effect.uninterruptible,
      )
  })

/** Errors: 403 `USR_ROLE_007`. What a caller holds is read in the transaction itself, never from what is kept. */
export const requireHeld = Effect.fnUntraced(function* (
  { sql, by, inPlatform }: Changing,
  wanted: ReadonlyArray<string>,
): Effect.fn.Return<void, Refused | SqlError> {
  if (by.user === systemUser || wanted.length === 0) return
  const access = yield* accessRow(sql, by.tenant, by.user, inPlatform)
  const held = narrowed(access?.permissions ?? [], by.permissions)
  const beyond = missing(held, effective(wanted, inPlatform))
  if (beyond.length > 0) return yield* moreThanHeld(beyond)
})

const hasAdmin = (sql: SqlClient, tenant: string) =>
  Effect.map(
    sql<{ there: boolean }>`SELECT EXISTS (
      SELECT 1 FROM user_roles r JOIN users u ON u.tenant = r.tenant AND u.id = r.user_id
        WHERE r.tenant = ${tenant} AND r.role = 'ADMIN' AND u.is_active
      UNION ALL
      SELECT 1 FROM group_roles r JOIN memberships m ON m.tenant = r.tenant AND m.group_id = r.group_id
        JOIN users u ON u.tenant = m.tenant AND u.id = m.user_id
        WHERE r.tenant = ${tenant} AND r.role = 'ADMIN' AND u.is_active) AS there`,
    ([row]) => row!.there,
  )

/** Errors: 409 `USR_ROLE_006` when the work takes the tenant its last active administrator; it is undone then. */
export const keepingAnAdmin = Effect.fnUntraced(function* <A, E>(
  { sql, by }: Changing,
  work: Effect.Effect<A, E>,
): Effect.fn.Return<A, E | Refused | SqlError> {
  const before = yield* hasAdmin(sql, by.tenant)
  const answer = yield* work
  if (before && !(yield* hasAdmin(sql, by.tenant))) return yield* lastAdmin()
  return answer
})
