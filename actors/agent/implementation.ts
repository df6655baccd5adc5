/**
 * How a built-in agent answers: its behaviour gives the whole text, which is reported in groups of tokens. The text is
 * the same whenever the activity runs again, so a run after a crash skips the groups that are in the journal.
 */
import * as Effect from "effect/Effect"
import { ActivityFailure, type ActivityRun } from "../../engine/index.ts"
import { implementKind } from "../implement-kind.ts"
import { Agent } from "./agent.ts"
import { guide } from "./guide.ts"
import { ops } from "./ops.ts"
import type { Answered, Piece, Question } from "./question.ts"

/** Tokens that are reported together, and the pause between two groups. */
export const groupTokens = 8
export const groupPaceMs = 20

/** Words with the white space before them; together they are the text. A very long word is cut. */
export const tokensOf = (text: string): ReadonlyArray<string> => text.match(/\s*\S{1,200}|\s+$/g) ?? []

const groupsOf = (tokens: ReadonlyArray<string>): ReadonlyArray<Piece> =>
  Array.from({ length: Math.ceil(tokens.length / groupTokens) }, (_, index) => ({
    from: index * groupTokens,
    tokens: tokens.slice(index * groupTokens, (index + 1) * groupTokens),
  }))

const utter = (question: Question, run: ActivityRun<Piece>) => {
  switch (question.descriptor.behaviour) {
    case "guide":
      return Effect.succeed(guide(question))
    case "ops":
      return ops(question, run.self.tenant)
    default:
      return Effect.fail(
        new ActivityFailure({
          code: "NoBehaviour",
          detail: `agent "${question.agent}" names no built-in behaviour: register it with "guide" or "ops"`,
          retryable: false,
        }),
      )
  }
}

const answer = Effect.fnUntraced(function* (question: Question, run: ActivityRun<Piece>) {
  const utterance = yield* utter(question, run)
  if (utterance._tag === "HandOver") {
    const handedOver: Answered = { ...utterance, _tag: "HandedOver" }
    return handedOver
  }
  const tokens = tokensOf(utterance.text)
  const { blocks, plan } = utterance
  const said = { tokens: tokens.length, ...(plan === undefined ? {} : { plan }) }
  if (!question.stream) {
    const whole: Answered = { _tag: "Said", ...said, text: utterance.text, blocks }
    return whole
  }
  for (const group of groupsOf(tokens).slice(run.progressed)) {
    yield* run.emit(group)
    yield* Effect.sleep(groupPaceMs)
  }
  const streamed: Answered = { _tag: "Said", ...said, text: "", blocks: [] }
  return streamed
})

export const agentImplementation = implementKind(Agent, { answer })
