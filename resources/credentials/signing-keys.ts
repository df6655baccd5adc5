/**
 * The keys that access tokens are signed with: Ed25519, shared by all nodes through the management database, the private
 * part sealed. A key is published before it signs and stays published while tokens of it are valid, so that a change of
 * key refuses nobody. The first key of a deployment signs at once.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose"
import { Secrets, type SecretUnreadable } from "../secrets/secrets.ts"
import { Tenancy } from "../tenants/tenancy.ts"
import { type CredentialLimits, defaultCredentialLimits } from "./limits.ts"
import { isoTime } from "./sql-time.ts"

export const signingAlgorithm = "EdDSA"

export interface SigningKey {
  readonly kid: string
  readonly privateKey: CryptoKey
}

export interface SigningKeysService {
  /** The key to sign with now. */
  readonly signing: Effect.Effect<SigningKey, SqlError | SecretUnreadable>
  /** Public parts of the keys whose tokens may be valid, and of the next. Shape: RFC 7517. */
  readonly published: Effect.Effect<{ readonly keys: ReadonlyArray<JWK> }, SqlError | SecretUnreadable>
  /** Undefined for a key that is not known, or not any more. */
  readonly verifying: (kid: string) => Effect.Effect<CryptoKey | undefined, SqlError | SecretUnreadable>
}

interface Row {
  readonly kid: string
  readonly public_key: JWK
  readonly sealed_private_key: string
  readonly created_ms: number
}

/** One key with both parts ready for use. */
interface Loaded extends SigningKey {
  readonly publicKey: CryptoKey
  readonly jwk: JWK
  readonly createdMs: number
}

/** The bound that a private key is sealed to. */
export const signingKeyPlace = (kid: string) => `signing-key/${kid}`

const select = (sql: SqlClient) =>
  sql<Row>`SELECT kid, public_key, sealed_private_key, (extract(epoch FROM created_at) * 1000)::float8 AS created_ms
    FROM signing_keys ORDER BY created_at, kid`

const generate = Effect.promise(async () => {
  const { publicKey, privateKey } = await generateKeyPair(signingAlgorithm, { extractable: true })
  const jwk = await exportJWK(publicKey)
  return {
    kid: await calculateJwkThumbprint(jwk),
    publicJwk: jwk,
    privateJwk: JSON.stringify(await exportJWK(privateKey)),
  }
})

/** When a key stops verifying: some time after the next began to sign. The newest never does. */
const endOf = (
  rows: ReadonlyArray<{ createdMs: number }>,
  index: number,
  limits: CredentialLimits,
): number => {
  const next = rows[index + 1]
  return next === undefined
    ? Number.POSITIVE_INFINITY
    : next.createdMs + limits.signingKeyPublishMs + limits.accessTokenMs + limits.signingKeySlackMs
}

const insertKey = Effect.fnUntraced(function* (sql: SqlClient, secrets: Secrets["Service"], now: number) {
  const { kid, publicJwk, privateJwk } = yield* generate
  const stored = { ...publicJwk, kid, use: "sig", alg: signingAlgorithm }
  yield* sql`INSERT INTO signing_keys (kid, public_key, sealed_private_key, created_at) VALUES (${kid},
    ${JSON.stringify(stored)}::text::jsonb, ${secrets.seal(privateJwk, signingKeyPlace(kid))}, ${isoTime(now)}::text::timestamptz)`
})

/** Makes a key when it is time for one, removes those that are over, and gives what is left. One node at a time. */
const maintain = (sql: SqlClient, secrets: Secrets["Service"], limits: CredentialLimits, now: number) =>
  sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`LOCK TABLE signing_keys IN EXCLUSIVE MODE`
      const before = yield* select(sql)
      const times = before.map(({ kid, created_ms }) => ({ kid, createdMs: created_ms }))
      const over = times.filter((_, index) => endOf(times, index, limits) <= now).map(({ kid }) => kid)
      for (const kid of over) yield* sql`DELETE FROM signing_keys WHERE kid = ${kid}`
      const newest = before.at(-1)
      if (newest === undefined || newest.created_ms + limits.signingKeyRotateMs <= now)
        yield* insertKey(sql, secrets, now)
      return yield* select(sql)
    }),
  )

const isDue = (rows: ReadonlyArray<Row>, limits: CredentialLimits, now: number): boolean => {
  const times = rows.map(({ created_ms }) => ({ createdMs: created_ms }))
  const newest = times.at(-1)
  return (
    newest === undefined ||
    newest.createdMs + limits.signingKeyRotateMs <= now ||
    times.some((_, index) => endOf(times, index, limits) <= now)
  )
}

const load = Effect.fnUntraced(function* (row: Row, secrets: Secrets["Service"]) {
  const privateJwk = yield* Effect.try({
    try: () => JSON.parse(secrets.open(row.sealed_private_key, signingKeyPlace(row.kid))) as JWK,
    catch: (cause) => cause as SecretUnreadable,
  })
  const [privateKey, publicKey] = yield* Effect.promise(() =>
    Promise.all([importJWK(privateJwk, signingAlgorithm), importJWK(row.public_key, signingAlgorithm)]),
  )
  return {
    kid: row.kid,
    jwk: row.public_key,
    createdMs: row.created_ms,
    privateKey: privateKey as CryptoKey,
    publicKey: publicKey as CryptoKey,
  } satisfies Loaded
})

/** The newest that has been public long enough; at the beginning of a deployment the oldest there is. */
const signingAt = (keys: ReadonlyArray<Loaded>, limits: CredentialLimits, now: number): Loaded =>
  keys.findLast(({ createdMs }) => createdMs + limits.signingKeyPublishMs <= now) ?? keys[0]!

const make = Effect.fnUntraced(function* (limits: CredentialLimits) {
  const { management: sql } = yield* Tenancy
  const secrets = yield* Secrets
  const one = yield* Semaphore.make(1)
  let keys: ReadonlyArray<Loaded> = []
  let loadedAt = Number.NEGATIVE_INFINITY

  const reload = Effect.fn("signingKeys.reload")(function* (now: number) {
    const stored = yield* select(sql)
    const rows = isDue(stored, limits, now) ? yield* maintain(sql, secrets, limits, now) : stored
    const known = new Map(keys.map((key) => [key.kid, key]))
    const next: Array<Loaded> = []
    for (const row of rows) next.push(known.get(row.kid) ?? (yield* load(row, secrets)))
    keys = next
    loadedAt = now
  })

  const isFresh = (now: number) => now - loadedAt < limits.signingKeyReloadMs
  const current = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (!isFresh(now))
      yield* one.withPermits(1)(Effect.suspend(() => (isFresh(now) ? Effect.void : reload(now))))
    return { keys: keys.filter((_, index) => endOf(keys, index, limits) > now), now }
  })

  return SigningKeys.of({
    signing: Effect.map(current, ({ keys, now }) => signingAt(keys, limits, now)),
    published: Effect.map(current, ({ keys }) => ({ keys: keys.map(({ jwk }) => jwk) })),
    verifying: (kid) => Effect.map(current, ({ keys }) => keys.find((key) => key.kid === kid)?.publicKey),
  })
})

export class SigningKeys extends Context.Service<SigningKeys, SigningKeysService>()("millrace/SigningKeys") {
  static layer(limits: CredentialLimits = defaultCredentialLimits) {
    return Layer.effect(SigningKeys, make(limits))
  }
}
