/**
 * Users' API keys. A key is shown once and stored as a hash (256 random bits need no slow one). It never lets anybody do
 * more than its owner may: what it may do is the owner's rights of the moment, narrowed by its scopes.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type ChangedBy, recordChanges } from "../audit/record.ts"
import { Changes } from "../changes/changes.ts"
import { type Refused, refuse } from "../refusal.ts"
import { Tenancy } from "../tenants/tenancy.ts"
import { makeApiKeyCheck } from "./api-key-check.ts"
import { makeApiKey, makePrefix } from "./api-key-text.ts"
import { hashOf } from "./hash.ts"
import { type CredentialLimits, defaultCredentialLimits } from "./limits.ts"
import { loginTopic } from "./login-sessions.ts"
import { isoTime } from "./sql-time.ts"

/** A row as its owner sees it: the wire shape of `schemas/http/auth.ts`. */
export interface ApiKey {
  readonly id: number
  readonly name: string
  /** The beginning of the key, by which its owner knows it. */
  readonly prefix: string
  /** Null: everything that the owner may. */
  readonly scopes: ReadonlyArray<string> | null
  readonly created_at: string
  readonly expires_at: string | null
  readonly last_used_at: string | null
  /** Until when the secret before the last rotation is valid. */
  readonly previous_valid_until: string | null
}

/** `key` is given here and never again. */
export type NewApiKey = ApiKey & { readonly key: string }

/** Who a key is of. */
export interface KnownApiKey {
  readonly tenant: string
  readonly id: number
  readonly username: string
  readonly scopes: ReadonlyArray<string> | null
  /** Units: milliseconds since the epoch; infinity when it does not expire. */
  readonly expiresAt: number
}

export interface ApiKeyOwner {
  readonly user_id: string
  readonly username: string
}

export interface ApiKeysService {
  /** Errors: `limit` when the user has as many keys as one may have; `invalid` when it would have expired already. */
  readonly create: (
    by: ChangedBy,
    owner: ApiKeyOwner,
    key: {
      readonly name: string
      readonly scopes: ReadonlyArray<string> | null
      readonly expiresAt: number | undefined
    },
  ) => Effect.Effect<NewApiKey, Refused | SqlError>
  readonly list: (tenant: string, username: string) => Effect.Effect<ReadonlyArray<ApiKey>, SqlError>
  /** A new secret; the one before stays valid for `overlapSeconds`, and one before that ends. */
  readonly rotate: (
    by: ChangedBy,
    username: string,
    id: number,
    overlapSeconds?: number,
  ) => Effect.Effect<NewApiKey, Refused | SqlError>
  readonly revoke: (by: ChangedBy, username: string, id: number) => Effect.Effect<void, Refused | SqlError>
  /** Undefined for what is no valid key. Takes the same steps whether its prefix is known or not. */
  readonly check: (apiKey: string) => Effect.Effect<KnownApiKey | undefined, SqlError>
}

/** The session of an identity that came with this key. */
export const apiKeySession = (id: number): string => `key:${id}`

const time = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const fields = `id, name, 'ak_live_' || prefix AS prefix, scopes, ${time("created_at")} AS created_at,
  ${time("expires_at")} AS expires_at, ${time("last_used_at")} AS last_used_at,
  ${time("previous_until")} AS previous_valid_until`

const notFound = (id: number) =>
  refuse("not-found", "USR_KEY_001", "You have no such API key.", { field: "id", id })

const checkCount = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  username: string,
  keysMax: number,
) {
  const [row] = yield* sql<{ keys: number }>`SELECT count(*)::int AS keys FROM api_keys
    WHERE tenant = ${tenant} AND username = ${username}`
  if (row!.keys >= keysMax)
    return yield* Effect.fail(
      refuse("limit", "USR_KEY_002", "You have as many API keys as one may have.", {
        limit: "apiKeysPerUserMax",
        keys_max: keysMax,
        remedy: "revoke one that is not used",
      }),
    )
})

