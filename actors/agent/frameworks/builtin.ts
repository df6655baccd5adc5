/** The agents that the product itself answers for: each has its whole text at once, and says it at a reader's pace. */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../../engine/index.ts"
import type { AgentFramework, AnswerCall } from "../framework.ts"
import { usableAgent } from "../usable.ts"
import { guide } from "./guide.ts"
import { ops } from "./ops.ts"
import type { Utterance } from "./utterance.ts"

/** Tokens that are said together, and the pause between two groups. */
export const groupTokens = 8
export const groupPaceMs = 20

/** Words with the white space before them; together they are the text. A very long word is cut. */
export const tokensOf = (text: string): ReadonlyArray<string> => text.match(/\s*\S{1,200}|\s+$/g) ?? []

/** Whoever may not ask the other agent is told so by this one, and keeps the conversation with it. */
const guided = (call: AnswerCall): Effect.Effect<Utterance, ActivityFailure> => {
  const utterance = guide(call.question.question)
  return utterance._tag === "Say"
    ? Effect.succeed(utterance)
    : Effect.as(usableAgent(call.engine, call.tenant, utterance.toAgent, call.caller), utterance)
}

const utter = (call: AnswerCall): Effect.Effect<Utterance, ActivityFailure> => {
  switch (call.view.behaviour) {
    case "guide":
      return guided(call)
    case "ops":
      return ops(call)
    default:
      return Effect.fail(
        new ActivityFailure({
          code: "NoBehaviour",
          detail: `agent "${call.view.agent}" names no built-in behaviour: register it with "guide" or "ops"`,
          retryable: false,
        }),
      )
  }
}

export const builtin: AgentFramework = {
  answer: Effect.fnUntraced(function* (call: AnswerCall) {
    const utterance = yield* utter(call)
    if (utterance._tag === "HandOver") return utterance
    const tokens = tokensOf(utterance.text)
    for (const [index, token] of tokens.entries()) {
      yield* call.say(token)
      const isGroupEnd = (index + 1) % groupTokens === 0
      if (call.question.stream && isGroupEnd && !call.isRepeating()) yield* Effect.sleep(groupPaceMs)
    }
    const { blocks, plan } = utterance
    return { _tag: "Said" as const, blocks, ...(plan === undefined ? {} : { plan }) }
  }),
  check: () => Effect.succeed({ status: "healthy", consecutiveFailures: 0 }),
}
