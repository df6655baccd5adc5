/** What this node knows of the tenants: all of them in memory, read again when one has changed, or after a time. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { ChangesService } from "../changes/changes.ts"
import { tenantLimits } from "./limits.ts"

export type TenantState = "active" | "suspended"

/** A row of the table `tenants`. */
export interface StoredTenant {
  readonly id: string
  readonly name: string
  readonly state: TenantState
  /** Sealed; null for a tenant in the management database. */
  readonly database_url: string | null
  readonly created_at: string
  /** Grows with each change. */
  readonly version: number
}

/** The topic under which changes of tenants are announced. */
export const tenantsTopic = "tenants"

/** The columns as they are on the wire, but for the address of the database. */
export const selectTenants = (sql: SqlClient) => sql`SELECT id, name, state, database_url,
  to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created_at, version FROM tenants`

export class TenantRegister {
  readonly #sql: SqlClient
  readonly #changes: ChangesService
  #tenants = new Map<string, StoredTenant>()
  #generation = -1
  #until = 0

  constructor(sql: SqlClient, changes: ChangesService) {
    this.#sql = sql
    this.#changes = changes
  }

  get isCurrent(): boolean {
    return this.#generation === this.#changes.generation(tenantsTopic) && Date.now() < this.#until
  }

  /** Undefined also when what is in memory is not current: then `find` knows. */
  known(id: string): StoredTenant | undefined {
    return this.isCurrent ? this.#tenants.get(id) : undefined
  }

  get all(): Iterable<StoredTenant> {
    return this.#tenants.values()
  }

  readonly load: Effect.Effect<void, SqlError> = Effect.suspend(() => {
    // A change that is announced while this reads leaves it stale.
    const generation = this.#changes.generation(tenantsTopic)
    return Effect.map(
      this.#sql<StoredTenant>`${selectTenants(this.#sql)} LIMIT ${tenantLimits.tenantsMax}`,
      (rows) => {
        this.#tenants = new Map(rows.map((row) => [row.id, row]))
        this.#generation = generation
        this.#until = Date.now() + tenantLimits.keepMs
      },
    )
  })

  find(id: string): Effect.Effect<StoredTenant | undefined, SqlError> {
    const known = this.known(id)
    if (known !== undefined) return Effect.succeed(known)
    if (this.isCurrent) return Effect.succeed(undefined)
    return Effect.map(this.load, () => this.#tenants.get(id))
  }
}
