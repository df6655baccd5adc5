/**
 * Checks a presented API key, and notes that it was used. What an attacker can time is the same for a key whose prefix
 * nobody has and for one with a wrong secret: two look-ups, two comparisons.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { platformTenant } from "../tenants/migrations.ts"
import { Tenancy } from "../tenants/tenancy.ts"
import { prefixOf } from "./api-key-text.ts"
import type { KnownApiKey } from "./api-keys.ts"
import { hashOf, noHash, sameHash } from "./hash.ts"
import type { CredentialLimits } from "./limits.ts"
import { isoTime } from "./sql-time.ts"

interface Row {
  readonly id: number
  readonly username: string
  readonly scopes: ReadonlyArray<string> | null
  readonly hash: string
  readonly previous_hash: string | null
  readonly previous_ms: number | null
  readonly expires_ms: number | null
  readonly used_ms: number | null
}

interface Use {
  readonly tenant: string
  readonly id: number
  readonly at: number
}

const find = Effect.fnUntraced(function* (prefix: string) {
  const { within, management } = yield* Tenancy
  const [way] = yield* management<{
    tenant: string
  }>`SELECT tenant FROM api_key_prefixes WHERE prefix = ${prefix}`
  // Where the prefix leads nowhere, some tenant's keys are looked at all the same: it takes as long.
  const tenant = way?.tenant ?? platformTenant
  const [row] = yield* within(
    tenant,
    (sql) => sql<Row>`SELECT id, username, scopes, hash, previous_hash,
        (extract(epoch FROM previous_until) * 1000)::float8 AS previous_ms,
        (extract(epoch FROM expires_at) * 1000)::float8 AS expires_ms,
        (extract(epoch FROM last_used_at) * 1000)::float8 AS used_ms
      FROM api_keys WHERE tenant = ${tenant} AND prefix = ${prefix}`,
  )
  return { tenant, row: way === undefined ? undefined : row }
})

/** Both comparisons are made, whatever the first says. Gives when what was presented ends; 0 when it is not valid. */
const validUntil = (row: Row | undefined, hash: string): number => {
  const isCurrent = sameHash(row?.hash ?? noHash, hash)
  const isPrevious = sameHash(row?.previous_hash ?? noHash, hash)
  if (row === undefined || !(isCurrent || isPrevious)) return 0
  const expires = row.expires_ms ?? Number.POSITIVE_INFINITY
  return isCurrent ? expires : Math.min(expires, row.previous_ms ?? 0)
}

/** Writes uses down beside the requests, one after another; when more wait than may, some are not noted. */
const noteUses = Effect.fnUntraced(function* (limits: CredentialLimits) {
  const { within } = yield* Tenancy
  const uses = yield* Queue.dropping<Use>(limits.lastUsedPendingMax)
  const write = ({ tenant, id, at }: Use) =>
    within(
      tenant,
      (sql) => sql`UPDATE api_keys SET last_used_at = ${isoTime(at)}::text::timestamptz
        WHERE tenant = ${tenant} AND id = ${id}::int
          AND (last_used_at IS NULL OR last_used_at <= ${isoTime(at - limits.lastUsedEveryMs)}::text::timestamptz)`,
    )
  yield* Queue.take(uses).pipe(
    Effect.flatMap((use) => Effect.ignore(write(use))),
    Effect.forever,
    Effect.forkScoped,
  )
  return uses
})

/** For the scope's time. */
export const makeApiKeyCheck = Effect.fnUntraced(function* (limits: CredentialLimits) {
  const tenancy = yield* Tenancy
  const uses = yield* noteUses(limits)
  return Effect.fn("apiKeys.check")(function* (apiKey: string) {
    const prefix = prefixOf(apiKey)
    if (prefix === undefined) return undefined
    const now = yield* Clock.currentTimeMillis
    const { tenant, row } = yield* Effect.provideService(find(prefix), Tenancy, tenancy)
    const until = validUntil(row, hashOf(apiKey))
    if (row === undefined || until <= now) return undefined
    const { id, username, scopes } = row
    if (row.used_ms === null || row.used_ms <= now - limits.lastUsedEveryMs)
      yield* Queue.offer(uses, { tenant, id, at: now })
    return { tenant, id, username, scopes, expiresAt: until } satisfies KnownApiKey
  })
})
