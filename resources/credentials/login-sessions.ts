/**
 * Logins and their refresh tokens. A token is opaque: it names its tenant and its family, and has 256 random bits, of
 * which only the hash is stored. Each use replaces it; any token of a family but the newest shows that somebody has a
 * copy, and ends the login for everybody who holds one.
 */
import { randomUUID } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type ChangedBy, recordChanges } from "../audit/record.ts"
import { Changes } from "../changes/changes.ts"
import { PlatformSettings } from "../platform-settings/platform-settings.ts"
import { type Refused, refuse } from "../refusal.ts"
import { Tenancy } from "../tenants/tenancy.ts"
import { hashOf } from "./hash.ts"
import { assertCredentialLimits, type CredentialLimits, dayMs, defaultCredentialLimits } from "./limits.ts"
import { makeRefreshToken, parseRefreshToken, type RefreshToken } from "./refresh-token.ts"
import { isoTime } from "./sql-time.ts"

export interface LoggedIn {
  readonly tenant: string
  /** Names the login in access tokens; it lets nobody in. */
  readonly session: string
  readonly user_id: string
  readonly username: string
  readonly refreshToken: string
  /** Of the refresh token. Units: milliseconds since the epoch. */
  readonly expiresAt: number
}

export interface LoginSessionsService {
  readonly start: (
    by: ChangedBy,
    user: { readonly user_id: string; readonly username: string },
  ) => Effect.Effect<LoggedIn, SqlError>
  /** Atomic: of several uses of one token at most one succeeds, and then the others end the login. */
  readonly rotate: (
    refreshToken: string,
    from: Omit<ChangedBy, "tenant" | "user">,
  ) => Effect.Effect<LoggedIn, Refused | SqlError>
  /** Idempotent: a login that is over, or never was, is over. */
  readonly end: (by: ChangedBy, session: string) => Effect.Effect<void, SqlError>
  /** As `end`, for whoever holds the refresh token. */
  readonly endByToken: (
    refreshToken: string,
    from: Omit<ChangedBy, "tenant" | "user">,
  ) => Effect.Effect<void, SqlError>
  readonly alive: (tenant: string, session: string) => Effect.Effect<boolean, SqlError>
}

/** What is announced when a login ends or an API key changes. `session`: of an identity. */
export const loginTopic = (tenant: string, session: string): string => `login/${tenant}/${session}`

interface Row {
  readonly session: string
  readonly user_id: string
  readonly username: string
  readonly expires_ms: number
}

const rowFields = (sql: SqlClient) =>
  sql.literal("session, user_id, username, (extract(epoch FROM expires_at) * 1000)::float8 AS expires_ms")

const notValid = (text: string, why: string) =>
  refuse("unauthenticated", "USR_SES_001", text, { reason: why, remedy: "log in again" })

/** Rows of logins that are over are kept until they expire: by then no token of them is valid by its time either. */
const prune = (sql: SqlClient, tenant: string, nowText: string, rowsMax: number) =>
  sql`DELETE FROM logins WHERE tenant = ${tenant} AND session IN (SELECT session FROM logins
    WHERE tenant = ${tenant} AND expires_at < ${nowText}::text::timestamptz ORDER BY expires_at LIMIT ${rowsMax}::int)`

/** Makes room for one more login of this user. Gives the sessions that end by it. */
const endOldest = (sql: SqlClient, by: ChangedBy, username: string, nowText: string, keep: number) =>
  sql<{ session: string }>`UPDATE logins SET ended_at = ${nowText}::text::timestamptz
    WHERE tenant = ${by.tenant} AND session IN (SELECT session FROM logins WHERE tenant = ${by.tenant}
      AND username = ${username} AND ended_at IS NULL ORDER BY created_at DESC OFFSET ${keep}::int LIMIT 10)
    RETURNING session`

