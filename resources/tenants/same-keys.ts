/**
 * Nodes of one deployment need the same secret keys: otherwise one seals what another cannot open, which shows only when
 * somebody needs it. A text sealed in the management database tells at the start. It is sealed anew under a newer key, so
 * that an older one may go once nothing else is sealed under it.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SecretsService, SecretUnreadable } from "../secrets/secrets.ts"
import { SecretKeysDiffer } from "./errors.ts"

const place = "deployment/secret-keys"
const known = "the keys of this deployment"

/** The first node of an empty database decides; those that start with it read what it wrote. Errors: `SecretKeysDiffer`. */
export const checkSameKeys = (
  sql: SqlClient,
  secrets: SecretsService,
): Effect.Effect<void, SqlError | SecretKeysDiffer> =>
  Effect.gen(function* () {
    yield* sql`INSERT INTO secret_key_check (sealed) VALUES (${secrets.seal(known, place)}) ON CONFLICT DO NOTHING`
    const [row] = yield* sql<{ sealed: string }>`SELECT sealed FROM secret_key_check FOR UPDATE`
    const { sealed } = row!
    yield* Effect.try({
      try: () => secrets.open(sealed, place),
      catch: (cause) =>
        new SecretKeysDiffer({ keyId: (cause as SecretUnreadable).keyId, reason: (cause as Error).message }),
    })
    if (!secrets.isCurrent(sealed))
      yield* sql`UPDATE secret_key_check SET sealed = ${secrets.seal(known, place)}`
  }).pipe(sql.withTransaction)
