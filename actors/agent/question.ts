/** The activity by which an agent answers: what goes in, what is reported on the way, what comes out. */
import * as Schema from "effect/Schema"
import { AgentDescriptor, Alert, AnswerBlock, ChatMessage, Token } from "../../schemas/index.ts"

/** What there is to answer, with all that the answer may depend on, so that a second run gives the same one. */
export const Question = Schema.Struct({
  agent: Schema.String,
  descriptor: AgentDescriptor,
  question: Schema.String,
  history: Schema.Array(ChatMessage),
  alerts: Schema.Array(Alert),
  /** Id for the OPS plan, should the answer need one. */
  plan: Schema.String,
  /** Whether pieces of the answer are to be reported on the way. */
  stream: Schema.Boolean,
})
export type Question = typeof Question.Type

/** Tokens `from`, `from` + 1, … of the answer. */
export const Piece = Schema.Struct({ from: Schema.Int, tokens: Schema.Array(Token) })
export type Piece = typeof Piece.Type

export const Answered = Schema.Union([
  Schema.Struct({
    _tag: Schema.Literal("Said"),
    tokens: Schema.Int,
    /** Empty when it was streamed. */
    text: Schema.String,
    blocks: Schema.Array(AnswerBlock),
    plan: Schema.optionalKey(Schema.String),
  }),
  Schema.Struct({ _tag: Schema.Literal("HandedOver"), toAgent: Schema.String, reason: Schema.String }),
])
export type Answered = typeof Answered.Type

/** What a behaviour makes of a question. */
export type Utterance =
  | {
      readonly _tag: "Say"
      readonly text: string
      readonly blocks: ReadonlyArray<AnswerBlock>
      readonly plan?: string
    }
  | { readonly _tag: "HandOver"; readonly toAgent: string; readonly reason: string }
