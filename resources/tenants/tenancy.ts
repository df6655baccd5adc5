/**
 * The only way to a tenant's rows. Work for a tenant runs in one transaction as a role to which row-level security shows
 * that tenant's rows and nobody else's, so that a forgotten condition finds nothing rather than too much.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { MigrationError } from "../sql/errors.ts"
import { type Migration, migrate } from "../sql/migrate.ts"
import { createTenantRole, tenantParameter, tenantRole } from "./row-security.ts"

/** A set of tables that every database with tenants' rows has. */
export interface TenantTables {
  readonly set: string
  readonly migrations: ReadonlyArray<Migration>
}

export interface TenancyService {
  /**
   * Atomic: one transaction in the tenant's database. Nothing of another tenant can be read or written in it.
   * Errors: those of the work, and `SqlError`.
   */
  readonly within: <A, E, R>(
    tenant: string,
    work: (sql: SqlClient) => Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E | SqlError, R>
  /** The database of what belongs to no tenant: the tenants themselves, where keys lead, signing keys. */
  readonly management: SqlClient
}

const enter = (sql: SqlClient, tenant: string) =>
  sql`SELECT set_config('role', ${tenantRole}, true), set_config(${tenantParameter}, ${tenant}, true)`

const prepare = Effect.fnUntraced(function* (
  sql: SqlClient,
  tables: ReadonlyArray<TenantTables>,
): Effect.fn.Return<void, SqlError | MigrationError> {
  yield* sql.unsafe(createTenantRole).unprepared
  for (const { set, migrations } of tables) yield* migrate(sql, migrations, { set })
})

export class Tenancy extends Context.Service<Tenancy, TenancyService>()("millrace/Tenancy") {
  /** Brings the tables to the shape the code expects first; several nodes may do so at once. */
  static layer(tables: ReadonlyArray<TenantTables>) {
    return Layer.effect(
      Tenancy,
      Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* prepare(sql, tables)
        return Tenancy.of({
          management: sql,
          within: (tenant, work) =>
            sql.withTransaction(
              Effect.andThen(
                enter(sql, tenant),
                Effect.suspend(() => work(sql)),
              ),
            ),
        })
      }),
    )
  }
}
