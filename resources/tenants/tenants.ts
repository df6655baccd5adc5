/**
 * The tenants of this deployment, kept in the management database. Only the platform changes them; every change is in the
 * audit log of the platform's own tenant. A tenant is never removed: its name stays taken, so that nobody inherits rows.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type ChangedBy, recordChanges } from "../audit/record.ts"
import { Changes } from "../changes/changes.ts"
import { type Refused, refuse } from "../refusal.ts"
import { Secrets } from "../secrets/secrets.ts"
import { Database } from "../sql/database.ts"
import { checkAddress } from "./check-address.ts"
import { tenantLimits } from "./limits.ts"
import { platformTenant } from "./migrations.ts"
import { type StoredTenant, selectTenants, type TenantState, tenantsTopic } from "./register.ts"
import { databaseSecret, Tenancy, TenantPlaces } from "./tenancy.ts"

/** As it is on the wire: never with the address of its database. */
export interface Tenant {
  readonly id: string
  readonly name: string
  readonly state: TenantState
  readonly own_database: boolean
  readonly created_at: string
  readonly version: number
}

export interface TenantSearch {
  /** From 1. */
  readonly page: number
  readonly limit: number
  readonly state?: TenantState | undefined
  /** Part of the id or the name. */
  readonly search?: string | undefined
}

export interface TenantChange {
  readonly name?: string | undefined
  readonly state?: TenantState | undefined
  /** A new address of the same database. */
  readonly database_url?: string | undefined
}

type Answer<A> = Effect.Effect<A, Refused | SqlError>

export interface TenantsService {
  /** Undefined when there is no such tenant, or when this node has to read first: then ask `find`. */
  readonly known: (id: string) => { readonly state: TenantState } | undefined
  /** Current on every node as soon as it hears of a change, and within `keepMs` otherwise. */
  readonly find: (id: string) => Effect.Effect<Tenant | undefined, SqlError>
  readonly list: (
    search: TenantSearch,
  ) => Answer<{ readonly rows: ReadonlyArray<Tenant>; readonly total: number }>
  readonly get: (id: string) => Answer<Tenant>
  /**
   * With `database_url`: only when that database can be reached and its tables made. `administrators`: names of users who
   * become ADMIN when they log in for the first time.
   */
  readonly create: (
    by: ChangedBy,
    tenant: {
      readonly id: string
      readonly name: string
      readonly database_url?: string | undefined
      readonly administrators?: ReadonlyArray<string> | undefined
    },
  ) => Answer<Tenant>
  /** `version`: refused as `stale` when it is not the current one. */
  readonly change: (by: ChangedBy, id: string, change: TenantChange, version?: number) => Answer<Tenant>
}

const tenantOf = ({ database_url, ...row }: StoredTenant): Tenant => ({
  id: row.id,
  name: row.name,
  state: row.state,
  own_database: database_url !== null,
  created_at: row.created_at,
  version: row.version,
})

const unknownTenant = (id: string) => refuse("not-found", "TEN_MGT_001", "There is no such tenant.", { id })

const platformStays = () =>
  refuse("invalid", "TEN_MGT_004", "The platform's own tenant cannot be suspended or moved.", {
    id: platformTenant,
  })

const row = (sql: SqlClient, id: string) =>
  Effect.flatMap(sql<StoredTenant>`${selectTenants(sql)} WHERE id = ${id}`, ([found]) =>
    found === undefined ? Effect.fail(unknownTenant(id)) : Effect.succeed(found),
  )

const containing = (text: string): string => `%${text.replace(/[\\%_]/g, "\\$&")}%`

const list = Effect.fnUntraced(function* (sql: SqlClient, { page, limit, state, search }: TenantSearch) {
  const where = sql.and([
    sql`true`,
    ...(state === undefined ? [] : [sql`state = ${state}`]),
    ...(search === undefined
      ? []
      : [sql`(id ILIKE ${containing(search)} OR name ILIKE ${containing(search)})`]),
  ])
  const [counted] = yield* sql<{ total: number }>`SELECT count(*)::int AS total FROM tenants WHERE ${where}`
  const rows = yield* sql<StoredTenant>`${selectTenants(sql)} WHERE ${where}
    ORDER BY id LIMIT ${limit} OFFSET ${(page - 1) * limit}`
  return { rows: rows.map(tenantOf), total: counted?.total ?? 0 }
})

