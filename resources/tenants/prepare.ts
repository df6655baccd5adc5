/** Brings a database to where tenants' work can be done in it: the role that sees one tenant's rows, and the tables. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import type { MigrationError } from "../sql/errors.ts"
import { type Migration, migrate } from "../sql/migrate.ts"
import { TenantRoleMissing } from "./errors.ts"
import { createTenantRole, tenantRole } from "./row-security.ts"

/** A column of a tenant's rows that holds secrets, so that they are counted by their keys and sealed again. */
export interface SealedColumn {
  /** What it holds, as operators are told: `agent-credentials`. */
  readonly kind: string
  readonly table: string
  /** The column that names a row among its tenant's. */
  readonly id: string
  readonly column: string
  /** As the audit log calls what a row belongs to. */
  readonly objectType: string
  /** What each secret is bound to. */
  readonly place: (tenant: string, id: string) => string
}

/** A set of tables that every database with tenants' rows has. */
export interface TenantTables {
  readonly set: string
  readonly migrations: ReadonlyArray<Migration>
  readonly sealed?: ReadonlyArray<SealedColumn>
}

/** SQLSTATE of PostgreSQL: the login role may not do this. */
const insufficientPrivilege = "42501"

const isForbidden = (error: unknown): boolean =>
  isSqlError(error) &&
  ((error.reason.cause ?? {}) as { readonly code?: unknown }).code === insufficientPrivilege

/** What the login role may not do, somebody else may have done for it. */
const ifAllowed = (sql: SqlClient, statement: string) =>
  Effect.catchIf(Effect.asVoid(sql.unsafe(statement).unprepared), isForbidden, () => Effect.void)

const canWorkAsTenant = (sql: SqlClient): Effect.Effect<boolean, SqlError> =>
  sql`SELECT set_config('role', ${tenantRole}, true)`.pipe(
    sql.withTransaction,
    Effect.as(true),
    Effect.catchIf(
      // 22023: there is no such role.
      (error) => isForbidden(error) || /role .* does not exist|22023/.test(String(error.reason.cause)),
      () => Effect.succeed(false),
    ),
  )

const prepareRole = Effect.fnUntraced(function* (
  sql: SqlClient,
): Effect.fn.Return<void, SqlError | TenantRoleMissing> {
  if (yield* canWorkAsTenant(sql)) return
  yield* ifAllowed(sql, createTenantRole)
  // A superuser is a member of every role. Others that made the role may grant it, to themselves as well.
  yield* Effect.ignore(sql.unsafe(`GRANT ${tenantRole} TO CURRENT_USER`).unprepared)
  if (yield* canWorkAsTenant(sql)) return
  const [role] = yield* sql<{ login: string }>`SELECT current_user::text AS login`
  return yield* new TenantRoleMissing({ login: role?.login ?? "" })
})

/** Idempotent; several nodes may do so at once. */
export const prepareDatabase = Effect.fnUntraced(function* (
  sql: SqlClient,
  tables: ReadonlyArray<TenantTables>,
): Effect.fn.Return<void, SqlError | MigrationError | TenantRoleMissing> {
  yield* prepareRole(sql)
  for (const { set, migrations } of tables) yield* migrate(sql, migrations, { set })
})
