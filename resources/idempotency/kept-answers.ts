/**
 * First answers, kept for repeats of their request. Not in one transaction with what the request changes: after a crash
 * between the change and `keepAnswer` a repeat runs again once the first one's time is over, and meets what uniqueness says.
 */
import * as Effect from "effect/Effect"
import { Tenancy } from "../tenants/tenancy.ts"

/** Whose key it is. */
export interface KeyOwner {
  readonly tenant: string
  readonly username: string
  readonly key: string
}

export interface KeptAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type Beginning =
  /** This request is the first: it has to end with `keepAnswer` or `forgetKey`. */
  | { readonly _tag: "First" }
  | { readonly _tag: "Repeat"; readonly answer: KeptAnswer }
  | { readonly _tag: "UnderWay"; readonly untilMs: number }
  /** The key was used for another request. */
  | { readonly _tag: "Other" }

export const keptAnswerLimits = {
  keepMs: 24 * 60 * 60_000,
  /** Characters of a body; what is longer is not kept, and its request runs again when it is repeated. */
  bodyCharactersMax: 64 * 1_024,
  /** Of one user; the oldest leave. */
  perUserMax: 10_000,
  /** Rows removed on the way of one request. */
  prunedAtOnceMax: 100,
} as const

interface Row {
  readonly fingerprint: string
  readonly status: number | null
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly expires_ms: number
}

const beginningOf = (row: Row | undefined, fingerprint: string, nowMs: number): Beginning => {
  // Another request's row came and went between two looks: it is being settled right now.
  if (row === undefined) return { _tag: "UnderWay", untilMs: nowMs }
  if (row.fingerprint !== fingerprint) return { _tag: "Other" }
  const { status, headers, body } = row
  return status === null
    ? { _tag: "UnderWay", untilMs: row.expires_ms }
    : { _tag: "Repeat", answer: { status, headers, body } }
}

/** Atomic: of several requests with one key exactly one is the first. `leaseMs`: after it a crashed one may be repeated. */
export const beginKeyedRequest = Effect.fn("idempotency.begin")(function* (
  { tenant, username, key }: KeyOwner,
  request: { readonly fingerprint: string; readonly nowMs: number; readonly leaseMs: number },
) {
  const { within } = yield* Tenancy
  const { fingerprint, nowMs, leaseMs } = request
  const { perUserMax, prunedAtOnceMax } = keptAnswerLimits
  return yield* within(
    tenant,
    Effect.fnUntraced(function* (sql) {
      yield* sql`DELETE FROM idempotency_answers WHERE tenant = ${tenant} AND (username, key) IN (
        SELECT username, key FROM idempotency_answers
        WHERE tenant = ${tenant} AND expires_ms <= ${nowMs}::float8 LIMIT ${prunedAtOnceMax}::int)`
      yield* sql`DELETE FROM idempotency_answers WHERE tenant = ${tenant} AND username = ${username} AND key IN (
        SELECT key FROM idempotency_answers WHERE tenant = ${tenant} AND username = ${username}
        ORDER BY expires_ms DESC OFFSET ${perUserMax - 1}::int LIMIT ${prunedAtOnceMax}::int)`
      const first =
        yield* sql`INSERT INTO idempotency_answers (tenant, username, key, fingerprint, expires_ms)
        VALUES (${tenant}, ${username}, ${key}, ${fingerprint}, ${nowMs + leaseMs}::float8)
        ON CONFLICT (tenant, username, key) DO UPDATE SET
          fingerprint = EXCLUDED.fingerprint, expires_ms = EXCLUDED.expires_ms, status = NULL
          WHERE idempotency_answers.expires_ms <= ${nowMs}::float8
        RETURNING key`
      if (first.length > 0) return { _tag: "First" } as Beginning
      const [row] = yield* sql<Row>`SELECT fingerprint, status, headers, body, expires_ms
        FROM idempotency_answers WHERE tenant = ${tenant} AND username = ${username} AND key = ${key}`
      return beginningOf(row, fingerprint, nowMs)
    }),
  )
})

/** Gives up a key, so that its request may be made again at once. */
export const forgetKey = Effect.fn("idempotency.forget")(function* ({ tenant, username, key }: KeyOwner) {
  const { within } = yield* Tenancy
  yield* within(
    tenant,
    (sql) =>
      sql`DELETE FROM idempotency_answers WHERE tenant = ${tenant} AND username = ${username} AND key = ${key}`,
  )
})

/** What is too long to keep gives up the key. */
export const keepAnswer = Effect.fn("idempotency.keep")(function* (
  owner: KeyOwner,
  answer: KeptAnswer,
  nowMs: number,
) {
  const { keepMs, bodyCharactersMax } = keptAnswerLimits
  if (answer.body.length > bodyCharactersMax) return yield* forgetKey(owner)
  const { tenant, username, key } = owner
  const { within } = yield* Tenancy
  yield* within(
    tenant,
    (sql) => sql`UPDATE idempotency_answers SET status = ${answer.status}::int,
      headers = ${JSON.stringify(answer.headers)}::text::jsonb, body = ${answer.body},
      expires_ms = ${nowMs + keepMs}::float8
      WHERE tenant = ${tenant} AND username = ${username} AND key = ${key}`,
  )
})
