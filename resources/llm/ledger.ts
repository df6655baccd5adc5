/**
 * Writes what each call took. A row and all sums that it belongs to change in one statement: there is no row without its
 * sums and no sum without its rows. Rows are never changed; the sums can be made again from them.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { keptFrom } from "./prune.ts"

export type CallStatus = "ok" | "failed" | "aborted"

/** Shape: the columns of `llm_usage`, but for the cost, which the database works out exactly. */
export interface LedgerEntry {
  readonly tenant: string
  readonly id: string
  /** ISO 8601. */
  readonly at: string
  readonly user_id: string
  readonly user_name: string
  readonly model_id: string
  readonly model_name: string
  readonly agent: string
  readonly operation: "chat" | "embeddings"
  readonly tokens_in: number
  readonly tokens_out: number
  /** Per million tokens, at the time of the call. */
  readonly price_in: number
  readonly price_out: number
  readonly currency: string
  readonly estimated: boolean
  readonly status: CallStatus
  readonly duration_ms: number
  readonly trace_id: string | null
  readonly fallback_of: string | null
}

/** Sums of one ledger row, or of all: `rows` names the relation. */
const monthsOf = (rows: string) => `
  SELECT tenant, date_trunc('month', at AT TIME ZONE 'UTC')::date AS month, scope, scope_id, currency,
    sum(tokens_in + tokens_out)::bigint AS tokens, sum(cost) AS cost
  FROM ${rows} CROSS JOIN LATERAL
    (VALUES ('MODEL', model_id), ('TENANT', ''), ('USER', user_id)) AS scopes (scope, scope_id)
  GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`

const totalsOf = (rows: string) => `
  SELECT tenant, (at AT TIME ZONE 'UTC')::date AS day, user_id, model_id, agent, currency,
    max(user_name) AS user_name, max(model_name) AS model_name, count(*) AS calls,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    sum(tokens_in)::bigint AS tokens_in, sum(tokens_out)::bigint AS tokens_out, sum(cost) AS cost
  FROM ${rows} GROUP BY 1, 2, 3, 4, 5, 6`

const recording = `
WITH given AS (SELECT * FROM jsonb_to_record($1::text::jsonb) AS g (
    tenant text, id uuid, at timestamptz, user_id text, user_name text, model_id text, model_name text, agent text,
    operation text, tokens_in bigint, tokens_out bigint, price_in numeric, price_out numeric, currency text,
    estimated boolean, status text, duration_ms integer, trace_id text, fallback_of text)),
entry AS (INSERT INTO llm_usage
  SELECT tenant, id, at, user_id, user_name, model_id, model_name, agent, operation, tokens_in, tokens_out,
    (tokens_in * price_in + tokens_out * price_out) / 1000000, currency, estimated, status, duration_ms, trace_id,
    fallback_of
  FROM given ON CONFLICT DO NOTHING RETURNING *),
totals AS (INSERT INTO llm_usage_totals AS t ${totalsOf("entry")}
  ON CONFLICT (tenant, day, user_id, model_id, agent, currency) DO UPDATE SET
    user_name = excluded.user_name, model_name = excluded.model_name, calls = t.calls + excluded.calls,
    failed = t.failed + excluded.failed, tokens_in = t.tokens_in + excluded.tokens_in,
    tokens_out = t.tokens_out + excluded.tokens_out, cost = t.cost + excluded.cost),
months AS (INSERT INTO llm_usage_months AS m ${monthsOf("entry")}
  ON CONFLICT (tenant, month, scope, scope_id, currency) DO UPDATE SET
    tokens = m.tokens + excluded.tokens, cost = m.cost + excluded.cost)
DELETE FROM llm_reservations USING given WHERE llm_reservations.tenant = given.tenant AND llm_reservations.id = given.id`

/** Idempotent: an entry that is there already counts once. Also ends the entry's reservation. Inside `Tenancy.within`. */
export const writeEntry = (sql: SqlClient, entry: LedgerEntry) =>
  Effect.asVoid(sql.unsafe(recording, [JSON.stringify(entry)]))

/**
 * Makes the tenant's sums again from its rows; calls that end meanwhile wait. Sums whose rows went with time stay as they
 * are. Inside `Tenancy.within`.
 */
export const recomputeSums = Effect.fn("llm.recomputeSums")(function* (sql: SqlClient, tenant: string) {
  yield* sql`LOCK TABLE llm_usage_totals, llm_usage_months IN EXCLUSIVE MODE`
  const from = (yield* keptFrom(sql, tenant)) ?? "-infinity"
  yield* sql`DELETE FROM llm_usage_totals WHERE tenant = ${tenant} AND day >= ${from}::text::date`
  yield* sql`DELETE FROM llm_usage_months WHERE tenant = ${tenant} AND month >= ${from}::text::date`
  const whole = "(SELECT * FROM llm_usage WHERE (at AT TIME ZONE 'UTC')::date >= $1::text::date) AS whole"
  yield* sql.unsafe(`INSERT INTO llm_usage_totals ${totalsOf(whole)}`, [from])
  yield* sql.unsafe(`INSERT INTO llm_usage_months ${monthsOf(whole)}`, [from])
})
