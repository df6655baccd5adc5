/** An answer that comes in one piece. */
import * as Effect from "effect/Effect"
import type { Outcome } from "../../framework.ts"
import type { Exchange, Trouble } from "./exchange.ts"
import { RemoteFailure } from "./failure.ts"
import type { Spoken } from "./spoken.ts"

export const noText = () => new RemoteFailure("AgentMalformed", "the agent's answer holds no text")

export const sayAll = (exchange: Exchange, { text, blocks }: Spoken): Effect.Effect<Outcome, Trouble> =>
  text.trim() === ""
    ? Effect.fail(noText())
    : Effect.as(exchange.say(text), { _tag: "Said", ...(blocks.length === 0 ? {} : { blocks }) } as const)
