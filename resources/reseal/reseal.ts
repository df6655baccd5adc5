/**
 * Seals again, under the newest key, what is sealed under older ones: keys of models, signing keys, addresses of tenants'
 * databases, and the columns that sets of tables name. Several nodes may do so at once and again: each row is changed only as it was read. What does not open here
 * stays as it is. Every change is audited, without any secret.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type ChangedBy, recordChanges } from "../audit/record.ts"
import { signingKeyPlace } from "../credentials/signing-keys.ts"
import { LlmModels } from "../llm-models/llm-models.ts"
import { Secrets, type SecretsService, SecretUnreadable } from "../secrets/secrets.ts"
import { platformTenant } from "../tenants/migrations.ts"
import type { SealedColumn } from "../tenants/prepare.ts"
import { databaseSecret, Tenancy, TenantPlaces } from "../tenants/tenancy.ts"
import { everyTenant } from "./sealed-rows.ts"

export interface Resealed {
  readonly resealed: number
  /** Rows that do not open with the keys of this environment. */
  readonly unreadable: number
  /** Tenants that could not be worked for: their database did not answer. */
  readonly unreachable: ReadonlyArray<string>
}

/** Rows that are changed in one transaction. */
const batchRows = 100

interface Row {
  readonly id: string
  readonly sealed: string
}

interface Store {
  readonly objectType: string
  readonly place: (id: string) => string
  /** After that id, by id, and not sealed under the key `newest`. */
  readonly read: (
    sql: SqlClient,
    after: string,
    newest: string,
  ) => Effect.Effect<ReadonlyArray<Row>, SqlError>
  /** Only when it is still what was read. */
  readonly write: (
    sql: SqlClient,
    row: Row,
    sealed: string,
  ) => Effect.Effect<ReadonlyArray<unknown>, SqlError>
}

const signingKeys: Store = {
  objectType: "signing-key",
  place: signingKeyPlace,
  read: (sql, after, newest) => sql<Row>`SELECT kid AS id, sealed_private_key AS sealed FROM signing_keys
    WHERE kid > ${after} AND split_part(sealed_private_key, '.', 2) <> ${newest} ORDER BY kid LIMIT ${batchRows}::int`,
  write: (sql, row, sealed) => sql`UPDATE signing_keys SET sealed_private_key = ${sealed}
    WHERE kid = ${row.id} AND sealed_private_key = ${row.sealed} RETURNING kid`,
}

const tenantDatabases: Store = {
  objectType: "tenant",
  place: databaseSecret,
  read: (sql, after, newest) => sql<Row>`SELECT id, database_url AS sealed FROM tenants
    WHERE id > ${after} AND database_url IS NOT NULL AND split_part(database_url, '.', 2) <> ${newest}
    ORDER BY id LIMIT ${batchRows}::int`,
  write: (sql, row, sealed) => sql`UPDATE tenants SET database_url = ${sealed}
    WHERE id = ${row.id} AND database_url = ${row.sealed} RETURNING id`,
}

const sealAgain = (secrets: SecretsService, { sealed }: Row, place: string): string | undefined => {
  try {
    return secrets.seal(secrets.open(sealed, place), place)
  } catch (cause) {
    if (cause instanceof SecretUnreadable) return undefined
    throw cause
  }
}

/** One transaction after another, each of so many rows. Gives what was done until there were none. */
const resealStore = Effect.fnUntraced(function* <E, R>(
  { objectType, place, read, write }: Store,
  by: ChangedBy,
  within: <A>(work: (sql: SqlClient) => Effect.Effect<A, SqlError>) => Effect.Effect<A, E, R>,
) {
  const secrets = yield* Secrets
  const batch = (after: string) => (sql: SqlClient) =>
    Effect.gen(function* () {
      const rows = yield* read(sql, after, secrets.keyIds[0]!)
      const done: Array<string> = []
      let unreadable = 0
      for (const row of rows) {
        const sealed = sealAgain(secrets, row, place(row.id))
        if (sealed === undefined) unreadable += 1
        else if ((yield* write(sql, row, sealed)).length > 0) done.push(row.id)
      }
      const action = `${objectType}.reseal`
      yield* recordChanges(
        sql,
        by,
        done.map((objectId) => ({ action, objectType, objectId })),
      )
      return { last: rows.at(-1)?.id, resealed: done.length, unreadable }
    })
  const total = { resealed: 0, unreadable: 0 }
  for (let after = ""; ; ) {
    const { last, resealed, unreadable } = yield* within(batch(after))
    total.resealed += resealed
    total.unreadable += unreadable
    if (last === undefined) return total
    after = last
  }
})