const make = Effect.fnUntraced(function* (limits: CredentialLimits) {
  const { within, management } = yield* Tenancy
  const changes = yield* Changes
  const check = yield* makeApiKeyCheck(limits)
  const changed = (tenant: string, id: number) => changes.announce(loginTopic(tenant, apiKeySession(id)))

  const create: ApiKeysService["create"] = Effect.fn("apiKeys.create")(function* (by, owner, key) {
    const now = yield* Clock.currentTimeMillis
    if (key.expiresAt !== undefined && key.expiresAt <= now)
      return yield* Effect.fail(
        refuse("invalid", "USR_KEY_003", "The API key would have expired already.", {
          field: "expires_at",
          remedy: "name a time in the future, or none",
        }),
      )
    const prefix = makePrefix()
    const text = makeApiKey(prefix)
    const expires = key.expiresAt === undefined ? null : isoTime(key.expiresAt)
    const scopes = key.scopes === null ? null : JSON.stringify(key.scopes)
    const inserting = within(by.tenant, (sql) =>
      Effect.gen(function* () {
        yield* checkCount(sql, by.tenant, owner.username, limits.apiKeysPerUserMax)
        const [row] =
          yield* sql<ApiKey>`INSERT INTO api_keys (tenant, prefix, user_id, username, name, scopes, hash,
            created_at, expires_at)
          VALUES (${by.tenant}, ${prefix}, ${owner.user_id}, ${owner.username}, ${key.name}, ${scopes}::text::jsonb,
            ${hashOf(text)}, ${isoTime(now)}::text::timestamptz, ${expires}::text::timestamptz)
          RETURNING ${sql.literal(fields)}`
        const change = { action: "api_key.create", objectType: "api_key", objectId: String(row!.id) }
        yield* recordChanges(sql, by, [{ ...change, after: row }])
        return { ...row!, key: text }
      }),
    )
    // The way to the tenant comes first: without the key's own row it leads to nothing.
    yield* management`INSERT INTO api_key_prefixes (prefix, tenant) VALUES (${prefix}, ${by.tenant})`
    return yield* Effect.onError(inserting, () =>
      Effect.ignore(management`DELETE FROM api_key_prefixes WHERE prefix = ${prefix}`),
    )
  })

  const list: ApiKeysService["list"] = (tenant, username) =>
    within(
      tenant,
      (sql) => sql<ApiKey>`SELECT ${sql.literal(fields)} FROM api_keys
        WHERE tenant = ${tenant} AND username = ${username} ORDER BY id`,
    )

  const rotate: ApiKeysService["rotate"] = Effect.fn("apiKeys.rotate")(function* (
    by,
    username,
    id,
    overlapSeconds = limits.apiKeyOverlapSeconds,
  ) {
    const now = yield* Clock.currentTimeMillis
    const overlapMs = Math.min(overlapSeconds, limits.apiKeyOverlapSecondsMax) * 1_000
    const rotated = yield* within(by.tenant, (sql) =>
      Effect.gen(function* () {
        const [before] = yield* sql<ApiKey & { bare: string }>`SELECT ${sql.literal(fields)}, prefix AS bare
            FROM api_keys WHERE tenant = ${by.tenant} AND username = ${username} AND id = ${id}::int FOR UPDATE`
        if (before === undefined) return yield* Effect.fail(notFound(id))
        const { bare, ...old } = before
        const text = makeApiKey(bare)
        const [row] = yield* sql<ApiKey>`UPDATE api_keys SET previous_hash = hash, hash = ${hashOf(text)},
              previous_until = ${isoTime(now + overlapMs)}::text::timestamptz
            WHERE tenant = ${by.tenant} AND id = ${id}::int RETURNING ${sql.literal(fields)}`
        const change = { action: "api_key.rotate", objectType: "api_key", objectId: String(id) }
        yield* recordChanges(sql, by, [{ ...change, before: old, after: row }])
        return { ...row!, key: text }
      }),
    )
    yield* changed(by.tenant, id)
    return rotated
  })

  const revoke: ApiKeysService["revoke"] = Effect.fn("apiKeys.revoke")(function* (by, username, id) {
    const bare = yield* within(by.tenant, (sql) =>
      Effect.gen(function* () {
        const [row] = yield* sql<ApiKey & { bare: string }>`DELETE FROM api_keys WHERE tenant = ${by.tenant}
          AND username = ${username} AND id = ${id}::int RETURNING ${sql.literal(fields)}, prefix AS bare`
        if (row === undefined) return yield* Effect.fail(notFound(id))
        const { bare, ...before } = row
        const change = { action: "api_key.revoke", objectType: "api_key", objectId: String(id) }
        yield* recordChanges(sql, by, [{ ...change, before }])
        return bare
      }),
    )
    yield* changed(by.tenant, id)
    yield* management`DELETE FROM api_key_prefixes WHERE prefix = ${bare}`
  })

  return ApiKeys.of({ create, list, rotate, revoke, check })
})

export class ApiKeys extends Context.Service<ApiKeys, ApiKeysService>()("millrace/ApiKeys") {
  static layer(limits: CredentialLimits = defaultCredentialLimits) {
    return Layer.effect(ApiKeys, make(limits))
  }
}
