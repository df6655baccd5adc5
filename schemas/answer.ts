/** What an answer of an agent is made of, whoever asked: a chat session, a task of another protocol, or a caller. */
import * as Schema from "effect/Schema"
import { countOf, Id, textOf } from "./text.ts"

/** Tokens and characters of one answer; a longer one ends with an error. */
export const answerTokensMax = 16_000
export const answerCharactersMax = 128_000
/** Messages of the conversation that come along with a question. */
export const historyMessagesMax = 20
export const historyCharactersMax = 24_000

export const Token = textOf(4_000)

/** Of language models, over all calls that an answer took. `estimated`: the provider gave no numbers, or was cut off. */
export const TokenUsage = Schema.Struct({
  input: Schema.Int,
  output: Schema.Int,
  estimated: Schema.Boolean,
})
export type TokenUsage = typeof TokenUsage.Type

/**
 * How much of the conversation the next agent gets: all that is kept, a summary of it, or its last messages (`messages`,
 * default 6). What is said after the hand-over it gets in any case.
 */
export const HandoverContext = Schema.Literals(["full", "summary", "last"])
export const handoverMessagesDefault = 6

const handover = {
  reason: textOf(500),
  context: HandoverContext,
  messages: Schema.optionalKey(countOf(1, historyMessagesMax)),
  /** Written by the agent that hands over. */
  summary: Schema.optionalKey(textOf(4_000)),
}
/** What whoever hands a conversation over says about it. */
export const HandoverTerms = Schema.Struct(handover)
export type HandoverTerms = typeof HandoverTerms.Type

/** A hand-over that took place: messages up to turn `turn`, it not included, are what `context` is about. */
export const Handover = Schema.Struct({ from: Id, turn: Schema.Int, ...handover })
export type Handover = typeof Handover.Type
