/**
 * Logins that are under way at the identity provider: what the node has to remember between sending a browser there and
 * its return, which may reach another node. Each is used once and ends by time. Also remembers which id tokens were
 * presented by themselves, so that none of them logs in twice.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlError } from "effect/sql/SqlError"
import { Secrets, type SecretUnreadable } from "../secrets/secrets.ts"
import { Tenancy } from "../tenants/tenancy.ts"
import { hashOf } from "./hash.ts"
import { type CredentialLimits, defaultCredentialLimits } from "./limits.ts"
import { isoTime } from "./sql-time.ts"

export interface LoginAttempt {
  /** Of PKCE. Source: RFC 7636 §4.1. */
  readonly verifier: string
  readonly nonce: string
  readonly redirectUri: string
  /** What the cookie of the browser holds that began it. */
  readonly browserHash: string
}

export interface LoginAttemptsService {
  /** `state`: random, known to the browser only; stored as its hash. */
  readonly begin: (state: string, attempt: LoginAttempt) => Effect.Effect<void, SqlError>
  /** Atomic: one caller gets it, whatever comes of it then. */
  readonly take: (state: string) => Effect.Effect<LoginAttempt | undefined, SqlError | SecretUnreadable>
  /** Whether this is the token's first use. `until`: when the token itself is refused by its age. */
  readonly useIdToken: (idToken: string, until: number) => Effect.Effect<boolean, SqlError>
}

const boundTo = (stateHash: string) => `login-attempt/${stateHash}`

const make = Effect.fnUntraced(function* (limits: CredentialLimits) {
  const { management: sql } = yield* Tenancy
  const secrets = yield* Secrets

  /** The oldest make room: somebody who begins many logins cannot keep others from theirs for longer than that. */
  const makeRoom = (now: string) =>
    sql`DELETE FROM login_attempts WHERE state_hash IN (
        SELECT state_hash FROM login_attempts WHERE expires_at < ${now}::text::timestamptz LIMIT ${limits.pruneRowsMax}::int)
      OR state_hash IN (SELECT state_hash FROM login_attempts ORDER BY created_at DESC
        OFFSET ${limits.loginAttemptsMax - 1}::int LIMIT ${limits.pruneRowsMax}::int)`

  const begin: LoginAttemptsService["begin"] = Effect.fn("loginAttempts.begin")(function* (state, attempt) {
    const now = yield* Clock.currentTimeMillis
    const stateHash = hashOf(state)
    yield* makeRoom(isoTime(now))
    yield* sql`INSERT INTO login_attempts (state_hash, sealed, created_at, expires_at) VALUES (${stateHash},
      ${secrets.seal(JSON.stringify(attempt), boundTo(stateHash))}, ${isoTime(now)}::text::timestamptz,
      ${isoTime(now + limits.loginAttemptMs)}::text::timestamptz)`
  })

  const take: LoginAttemptsService["take"] = Effect.fn("loginAttempts.take")(function* (state) {
    const now = yield* Clock.currentTimeMillis
    const stateHash = hashOf(state)
    const [row] = yield* sql<{ sealed: string; valid: boolean }>`DELETE FROM login_attempts
      WHERE state_hash = ${stateHash} RETURNING sealed, expires_at > ${isoTime(now)}::text::timestamptz AS valid`
    if (row === undefined || !row.valid) return undefined
    return yield* Effect.try({
      try: () => JSON.parse(secrets.open(row.sealed, boundTo(stateHash))) as LoginAttempt,
      catch: (cause) => cause as SecretUnreadable,
    })
  })

  const useIdToken: LoginAttemptsService["useIdToken"] = Effect.fn("loginAttempts.useIdToken")(
    function* (idToken, until) {
      const now = isoTime(yield* Clock.currentTimeMillis)
      yield* sql`DELETE FROM used_id_tokens WHERE hash IN (SELECT hash FROM used_id_tokens
        WHERE expires_at < ${now}::text::timestamptz LIMIT ${limits.pruneRowsMax}::int)`
      const inserted = yield* sql`INSERT INTO used_id_tokens (hash, expires_at)
        VALUES (${hashOf(idToken)}, ${isoTime(until)}::text::timestamptz) ON CONFLICT DO NOTHING RETURNING hash`
      return inserted.length > 0
    },
  )

  return LoginAttempts.of({ begin, take, useIdToken })
})

export class LoginAttempts extends Context.Service<LoginAttempts, LoginAttemptsService>()(
  "millrace/LoginAttempts",
) {
  static layer(limits: CredentialLimits = defaultCredentialLimits) {
    return Layer.effect(LoginAttempts, make(limits))
  }
}
