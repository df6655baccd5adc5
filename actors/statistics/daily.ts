/** The sums per day: added to by their owner, whoever of many nodes it is. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

export interface Daily {
  readonly tenant: string
  /** `2026-11-21`, in UTC. */
  readonly day: string
  /** `active` counts per user: its dimension is the user's id. */
  readonly metric: "sessions" | "api_calls" | "active"
  readonly dimension: string
  readonly value: number
}

/** Rows in one order, so that two nodes that add to the same sums do not wait for each other in a circle. */
export const addDaily = (sql: SqlClient, rows: ReadonlyArray<Daily>): Effect.Effect<void, SqlError> =>
  rows.length === 0
    ? Effect.void
    : Effect.asVoid(sql`INSERT INTO statistics_daily (tenant, day, metric, dimension, value)
        SELECT tenant, day, metric, dimension, value
        FROM jsonb_populate_recordset(NULL::statistics_daily, ${JSON.stringify(rows)}::text::jsonb)
        ORDER BY tenant, metric, day, dimension
        ON CONFLICT (tenant, metric, day, dimension)
        DO UPDATE SET value = statistics_daily.value + EXCLUDED.value`)
