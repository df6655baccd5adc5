/**
 * Seals again, under the newest key, what is sealed under older ones: keys of models, signing keys, addresses of tenants'
 * databases. Several nodes may do so at once and again: each row is changed only as it was read. What does not open here
 * stays as it is. Every change is audited, without any secret.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { recordChanges } from "../audit/record.ts"
import { signingKeyPlace } from "../credentials/signing-keys.ts"
import { LlmModels } from "../llm-models/llm-models.ts"
import { Secrets, type SecretsService, SecretUnreadable } from "../secrets/secrets.ts"
import { platformTenant } from "../tenants/migrations.ts"
import { databaseSecret, Tenancy, type TenantPlaces } from "../tenants/tenancy.ts"
import { everyTenant } from "./sealed-rows.ts"

export interface Resealed {
  readonly resealed: number
  /** Rows that do not open with the keys of this environment. */
  readonly unreadable: number
  /** Tenants that could not be worked for: their database did not answer. */
  readonly unreachable: ReadonlyArray<string>
}

/** Rows of the management database that are changed in one transaction. */
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

const resealBatch = Effect.fnUntraced(function* (
  sql: SqlClient,
  secrets: SecretsService,
  { objectType, place, write }: Store,
  rows: ReadonlyArray<Row>,
) {
  const done: Array<string> = []
  let unreadable = 0
  for (const row of rows) {
    const sealed = sealAgain(secrets, row, place(row.id))
    if (sealed === undefined) unreadable += 1
    else if ((yield* write(sql, row, sealed)).length > 0) done.push(row.id)
  }
  yield* recordChanges(
    sql,
    { tenant: platformTenant, user: "system" },
    done.map((id) => ({ action: `${objectType}.reseal`, objectType, objectId: id })),
  )
  return { resealed: done.length, unreadable }
})

const resealStore = Effect.fnUntraced(function* (store: Store) {
  const [{ management: sql }, secrets] = [yield* Tenancy, yield* Secrets]
  const total = { resealed: 0, unreadable: 0 }
  for (let after = ""; ; ) {
    const rows = yield* store.read(sql, after, secrets.keyIds[0]!)
    if (rows.length === 0) return total
    const { resealed, unreadable } = yield* sql.withTransaction(resealBatch(sql, secrets, store, rows))
    total.resealed += resealed
    total.unreadable += unreadable
    after = rows.at(-1)!.id
  }
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
    const parts = [yield* resealStore(signingKeys), yield* resealStore(tenantDatabases)]
    const unreachable: Array<string> = []
    for (const tenant of yield* everyTenant)
      yield* Effect.match(resealModels(tenant), {
        onSuccess: (part) => void parts.push(part),
        onFailure: () => void unreachable.push(tenant),
      })
    return {
      resealed: parts.reduce((sum, { resealed }) => sum + resealed, 0),
      unreadable: parts.reduce((sum, { unreadable }) => sum + unreadable, 0),
      unreachable,
    }
  })