const resealManagement = (store: Store) =>
  Effect.flatMap(Tenancy, ({ management: sql }) =>
    resealStore(store, { tenant: platformTenant, user: "system" }, (work) => sql.withTransaction(work(sql))),
  )

const storeOf = (tenant: string, { objectType, place, table, id, column }: SealedColumn): Store => ({
  objectType,
  place: (row) => place(tenant, row),
  read: (sql, after, newest) => sql<Row>`
    SELECT ${sql(id)} AS id, ${sql(column)} AS sealed FROM ${sql(table)}
    WHERE tenant = ${tenant} AND ${sql(id)} > ${after} AND ${sql(column)} IS NOT NULL
      AND split_part(${sql(column)}, '.', 2) <> ${newest} ORDER BY ${sql(id)} LIMIT ${batchRows}::int`,
  write: (sql, row, sealed) => sql`UPDATE ${sql(table)} SET ${sql(column)} = ${sealed}
    WHERE tenant = ${tenant} AND ${sql(id)} = ${row.id} AND ${sql(column)} = ${row.sealed} RETURNING ${sql(id)}`,
})

/** What the sets of tables say that they keep sealed. */
const resealColumns = Effect.fnUntraced(function* (tenant: string) {
  const [{ within }, { tables }] = [yield* Tenancy, yield* TenantPlaces]
  const total = { resealed: 0, unreadable: 0 }
  for (const column of tables.flatMap(({ sealed = [] }) => sealed)) {
    const by = { tenant, user: "system" }
    const done = yield* resealStore(storeOf(tenant, column), by, (work) => within(tenant, work))
    total.resealed += done.resealed
    total.unreadable += done.unreadable
  }
  return total
})

/** Whether there is anything to do, without a lock on the models. */
const hasOlder = Effect.fnUntraced(function* (tenant: string) {
  const [{ within }, { keyIds }] = [yield* Tenancy, yield* Secrets]
  const [found] = yield* within(
    tenant,
    (sql) => sql`SELECT 1 FROM llm_models
      WHERE sealed_key IS NOT NULL AND split_part(sealed_key, '.', 2) <> ${keyIds[0]!} LIMIT 1`,
  )
  return found !== undefined
})

const resealModels = Effect.fnUntraced(function* (tenant: string) {
  if (!(yield* hasOlder(tenant))) return { resealed: 0, unreadable: 0 }
  return yield* (yield* LlmModels).resealKeys({ tenant, user: "system" })
})

/** One tenant after another; one whose database does not answer stops no other. */
export const resealAll: Effect.Effect<Resealed, SqlError, LlmModels | Secrets | Tenancy | TenantPlaces> =
  Effect.gen(function* () {
    const parts = [yield* resealManagement(signingKeys), yield* resealManagement(tenantDatabases)]
    const unreachable: Array<string> = []
    for (const tenant of yield* everyTenant)
      yield* Effect.match(Effect.all([resealModels(tenant), resealColumns(tenant)]), {
        onSuccess: (done) => void parts.push(...done),
        onFailure: () => void unreachable.push(tenant),
      })
    return {
      resealed: parts.reduce((sum, { resealed }) => sum + resealed, 0),
      unreadable: parts.reduce((sum, { unreadable }) => sum + unreadable, 0),
      unreachable,
    }
  })
