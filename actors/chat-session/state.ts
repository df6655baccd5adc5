/**
 * What a chat session remembers: the turns, the newest complete messages, the most recent events as clients see them,
 * numbered without gaps, and how far the index of sessions is behind.
 */
import * as Schema from "effect/Schema"
import {
  AskedWith,
  Handover,
  MessageContent,
  SessionMessage,
  SessionTotals,
  type Tagged,
  Token,
  TokenUsage,
} from "../../schemas/index.ts"
import { CallerSchema } from "../caller.ts"
import { nothingRecent, Recent } from "./recent.ts"

/** Complete messages kept, by number and by characters; the index has the older ones. */
export const messagesMax = 40
export const messagesCharactersMax = 64_000
/** The same of those that the index does not have yet: beyond it they are only in the journal. */
export const unindexedMessagesMax = 400
export const unindexedCharactersMax = 1_000_000
/** Message ids remembered, so that the same one gives the same turn. */
export const askedMax = 200

const Turn = Schema.Struct({
  turn: Schema.Int,
  question: MessageContent,
  ...AskedWith,
  startedAt: Schema.Finite,
  answer: Schema.String,
  /** What the answer takes in a record. */
  bytes: Schema.Int,
  /** Tokens of the turn, and those among them from the agent that has it now, with their characters. */
  tokens: Schema.Int,
  heard: Schema.Int,
  heardCharacters: Schema.Int,
  /** The agents that had this turn, in order, and what those before the last took. */
  agents: Schema.Array(Schema.String),
  usage: Schema.optionalKey(TokenUsage),
})
export type Turn = typeof Turn.Type

/** Somebody who is told when lists show revision `revision`. */
const Waiting = Schema.Struct({
  caller: CallerSchema,
  revision: Schema.Int,
  for: Schema.Literals(["Rename", "Delete"]),
})
export type Waiting = typeof Waiting.Type

/** How far the index of sessions is behind. */
const Indexing = Schema.Struct({
  /** Counts what lists show of the session. */
  revision: Schema.Int,
  /** The newest revision, and the newest message, that the index has. */
  indexed: Schema.Int,
  message: Schema.Int,
  /** The revision that is on its way: one at a time. */
  underWay: Schema.optionalKey(Schema.Int),
  /** In a row. */
  failures: Schema.Int,
  waiting: Schema.Array(Waiting),
})

export const State = Schema.Struct({
  session: Schema.String,
  opened: Schema.optionalKey(
    Schema.Struct({
      title: Schema.String,
      owner: Schema.String,
      traceId: Schema.String,
      createdAt: Schema.Finite,
      /** The agent it was opened with. */
      agent: Schema.String,
    }),
  ),
  /** It was, and is to be forgotten. */
  deleted: Schema.optionalKey(Schema.Boolean),
  agent: Schema.String,
  /** How the conversation came to the agent that has it, if another one had it before. */
  handover: Schema.optionalKey(Handover),
  turns: Schema.Int,
  lastActivity: Schema.Finite,
  totals: SessionTotals,
  asked: Schema.Array(Schema.Struct({ messageId: Schema.String, turn: Schema.Int, after: Schema.Int })),
  messages: Schema.Array(SessionMessage),
  lastMessage: Schema.Int,
  recent: Recent,
  active: Schema.optionalKey(Turn),
  indexing: Indexing,
})
export type State = typeof State.Type

const nothingSpent: SessionTotals = {
  tokens: 0,
  executionMs: 0,
  usage: { input: 0, output: 0, estimated: false },
}

export const initial = (session: string): State => ({
  session,
  agent: "",
  turns: 0,
  lastActivity: 0,
  totals: nothingSpent,
  asked: [],
  messages: [],
  lastMessage: 0,
  recent: nothingRecent,
  indexing: { revision: 0, indexed: 0, message: 0, failures: 0, waiting: [] },
})

const at = Schema.Finite
const usage = Schema.optionalKey(TokenUsage)
export const events = {
  Opened: { agent: Schema.String, title: Schema.String, owner: Schema.String, traceId: Schema.String, at },
  Renamed: { title: Schema.String },
  TurnStarted: { turn: Schema.Int, messageId: Schema.String, content: MessageContent, ...AskedWith, at },
  TokensReceived: { tokens: Schema.Array(Token), at },
  /** Within a turn or between turns. What version 1 wrote has no `handover`. */
  AgentChanged: {
    from: Schema.String,
    to: Schema.String,
    reason: Schema.String,
    handover: Schema.optionalKey(Handover),
    /** What the agent that hands over took. */
    usage,
    at,
  },
  /** What the agent said of the turn is void. */
  AnswerRestarted: { reason: Schema.String, at },
  TurnCompleted: { stopped: Schema.Boolean, plan: Schema.optionalKey(Schema.String), usage, at },
  TurnBroken: { code: Schema.String, message: Schema.String, usage, at },
  /** By the session's owner. */
  Deleted: { at },
  IndexAwaited: Waiting.fields,
  IndexBegun: { revision: Schema.Int },
  /** `message`: the newest that went along. */
  Indexed: { revision: Schema.Int, message: Schema.Int },
  /** Those who waited were answered without. */
  IndexFailed: {},
}
export type Event = Tagged<typeof events>

/** Newest elements of a list whose characters stay within a bound; always the newest one. */
export const newest = <A>(
  list: ReadonlyArray<A>,
  max: number,
  charactersMax: number,
  sizeOf: (one: A) => number,
) => {
  let characters = 0
  let start = list.length
  while (start > 0 && list.length - start < max) {
    characters += sizeOf(list[start - 1]!)
    if (characters > charactersMax && start < list.length) break
    start -= 1
  }
  return start === 0 ? list : list.slice(start)
}
