/**
 * Where the platform keeps what is sealed, and how many rows are sealed under which key: what an operator has to know
 * before an old key is taken out of the environment. Reads only; never opens anything.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Secrets } from "../secrets/secrets.ts"
import type { SealedColumn } from "../tenants/prepare.ts"
import { Tenancy, TenantPlaces } from "../tenants/tenancy.ts"

export interface SealedRows {
  /** What is sealed. `logins-under-way` end within minutes, and are never sealed again. */
  readonly kind: string
  readonly key_id: string
  readonly rows: number
  /** `newest`: what is sealed now. `missing`: this environment does not hold the key, and cannot open these rows. */
  readonly key: "missing" | "newest" | "older"
}

export interface SealedReport {
  readonly sealed: ReadonlyArray<SealedRows>
  /** Tenants whose own database did not answer: what they have is not counted. */
  readonly unreachable: ReadonlyArray<string>
}

interface Counted {
  readonly kind: string
  readonly key_id: string
  readonly rows: number
}

const inManagement = Effect.gen(function* () {
  const { management: sql } = yield* Tenancy
  return yield* sql<Counted>`
    SELECT 'signing-keys' AS kind, split_part(sealed_private_key, '.', 2) AS key_id, count(*)::int AS rows
      FROM signing_keys GROUP BY 2
    UNION ALL SELECT 'tenant-databases', split_part(database_url, '.', 2), count(*)::int
      FROM tenants WHERE database_url IS NOT NULL GROUP BY 2
    UNION ALL SELECT 'logins-under-way', split_part(sealed, '.', 2), count(*)::int FROM login_attempts GROUP BY 2`
})

const countIn = (sql: SqlClient, tenant: string, { kind, table, column }: SealedPlace) =>
  sql<Counted>`
    SELECT ${kind}::text AS kind, split_part(${sql(column)}, '.', 2) AS key_id, count(*)::int AS rows
    FROM ${sql(table)} WHERE tenant = ${tenant} AND ${sql(column)} IS NOT NULL GROUP BY 2`

type SealedPlace = Pick<SealedColumn, "kind" | "table" | "column">
const modelKeys: SealedPlace = { kind: "model-keys", table: "llm_models", column: "sealed_key" }

const inTenant = Effect.fnUntraced(function* (tenant: string) {
  const [{ within }, { tables }] = [yield* Tenancy, yield* TenantPlaces]
  const places = [modelKeys, ...tables.flatMap(({ sealed = [] }) => sealed)]
  const counted = yield* within(tenant, (sql) =>
    Effect.forEach(places, (place) => countIn(sql, tenant, place)),
  )
  return counted.flat()
})

/** Every tenant there is now, suspended ones as well. */
export const everyTenant = Effect.gen(function* () {
  const { register } = yield* TenantPlaces
  yield* register.load
  return Array.from(register.all, ({ id }) => id).sort()
})

const summed = (counted: ReadonlyArray<Counted>): ReadonlyArray<Counted> => {
  const sums = new Map<string, Counted>()
  for (const row of counted) {
    const name = `${row.kind} ${row.key_id}`
    sums.set(name, { ...row, rows: row.rows + (sums.get(name)?.rows ?? 0) })
  }
  return [...sums.keys()].sort().map((name) => sums.get(name)!)
}

/** One tenant after another: a tenant's own database is opened for it. */
export const sealedRows: Effect.Effect<SealedReport, SqlError, Secrets | Tenancy | TenantPlaces> = Effect.gen(
  function* () {
    const { keyIds } = yield* Secrets
    const counted: Array<Counted> = [...(yield* inManagement)]
    const unreachable: Array<string> = []
    for (const tenant of yield* everyTenant)
      yield* Effect.match(inTenant(tenant), {
        onSuccess: (rows) => void counted.push(...rows),
        onFailure: () => void unreachable.push(tenant),
      })
    const sealed = summed(counted).map(
      (row): SealedRows => ({
        ...row,
        key: row.key_id === keyIds[0] ? "newest" : keyIds.includes(row.key_id) ? "older" : "missing",
      }),
    )
    return { sealed, unreachable }
  },
)
