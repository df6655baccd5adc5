/** Statistics of use over HTTP. Shape: seed 0 §4.5. */
import * as Schema from "effect/Schema"
import { endpoint } from "./endpoint.ts"

/** `2026-11-21`, in UTC. */
const Day = Schema.String.check(Schema.isPattern(/^\d{4}-\d{2}-\d{2}$/u))

export const statisticsEndpoints = {
  read: endpoint({
    id: "statistics.read",
    method: "GET",
    path: "/api/admin/statistics/",
    summary: "Users, agents, sessions, calls and tokens of a range of days.",
    permission: "statistics:read",
    query: {
      /** Default: 29 days before the end. */
      start_date: Schema.optionalKey(Day),
      /** Default: today. */
      end_date: Schema.optionalKey(Day),
      group_by: Schema.optionalKey(Schema.Literals(["day", "week", "month"])),
    },
    answer: Schema.Struct({
      /** Such as `2025-01-01 to 2025-01-31`; both days are included. */
      period: Schema.String,
      statistics: Schema.Struct({
        total_users: Schema.Int,
        active_users: Schema.Int,
        /** Registered until the end of the range, and not archived now. */
        total_agents: Schema.Int,
        production_agents: Schema.Int,
        total_sessions: Schema.Int,
        total_api_calls: Schema.Int,
        /** Tokens by the model's name. */
        llm_usage: Schema.Record(Schema.String, Schema.Int),
      }),
      /** `date`: the day, or the first day of the week, from Monday, or of the month. */
      daily_breakdown: Schema.Array(
        Schema.Struct({ date: Day, sessions: Schema.Int, api_calls: Schema.Int }),
      ),
    }),
    errors: ["STA_QRY_001", "STA_QRY_002", "STA_QRY_003"],
  }),
} as const