const make = Effect.fnUntraced(function* (limits: CredentialLimits) {
  assertCredentialLimits(limits)
  const { within } = yield* Tenancy
  const changes = yield* Changes
  const settings = yield* PlatformSettings
  const refreshMs = (tenant: string) =>
    Effect.map(settings.get(tenant, "login.refresh_days"), (days) => Math.min(days * dayMs, limits.loginMs))
  const announce = (tenant: string, sessions: ReadonlyArray<string>) =>
    Effect.forEach(sessions, (session) => changes.announce(loginTopic(tenant, session)), { discard: true })

  const start: LoginSessionsService["start"] = Effect.fn("logins.start")(function* (by, user) {
    const now = yield* Clock.currentTimeMillis
    const nowText = isoTime(now)
    const token = makeRefreshToken(by.tenant)
    const session = randomUUID()
    const expiresAt = now + (yield* refreshMs(by.tenant))
    const ended = yield* within(by.tenant, (sql) =>
      Effect.gen(function* () {
        yield* prune(sql, by.tenant, nowText, limits.pruneRowsMax)
        const oldest = yield* endOldest(sql, by, user.username, nowText, limits.loginsPerUserMax - 1)
        yield* sql`INSERT INTO logins (tenant, session, family_hash, token_hash, user_id, username, created_at,
            refreshed_at, expires_at, ends_at)
          VALUES (${by.tenant}, ${session}, ${hashOf(token.family)}, ${hashOf(token.secret)}, ${user.user_id},
            ${user.username}, ${nowText}::text::timestamptz, ${nowText}::text::timestamptz,
            ${isoTime(expiresAt)}::text::timestamptz, ${isoTime(now + limits.loginMs)}::text::timestamptz)`
        const change = { action: "login.start", objectType: "login", objectId: session }
        yield* recordChanges(sql, by, [{ ...change, after: { username: user.username } }])
        return oldest.map(({ session: other }) => other)
      }),
    )
    yield* announce(by.tenant, ended)
    return { tenant: by.tenant, session, ...user, refreshToken: token.text, expiresAt }
  })

  const endIn = Effect.fnUntraced(function* (sql: SqlClient, by: ChangedBy, session: string, action: string) {
    const now = isoTime(yield* Clock.currentTimeMillis)
    const ended = yield* sql<{ username: string }>`UPDATE logins SET ended_at = ${now}::text::timestamptz
      WHERE tenant = ${by.tenant} AND session = ${session} AND ended_at IS NULL RETURNING username`
    const changes = ended.map(({ username }) => ({
      action,
      objectType: "login",
      objectId: session,
      before: { username },
    }))
    yield* recordChanges(sql, by, changes)
  })

  /** Why the newest token of a family was not the one presented. Ends the login when an old one was. */
  const explain = Effect.fnUntraced(function* (
    sql: SqlClient,
    token: RefreshToken,
    now: number,
    from: Omit<ChangedBy, "tenant" | "user">,
  ) {
    const [row] = yield* sql<Row & { ended: boolean }>`SELECT ${rowFields(sql)}, ended_at IS NOT NULL AS ended
      FROM logins WHERE tenant = ${token.tenant} AND family_hash = ${hashOf(token.family)} FOR UPDATE`
    if (row === undefined) return { why: notValid("The refresh token is not valid.", "it is not known") }
    if (row.ended) return { why: notValid("The login is over.", "it was ended") }
    if (row.expires_ms <= now) return { why: notValid("The login has expired.", "it was not used in time") }
    const by = { ...from, tenant: token.tenant, user: row.username }
    yield* endIn(sql, by, row.session, "login.revoke")
    const why = notValid("The login was ended, since an old refresh token was used.", "an old one was used")
    return { why, ended: row.session }
  })

  const rotate: LoginSessionsService["rotate"] = Effect.fn("logins.rotate")(function* (text, from) {
    const token = parseRefreshToken(text)
    if (token === undefined)
      return yield* Effect.fail(notValid("The refresh token is not valid.", "it has another form"))
    const now = yield* Clock.currentTimeMillis
    const next = makeRefreshToken(token.tenant, token.family)
    const until = isoTime(now + (yield* refreshMs(token.tenant)))
    const outcome = yield* within(token.tenant, (sql) =>
      Effect.gen(function* () {
        const [row] = yield* sql<Row>`UPDATE logins SET token_hash = ${hashOf(next.secret)},
            refreshed_at = ${isoTime(now)}::text::timestamptz,
            expires_at = least(ends_at, ${until}::text::timestamptz)
          WHERE tenant = ${token.tenant} AND family_hash = ${hashOf(token.family)}
            AND token_hash = ${hashOf(token.secret)} AND ended_at IS NULL
            AND expires_at > ${isoTime(now)}::text::timestamptz
          RETURNING ${rowFields(sql)}`
        return row === undefined ? yield* explain(sql, token, now, from) : { row }
      }),
    )
    if ("row" in outcome) {
      const { expires_ms, ...login } = outcome.row
      return { tenant: token.tenant, ...login, refreshToken: next.text, expiresAt: expires_ms }
    }
    if (outcome.ended !== undefined) yield* announce(token.tenant, [outcome.ended])
    return yield* Effect.fail(outcome.why)
  })

  const end: LoginSessionsService["end"] = Effect.fn("logins.end")(function* (by, session) {
    yield* within(by.tenant, (sql) => endIn(sql, by, session, "login.end"))
    yield* announce(by.tenant, [session])
  })

  const endByToken: LoginSessionsService["endByToken"] = Effect.fn("logins.endByToken")(
    function* (text, from) {
      const token = parseRefreshToken(text)
      if (token === undefined) return
      const [row] = yield* within(
        token.tenant,
        (sql) => sql<Row>`SELECT ${rowFields(sql)} FROM logins WHERE tenant = ${token.tenant}
        AND family_hash = ${hashOf(token.family)} AND token_hash = ${hashOf(token.secret)}`,
      )
      if (row !== undefined) yield* end({ ...from, tenant: token.tenant, user: row.username }, row.session)
    },
  )

  const alive: LoginSessionsService["alive"] = Effect.fn("logins.alive")(function* (tenant, session) {
    const now = isoTime(yield* Clock.currentTimeMillis)
    const rows = yield* within(
      tenant,
      (sql) => sql`SELECT 1 FROM logins WHERE tenant = ${tenant} AND session = ${session}
        AND ended_at IS NULL AND expires_at > ${now}::text::timestamptz`,
    )
    return rows.length > 0
  })

  return LoginSessions.of({ start, rotate, end, endByToken, alive })
})

export class LoginSessions extends Context.Service<LoginSessions, LoginSessionsService>()(
  "millrace/LoginSessions",
) {
  static layer(limits: CredentialLimits = defaultCredentialLimits) {
    return Layer.effect(LoginSessions, make(limits)).pipe(Layer.provide(PlatformSettings.layer))
  }
}
