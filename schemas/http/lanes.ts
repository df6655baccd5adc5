/** The lanes of the deployment over HTTP, for whoever operates it: how each goes, and what to do with one that does not. */
import * as Schema from "effect/Schema"
import { endpoint } from "./endpoint.ts"
import { Timestamp } from "./paging.ts"

const lane = Schema.String.check(Schema.isPattern(/^\d{1,4}$/u)).annotate({ description: "its number" })

/** Milliseconds; the first two are at most a fifth too high. */
export const LaneLatency = Schema.Struct({ p50: Schema.Finite, p99: Schema.Finite, max: Schema.Finite })

const Lane = Schema.Struct({
  lane: Schema.Int,
  /** Who has it, as far as anybody knows. */
  node: Schema.optionalKey(Schema.String),
  /**
   * `unreadable`: what is stored of it cannot be loaded. `stopped`: something in it failed. Both are tried again.
   * `entering`: it was rebuilt, and not all of its rules could be told so. `unanswered`: its node said nothing in time, or nobody has it.
   */
  state: Schema.Literals(["evaluated", "loading", "unreadable", "stopped", "entering", "unanswered"]),
  figures: Schema.optionalKey(
    Schema.Struct({
      /** Of the stream: what was evaluated last, and up to where the last checkpoint reaches. */
      sequence: Schema.Int,
      checkpoint: Schema.Int,
      rules: Schema.Int,
      lag_messages: Schema.Int,
      lag_ms: Schema.Finite,
      state_bytes: Schema.Int,
      missed: Schema.Int,
      outputs_waiting: Schema.Int,
      /** Evaluation stands still until its receivers have taken some of what waits. */
      held_up: Schema.Boolean,
      /** For whom the most waits, those first. */
      receivers: Schema.Array(Schema.Struct({ receiver: Schema.String, waiting: Schema.Int })),
      /** From when a message was stored until it was evaluated, over the last minutes. */
      latency_ms: Schema.optionalKey(LaneLatency),
      /** Time of its node for one sample or event, with all rules that it concerns. */
      micros_per_item: Schema.Finite,
    }),
  ),
  problem: Schema.optionalKey(
    Schema.Struct({
      reason: Schema.String,
      since: Timestamp,
      /** How often it was begun, and when it is begun again. */
      times: Schema.Int,
      again_at: Timestamp,
      mend: Schema.String,
    }),
  ),
}).annotate({ identifier: "Lane" })

export const laneEndpoints = {
  list: endpoint({
    id: "lanes.list",
    method: "GET",
    path: "/api/admin/lanes",
    summary:
      "How each lane of the deployment goes: where it is evaluated, how far it is, and what is wrong with it.",
    permission: "platform:read",
    answer: Schema.Struct({ lanes: Schema.Array(Lane) }),
    errors: ["CEP_LANE_001"],
  }),
  rebuild: endpoint({
    id: "lanes.rebuild",
    method: "POST",
    path: "/api/admin/lanes/:lane/rebuild",
    summary:
      "Throw away what is stored of a lane; its rules enter it anew and are filled from what the stream still has.",
    permission: "platform:write",
    params: { lane },
    answer: Schema.Struct({
      lane: Schema.Int,
      /** Names this rebuild in logs. */
      request: Schema.String,
      /** Up to where it had been evaluated, if that could be read. What came since is not evaluated but as the past of rules. */
      evaluated: Schema.optionalKey(Schema.Int),
      /** From where on it is evaluated again. */
      through: Schema.Int,
    }),
    status: 202,
    errors: ["CEP_LANE_001", "CEP_LANE_002"],
  }),
} as const
