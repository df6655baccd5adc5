/**
 * Connections to the databases that some tenants have for themselves: opened on first use, with all tables brought to
 * their shape, and closed when nobody has used them for a while. Bounded: the one unused for longest makes room.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RcMap from "effect/RcMap"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import { Database } from "../sql/database.ts"
import type { DatabaseError, MigrationError } from "../sql/errors.ts"
import { maskText } from "../tracing/masking.ts"
import { DatabaseTaken, type TenantRoleMissing } from "./errors.ts"
import { tenantLimits } from "./limits.ts"
import { ownDatabaseTables } from "./migrations.ts"
import { prepareDatabase, type TenantTables } from "./prepare.ts"

export type OwnDatabaseError = DatabaseError | MigrationError | TenantRoleMissing | DatabaseTaken | SqlError

/** Writes down whose the database is. Nobody else's rows are ever put beside them. */
const claim = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
): Effect.fn.Return<void, SqlError | DatabaseTaken> {
  const [stored] = yield* sql<{ tenant: string }>`
    INSERT INTO tenant_home (tenant) VALUES (${tenant})
    ON CONFLICT (one) DO UPDATE SET one = true RETURNING tenant`
  if (stored?.tenant !== tenant) return yield* new DatabaseTaken({ by: "another-tenant" })
})

/** Checked before anything is written: the tables of the platform are not to be found there. */
const refusePlatform = Effect.fnUntraced(function* (
  sql: SqlClient,
): Effect.fn.Return<void, SqlError | DatabaseTaken> {
  const [found] = yield* sql<{ there: boolean }>`SELECT to_regclass('tenants') IS NOT NULL AS there`
  if (found?.there === true) return yield* new DatabaseTaken({ by: "the-platform" })
})

/** Connects, brings the tables to their shape, and claims the database for the tenant. Idempotent. */
export const openOwnDatabase = Effect.fnUntraced(function* (
  tenant: string,
  url: string,
  tables: ReadonlyArray<TenantTables>,
): Effect.fn.Return<SqlClient, OwnDatabaseError, Scope.Scope> {
  const layer = Database.layer({
    url: Redacted.make(url),
    maxConnections: tenantLimits.poolConnectionsMax,
  })
  const sql = Context.get(yield* Layer.build(Layer.fresh(layer)), SqlClient)
  yield* refusePlatform(sql)
  yield* prepareDatabase(sql, [ownDatabaseTables, ...tables])
  yield* claim(sql, tenant)
  return sql
})

/** Whatever is wrong with one tenant's database, its callers see a database that does not answer. */
export const asSqlError = (tenant: string, cause: unknown): SqlError => {
  const reason = maskText(cause instanceof Error ? cause.message : String(cause))
  const message = `the own database of the tenant ${tenant} cannot be used: ${reason}`
  return new SqlError({ reason: new ConnectionError({ cause, message, operation: "connect" }) })
}

export interface OwnDatabases {
  /** For the scope's time. */
  readonly get: (tenant: string) => Effect.Effect<SqlClient, SqlError, Scope.Scope>
  /** What is opened next reads the tenant's address anew. Work that is under way ends as it began. */
  readonly forget: (tenant: string) => Effect.Effect<void>
  /** How many are open. */
  readonly open: Effect.Effect<number>
}

/** `urlOf`: where a tenant's database is. */
export const makeOwnDatabases = Effect.fnUntraced(function* (
  tables: ReadonlyArray<TenantTables>,
  urlOf: (tenant: string) => Effect.Effect<string, SqlError>,
  poolsMax: number = tenantLimits.tenantPoolsMax,
): Effect.fn.Return<OwnDatabases, never, Scope.Scope> {
  /** Users of each open pool now; in the order of their last use. */
  const users = new Map<string, number>()
  const pools = yield* RcMap.make({
    lookup: (tenant: string) =>
      Effect.flatMap(urlOf(tenant), (url) => openOwnDatabase(tenant, url, tables)).pipe(
        Effect.timeout(tenantLimits.openMs),
        Effect.withTracerEnabled(false),
      ),
    idleTimeToLive: tenantLimits.poolIdleMs,
    capacity: poolsMax,
  })
  const change = (tenant: string, by: number) => {
    const now = (users.get(tenant) ?? 0) + by
    users.delete(tenant)
    users.set(tenant, Math.max(0, now))
  }
  const forget = (tenant: string) =>
    Effect.suspend(() => {
      if ((users.get(tenant) ?? 0) === 0) users.delete(tenant)
      return RcMap.invalidate(pools, tenant)
    })
  const open = Effect.map(RcMap.keys(pools), (keys) => new Set(keys))
  const makeRoom = (tenant: string) =>
    Effect.flatMap(open, (keys) => {
      if (keys.has(tenant) || keys.size < poolsMax) return Effect.void
      const idle = [...users].find(([other, count]) => count === 0 && keys.has(other))?.[0]
      return idle === undefined ? Effect.void : forget(idle)
    })
  const inUse = (tenant: string) =>
    Effect.acquireRelease(
      Effect.sync(() => change(tenant, 1)),
      () => Effect.sync(() => change(tenant, -1)),
    )
  const get = (tenant: string) =>
    Effect.andThen(makeRoom(tenant), inUse(tenant)).pipe(
      Effect.andThen(RcMap.get(pools, tenant)),
      // What failed to open is opened anew by the next caller.
      Effect.tapCause(() => forget(tenant)),
      Effect.mapError((cause) => asSqlError(tenant, cause)),
    )
  return { get, forget, open: Effect.map(open, ({ size }) => size) }
})