const make = Effect.gen(function* () {
  const [tenancy, places, changes] = [yield* Tenancy, yield* TenantPlaces, yield* Changes]
  const [secrets, database] = [yield* Secrets, yield* Database]
  const { management: sql } = tenancy
  const { register } = places

  /** Changes of tenants happen one after another, each with its entry in the platform's audit log. */
  const changing = (
    by: ChangedBy,
    id: string,
    work: Answer<{ before?: StoredTenant; action: string; more?: object }>,
  ) =>
    sql
      .withTransaction(
        Effect.gen(function* () {
          yield* sql`LOCK TABLE tenants IN SHARE ROW EXCLUSIVE MODE`
          const { before, action, more } = yield* work
          const after = yield* row(sql, id)
          yield* recordChanges(sql, { ...by, tenant: platformTenant }, [
            {
              action,
              objectType: "tenant",
              objectId: id,
              ...(before === undefined ? {} : { before: tenantOf(before) }),
              after: { ...tenantOf(after), ...more },
            },
          ])
          return tenantOf(after)
        }),
      )
      .pipe(Effect.tap(() => changes.announce(tenantsTopic)))

  const sealAddress = Effect.fnUntraced(function* (id: string, url: string | undefined) {
    if (url === undefined) return null
    yield* checkAddress(database.mode, id, url, places.tables)
    return secrets.seal(url, databaseSecret(id))
  })

  const create: TenantsService["create"] = Effect.fn("Tenants.create")(function* (
    by,
    { id, name, database_url, administrators = [] },
  ) {
    const taken = refuse("conflict", "TEN_MGT_002", "There is a tenant with this id already.", { id })
    if ((yield* sql`SELECT 1 FROM tenants WHERE id = ${id}`).length > 0) return yield* taken
    const sealed = yield* sealAddress(id, database_url)
    const insert = Effect.gen(function* () {
      const [counted] = yield* sql<{ total: number }>`SELECT count(*)::int AS total FROM tenants`
      if ((counted?.total ?? 0) >= tenantLimits.tenantsMax)
        return yield* refuse("limit", "TEN_MGT_005", "There are as many tenants as there may be.", {
          limit: "tenantsMax",
          tenants_max: tenantLimits.tenantsMax,
        })
      const made = yield* sql`INSERT INTO tenants (id, name, state, database_url)
          VALUES (${id}, ${name}, 'active', ${sealed}) ON CONFLICT DO NOTHING RETURNING id`
      if (made.length === 0) return yield* taken
      const names = [...new Set(administrators.map((username) => username.normalize("NFC")))]
      for (const username of names)
        yield* sql`INSERT INTO awaited_administrators (tenant, username) VALUES (${id}, ${username})`
      return { action: "tenant.create", ...(names.length === 0 ? {} : { more: { administrators: names } }) }
    })
    return yield* changing(by, id, insert)
  })

  const change: TenantsService["change"] = Effect.fn("Tenants.change")(function* (
    by,
    id,
    { name, state, database_url },
    version,
  ) {
    const stored = yield* row(sql, id)
    if (id === platformTenant && (state === "suspended" || database_url !== undefined))
      return yield* platformStays()
    if (database_url !== undefined && stored.database_url === null)
      return yield* refuse("invalid", "TEN_MGT_006", "A tenant's rows are not moved to another database.", {
        field: "database_url",
        remedy: "create a tenant with a database of its own",
      })
    const sealed = database_url === undefined ? null : yield* sealAddress(id, database_url)
    const update = Effect.gen(function* () {
      const before = yield* row(sql, id)
      if (version !== undefined && version !== before.version)
        return yield* refuse("stale", "TEN_MGT_003", "The tenant was changed meanwhile; read it again.", {
          version: before.version,
        })
      yield* sql`UPDATE tenants SET name = ${name ?? before.name}, state = ${state ?? before.state},
          database_url = ${sealed ?? before.database_url}, version = version + 1 WHERE id = ${id}`
      const action =
        state === undefined || state === before.state
          ? "tenant.change"
          : state === "active"
            ? "tenant.resume"
            : "tenant.suspend"
      return { before, action }
    })
    const changed = yield* changing(by, id, update)
    if (database_url !== undefined) yield* places.databases.forget(id)
    // Credentials that some node has checked lately are looked at again.
    if (changed.state !== stored.state) yield* changes.announce(`access/${id}`)
    return changed
  })

  return Tenants.of({
    known: (id) => register.known(id),
    find: (id) =>
      Effect.map(register.find(id), (found) => (found === undefined ? undefined : tenantOf(found))),
    list: (search) => list(sql, search),
    get: (id) => Effect.map(row(sql, id), tenantOf),
    create,
    change,
  })
})

export class Tenants extends Context.Service<Tenants, TenantsService>()("millrace/Tenants") {
  /** Over `Tenancy.layerRouted`. */
  static readonly layer = Layer.effect(Tenants, make)
}
