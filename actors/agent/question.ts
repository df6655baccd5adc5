/** The activity by which an agent answers: what goes in, what is reported on the way, what comes out. */
import * as Schema from "effect/Schema"
import { activity } from "../../engine/index.ts"
import {
  AnswerBlock,
  AskedWith,
  ChatMessage,
  Handover,
  HandoverTerms,
  Token,
  TokenUsage,
} from "../../schemas/index.ts"

/** What there is to answer. The agent itself is looked up when the answer begins, and who asks is checked then. */
export const Question = Schema.Struct({
  agent: Schema.String,
  question: Schema.String,
  /** Names the conversation for agents that remember it themselves. */
  conversation: Schema.String,
  turn: Schema.Int,
  history: Schema.Array(ChatMessage),
  /** On whose behalf; absent for the platform itself. */
  user: Schema.optionalKey(Schema.String),
  ...AskedWith,
  /** How the conversation came to this agent, if another one had it. */
  handover: Schema.optionalKey(Handover),
  /** Agents that had this turn: none of them is to get it again. */
  agents: Schema.Array(Schema.String),
  /** Whether the turn may move on to another agent. */
  mayHandOver: Schema.Boolean,
  /** Id for the OPS plan, should the answer need one. */
  plan: Schema.String,
  /** Whether pieces of the answer are to be reported on the way. */
  stream: Schema.Boolean,
  /** Bytes of blocks, as JSON, that are wanted of an answer whose pieces are reported; absent: none. */
  blocksMax: Schema.optionalKey(Schema.Int),
  /** What the caller of a task says besides the question. */
  parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
})
export type Question = typeof Question.Type

/** Pieces in one report. */
export const tokensPerReportMax = 256

/** Tokens `from`, `from` + 1, … of the answer; none: the agent is at work. `restart`: what was reported before is void. */
export const Piece = Schema.Struct({
  from: Schema.Int,
  tokens: Schema.Array(Token).check(Schema.isMaxLength(tokensPerReportMax)),
  restart: Schema.optionalKey(Schema.String),
})
export type Piece = typeof Piece.Type

export const Answered = Schema.Union([
  Schema.Struct({
    _tag: Schema.Literal("Said"),
    tokens: Schema.Int,
    /** Empty when it was streamed. */
    text: Schema.String,
    blocks: Schema.Array(AnswerBlock),
    plan: Schema.optionalKey(Schema.String),
    usage: Schema.optionalKey(TokenUsage),
    /** The agent asks something back: it goes on with the answer. */
    awaitsInput: Schema.optionalKey(Schema.Boolean),
  }),
  Schema.Struct({
    _tag: Schema.Literal("HandedOver"),
    toAgent: Schema.String,
    ...HandoverTerms.fields,
    usage: Schema.optionalKey(TokenUsage),
  }),
])
export type Answered = typeof Answered.Type

/** What was reported of an answer before the run that is under way. */
export interface Said {
  readonly text: string
  readonly tokens: number
}
export const nothingSaid: Said = { text: "", tokens: 0 }

export const answerTimeoutMs = 5 * 60_000
/** What the engine grants beyond it, so that the answer's own end comes first. */
const endingMs = 10_000

/** Every kind that has agents answer declares this activity; `answering.ts` carries it out. */
export const answerActivity = activity({
  input: Question,
  output: Answered,
  progress: Piece,
  timeoutMs: answerTimeoutMs + endingMs,
})
