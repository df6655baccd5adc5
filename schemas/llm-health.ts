/** The schedule by which a tenant's language models are checked: one actor per tenant, whose key is `llmHealthKey`. */
import * as Schema from "effect/Schema"
import { command, protocol } from "./protocol.ts"
import { countOf, Time } from "./text.ts"

export const llmHealthKey = "models"

export const llmHealthEveryMsMin = 5_000
export const llmHealthEveryMsMax = 24 * 60 * 60_000

const Round = Schema.Struct({ at: Time, checked: Schema.Int, unhealthy: Schema.Int })

export const LlmHealthView = Schema.Struct({
  /** Absent until somebody asks for checks. */
  everyMs: Schema.optionalKey(Schema.Int),
  rounds: Schema.Int,
  /** Rounds that ended without a result. */
  failures: Schema.Int,
  last: Schema.optionalKey(Round),
  lastFailure: Schema.optionalKey(Schema.Struct({ at: Time, code: Schema.String })),
})
export type LlmHealthView = typeof LlmHealthView.Type

export const LlmHealthProtocol = protocol({
  kind: "llm-health",
  version: 1,
  commands: {
    /** Checks from now on, as often as this. Idempotent. */
    Watch: command({ everyMs: countOf(llmHealthEveryMsMin, llmHealthEveryMsMax) }),
    Read: command({}, LlmHealthView),
  },
})
