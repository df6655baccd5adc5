/**
 * The only way to a tenant's rows. Work for a tenant runs in one transaction as a role to which row-level security shows
 * that tenant's rows and nobody else's, so that a forgotten condition finds nothing rather than too much. A tenant may
 * have a database of its own; who works for it does not notice.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Changes } from "../changes/changes.ts"
import { Secrets } from "../secrets/secrets.ts"
import type { MigrationError } from "../sql/errors.ts"
import { type SecretKeysDiffer, type TenantRoleMissing, TenantsMixed } from "./errors.ts"
import { managementTables } from "./migrations.ts"
import { asSqlError, makeOwnDatabases, type OwnDatabases } from "./own-databases.ts"
import { prepareDatabase, type TenantTables } from "./prepare.ts"
import { TenantRegister } from "./register.ts"
import { tenantParameter, tenantRole } from "./row-security.ts"
import { checkSameKeys } from "./same-keys.ts"

export interface TenancyService {
  /**
   * Atomic: one transaction in the tenant's database. Nothing of another tenant can be read or written in it.
   * Errors: those of the work, and `SqlError`. Gotcha: inside it `management` is the same transaction and sees nothing;
   * work for another tenant inside it is a defect.
   */
  readonly within: <A, E, R>(
    tenant: string,
    work: (sql: SqlClient) => Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E | SqlError, R>
  /** The database of what belongs to no tenant: the tenants themselves, where keys lead, signing keys. */
  readonly management: SqlClient
}

/** What `Tenants` shares with `Tenancy`, and nobody else. */
export class TenantPlaces extends Context.Service<
  TenantPlaces,
  {
    readonly register: TenantRegister
    readonly databases: OwnDatabases
    readonly tables: ReadonlyArray<TenantTables>
  }
>()("millrace/TenantPlaces") {}

/** For whom the fiber works now. */
const WorkingFor = Context.Reference<string | undefined>("millrace/tenants/WorkingFor", {
  defaultValue: () => undefined,
})

/** Local to the transaction: a connection goes back to its pool as it came, also after a failure. */
const enter = (sql: SqlClient, tenant: string) =>
  sql`SELECT set_config('role', ${tenantRole}, true), set_config(${tenantParameter}, ${tenant}, true)`

/**
 * One transaction in this database under the tenant's row-level security: for what is kept of all tenants in one place,
 * such as projections of streams. Everything else goes through `Tenancy`. The database was prepared for tenants before.
 */
export const asTenant = <A, E, R>(
  sql: SqlClient,
  tenant: string,
  work: (sql: SqlClient) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | SqlError, R> =>
  Effect.withFiber((fiber) => {
    const inside = fiber.getRef(WorkingFor)
    const open = Context.getOrUndefined(fiber.context, sql.transactionService) !== undefined
    if (inside !== undefined && inside !== tenant) return Effect.die(new TenantsMixed(tenant, inside))
    if (open && inside === undefined) return Effect.die(new TenantsMixed(tenant, undefined))
    const working = Effect.suspend(() => work(sql))
    return open
      ? sql.withTransaction(working)
      : sql.withTransaction(
          Effect.andThen(enter(sql, tenant), Effect.provideService(working, WorkingFor, tenant)),
        )
  })

const unroutedLayer = (tables: ReadonlyArray<TenantTables>) =>
  Layer.effect(
    Tenancy,
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* prepareDatabase(sql, tables)
      return Tenancy.of({
        management: sql,
        within: (tenant, work) => asTenant(sql, tenant, work),
      })
    }),
  )

/** The bound that an address is sealed to. */
export const databaseSecret = (tenant: string): string => `tenant/${tenant}/database`

const makeRouted = Effect.fnUntraced(function* (
  tables: ReadonlyArray<TenantTables>,
): Effect.fn.Return<
  Context.Context<Tenancy | TenantPlaces>,
  SqlError | MigrationError | TenantRoleMissing | SecretKeysDiffer,
  SqlClient | Secrets | Changes | Scope.Scope
> {
  const [sql, secrets] = [yield* SqlClient, yield* Secrets]
  yield* prepareDatabase(sql, [managementTables, ...tables])
  yield* checkSameKeys(sql, secrets)
  const register = new TenantRegister(sql, yield* Changes)
  yield* register.load
  /** One that nobody has heard of is looked for again: it may be new, and its rows must not come here. */
  const place = (tenant: string) =>
    Effect.map(
      Effect.flatMap(register.find(tenant), (found) =>
        found === undefined ? Effect.andThen(register.load, register.find(tenant)) : Effect.succeed(found),
      ),
      (found) => found?.database_url ?? undefined,
    )
  const databases = yield* makeOwnDatabases(tables, (tenant) =>
    Effect.flatMap(place(tenant), (sealed) =>
      Effect.try({
        try: () => secrets.open(sealed ?? "", databaseSecret(tenant)),
        catch: (cause) => asSqlError(tenant, cause),
      }),
    ),
  )
  const inOwn = <A, E, R>(tenant: string, work: (sql: SqlClient) => Effect.Effect<A, E, R>) =>
    Effect.scopedWith((scope) =>
      Effect.flatMap(Effect.provideService(databases.get(tenant), Scope.Scope, scope), (own) =>
        asTenant(own, tenant, work),
      ),
    )
  const within: TenancyService["within"] = (tenant, work) => {
    const known = register.known(tenant)
    if (known !== undefined)
      return known.database_url === null ? asTenant(sql, tenant, work) : inOwn(tenant, work)
    return Effect.flatMap(place(tenant), (sealed) =>
      sealed === undefined ? asTenant(sql, tenant, work) : inOwn(tenant, work),
    )
  }
  return Context.make(Tenancy, Tenancy.of({ management: sql, within })).pipe(
    Context.add(TenantPlaces, TenantPlaces.of({ register, databases, tables })),
  )
})

export class Tenancy extends Context.Service<Tenancy, TenancyService>()("millrace/Tenancy") {
  /** All tenants in one database. Brings the tables to the shape the code expects first; several nodes may do so at once. */
  static layer(tables: ReadonlyArray<TenantTables>) {
    return unroutedLayer(tables)
  }

  /** The same, and tenants with an own database are worked for there. */
  static layerRouted(tables: ReadonlyArray<TenantTables>) {
    return Layer.effectContext(makeRouted(tables))
  }
}
