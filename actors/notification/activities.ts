/** What is done outside the mailbox, and what it says of how that went. The actor itself counts the attempts. */
import * as Schema from "effect/Schema"
import { activity } from "../../engine/index.ts"
import { Notification } from "../../schemas/index.ts"
import { Over } from "./state.ts"

/** `attempt` counts from 1. `test`: is sent as it is; anything else is asked of the actor, which has it already. */
const Input = Schema.Struct({
  n: Schema.Int,
  attempt: Schema.Int,
  test: Schema.optionalKey(Schema.Struct({ notification: Notification, token: Schema.String })),
})
export type Input = typeof Input.Type

export const Output = Schema.Struct({
  /** `failed`: another attempt may help. */
  status: Schema.Literals(["delivered", "logged", "failed", "given_up"]),
  /** Never holds a secret. */
  detail: Schema.optionalKey(Schema.String),
  /** What the receiver asked for. */
  retryAfterMs: Schema.optionalKey(Schema.Finite),
  perMinuteMax: Schema.optionalKey(Schema.Int),
})
export type Output = typeof Output.Type

/** Never fails: what came of it is the answer. */
const once = { output: Output, retry: { attemptsMax: 1 } } as const

export const activities = {
  deliver: activity({ input: Input, timeoutMs: 90_000, ...once }),
  /** Agents and plans take their time. */
  act: activity({ input: Input, timeoutMs: 6 * 60_000, ...once }),
  /** Idempotent: an older revision changes nothing. */
  index: activity({
    input: Schema.Struct({ rows: Schema.Array(Over), last: Schema.Int, revision: Schema.Int }),
    output: Schema.Struct({ revision: Schema.Int }),
  }),
}
