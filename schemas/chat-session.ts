/**
 * What a chat session says to its clients and its agent. Every event that a client may see has a number `n`, gapless
 * per session, so that whoever lost the connection asks for what came after the last one it saw.
 */
import * as Schema from "effect/Schema"
import { HandoverTerms, Token, TokenUsage } from "./answer.ts"
import { AskedWith } from "./permission.ts"
import { command, protocol } from "./protocol.ts"
import { countOf, Id, nameOf, Time, textOf } from "./text.ts"

export const messageCharactersMax = 16_000
export const readEventsMax = 1_000
export const titleCharactersMax = 200

export const MessageContent = textOf(messageCharactersMax).check(Schema.isMinLength(1))

export const ChatMessage = Schema.Struct({
  turn: Schema.Int,
  role: Schema.Literals(["user", "assistant"]),
  /** Who answered; only of the assistant's. */
  agent: Schema.optionalKey(Id),
  content: Schema.String,
  at: Time,
})
export type ChatMessage = typeof ChatMessage.Type

/** A message as the session keeps it. What follows `messageId` is only of the assistant's. */
export const SessionMessage = Schema.Struct({
  /** From 1, gapless per session. */
  number: Schema.Int,
  ...ChatMessage.fields,
  /** Only of the user's. */
  messageId: Schema.optionalKey(Id),
  status: Schema.optionalKey(Schema.Literals(["completed", "stopped", "failed"])),
  tokens: Schema.optionalKey(Schema.Int),
  executionMs: Schema.optionalKey(Schema.Finite),
  usage: Schema.optionalKey(TokenUsage),
  plan: Schema.optionalKey(Id),
  /** Why it failed. */
  code: Schema.optionalKey(Schema.String),
})
export type SessionMessage = typeof SessionMessage.Type

/** What the answers of a session took together. `tokens` are those that clients were sent. */
export const SessionTotals = Schema.Struct({
  tokens: Schema.Int,
  executionMs: Schema.Finite,
  usage: TokenUsage,
})
export type SessionTotals = typeof SessionTotals.Type

const numbered = { n: Schema.Int, turn: Schema.Int, at: Time }

/** Shape: seed 0 §8.2, plus `n`, `turn` and `at` on each. `turn` 0 stands for "between turns". */
export const SessionEvent = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("message"),
    ...numbered,
    message_id: Id,
    role: Schema.Literal("user"),
    content: Schema.String,
  }),
  Schema.Struct({ type: Schema.Literal("stream_start"), ...numbered, session_id: Id, agent_id: Id }),
  /** `index` counts the tokens of a turn from 0, over all agents that take part in it. */
  Schema.Struct({ type: Schema.Literal("token"), ...numbered, content: Token, index: Schema.Int }),
  Schema.Struct({
    type: Schema.Literal("agent_transfer"),
    ...numbered,
    from_agent: Id,
    to_agent: Id,
    reason: Schema.String,
  }),
  /** `execution_time` in seconds. `plan`: the OPS plan whose blocks illustrate the answer. */
  Schema.Struct({
    type: Schema.Literal("stream_end"),
    ...numbered,
    total_tokens: Schema.Int,
    execution_time: Schema.Finite,
    stopped: Schema.optionalKey(Schema.Boolean),
    plan: Schema.optionalKey(Id),
    usage: Schema.optionalKey(TokenUsage),
  }),
  /** The agent began anew after a crash: the turn's tokens from `index` on are void, and are given again. */
  Schema.Struct({
    type: Schema.Literal("stream_restart"),
    ...numbered,
    agent_id: Id,
    index: Schema.Int,
    reason: Schema.String,
  }),
  Schema.Struct({ type: Schema.Literal("error"), ...numbered, code: Schema.String, message: Schema.String }),
])
export type SessionEvent = typeof SessionEvent.Type

export const SessionView = Schema.Struct({
  session: Id,
  agent: Id,
  title: Schema.String,
  owner: Schema.String,
  createdAt: Time,
  lastActivity: Time,
  turns: Schema.Int,
  totals: SessionTotals,
  /** Who had the conversation before the agent that has it now. */
  previousAgent: Schema.optionalKey(Id),
  /** Complete messages, oldest first; the oldest leave when their bound is reached, and are in the index then. */
  messages: Schema.Array(SessionMessage),
  /** Number of the newest complete message, and of the oldest that the session itself still holds. */
  lastMessage: Schema.Int,
  oldestMessage: Schema.Int,
  /** Events with `after` < n, oldest first, at most `limit`. */
  events: Schema.Array(SessionEvent),
  /** Number of the oldest event still held: below it there are only messages. */
  oldest: Schema.Int,
  /** Number of the newest event; 0 when there is none. */
  last: Schema.Int,
  activeTurn: Schema.optionalKey(Schema.Int),
})
export type SessionView = typeof SessionView.Type

export const ChatSessionProtocol = protocol({
  kind: "chat-session",
  version: 2,
  commands: {
    /** Opening again with the same agent and owner changes nothing. Without a title the first question becomes it. */
    Open: command(
      { agentId: Id, title: textOf(titleCharactersMax), owner: textOf(200) },
      Schema.Struct({ session: Id, traceId: Schema.String, createdAt: Time }),
    ),
    /** The same `messageId` gives the same turn. `after`: the turn's events come after this number. */
    Say: command(
      { messageId: Id, content: MessageContent, ...AskedWith },
      Schema.Struct({ turn: Schema.Int, after: Schema.Int }),
    ),
    /** Ends the running answer. Answers `stopped: false` when there is none, or another one than `turn`. */
    Stop: command({ turn: Schema.optionalKey(Schema.Int) }, Schema.Struct({ stopped: Schema.Boolean })),
    /** Between turns. Whether the owner may use the other agent is checked by whoever sends this, and again when it answers. */
    Transfer: command({ toAgent: Id, ...HandoverTerms.fields }, Schema.Struct({ from: Id, to: Id })),
    /** Answered once lists show it, or the index could not be reached. */
    Rename: command({ title: nameOf(titleCharactersMax) }, Schema.Struct({ title: Schema.String })),
    /**
     * Ends the running answer and forgets everything: the session is unknown from then on. Answered once its messages
     * are gone from the index, too, or the index could not be reached and is tried again.
     */
    Delete: command({}, Schema.Struct({ deleted: Schema.Boolean })),
    /** With `after` events, no messages; without it the newest messages, or those before number `before`. */
    Read: command(
      {
        after: Schema.optionalKey(Schema.Int),
        before: Schema.optionalKey(Schema.Int),
        limit: Schema.optionalKey(countOf(1, readEventsMax)),
      },
      SessionView,
    ),
    /** What the running turn's agent has said so far; an empty text when nothing. For the run that goes on after a crash. */
    Said: command({ turn: Schema.Int }, Schema.Struct({ text: Schema.String, tokens: Schema.Int })),
  },
  rejections: {
    SessionUnknown: {},
    SessionTaken: { agent: Id },
    TurnInProgress: { turn: Schema.Int },
  },
})

/** Code of the `error` by which clients are told that there is no such session any more; nothing follows it. */
export const sessionDeletedCode = "SessionDeleted"

/** Topic of the live feed of one session; its bodies are `{ events: SessionEvent[] }`. */
export const sessionTopic = (tenant: string, session: string): string => `session.${tenant}.${session}`
export const SessionFeed = Schema.Struct({ events: Schema.Array(SessionEvent) })
export type SessionFeed = typeof SessionFeed.Type
