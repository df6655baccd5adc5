/**
 * What a task says: one unit of work that an agent does for a user, over whichever protocol it was asked for. It may ask
 * back, and ends completed, canceled, failed or rejected. Every event has a number `n`, gapless per task, so that whoever
 * lost the connection asks for what came after the last one it saw.
 */
import * as Schema from "effect/Schema"
import { historyMessagesMax, Token, TokenUsage } from "./answer.ts"
import { ChatMessage, MessageContent, readEventsMax } from "./chat-session.ts"
import { AnswerBlock } from "./ops-plan.ts"
import { AskedWith } from "./permission.ts"
import { command, protocol } from "./protocol.ts"
import { countOf, Id, storableTextOf, Time, textOf } from "./text.ts"

/** Messages of the user in one task: the first, and what it said each time the agent asked back. */
export const taskTurnsMax = 20
/** Characters of a task's answers, over all turns. */
export const taskCharactersMax = 256_000
/** Bytes of a task's tables, charts, data and files, over all turns, as JSON; what is beyond it is left out. */
export const taskBlocksBytesMax = 64 * 1024
export const messagePartsMax = 32
export const taskPushesMax = 10
/** Deliveries that a task's log keeps. */
export const deliveriesKeptMax = 100

export const TaskStatus = Schema.Literals([
  "submitted",
  "working",
  "input-required",
  "completed",
  "canceled",
  "failed",
  "rejected",
])
export type TaskStatus = typeof TaskStatus.Type
const endings: ReadonlySet<TaskStatus> = new Set(["completed", "canceled", "failed", "rejected"])
/** Nothing happens to such a task any more. */
export const isEnded = (status: TaskStatus): boolean => endings.has(status)

/** A part of a message as the caller sent it; the agent is given the message's text. */
export const TaskPart = Schema.Union([
  Schema.Struct({ text: MessageContent }),
  Schema.Struct({ data: Schema.Unknown }),
])
export type TaskPart = typeof TaskPart.Type

/** As whoever sends a message names it, and the conversation that it belongs to. */
const MessageId = textOf(256).check(Schema.isMinLength(1))
export const ContextId = storableTextOf(256).check(Schema.isMinLength(1))

const message = {
  messageId: MessageId,
  text: MessageContent,
  /** Absent: the text alone. */
  parts: Schema.optionalKey(Schema.Array(TaskPart).check(Schema.isMaxLength(messagePartsMax))),
}

export const TaskMessage = Schema.Struct({
  ...message,
  turn: Schema.Int,
  role: Schema.Literals(["user", "agent"]),
  text: Schema.String,
  at: Time,
})
export type TaskMessage = typeof TaskMessage.Type

const numbered = { n: Schema.Int, turn: Schema.Int, at: Time }

export const TaskEvent = Schema.Union([
  Schema.Struct({ type: Schema.Literal("message"), ...numbered, messageId: MessageId }),
  /** `message`: what the agent asks, or why the task ended as it did. `code` says so to programs. */
  Schema.Struct({
    type: Schema.Literal("status"),
    ...numbered,
    status: TaskStatus,
    message: Schema.optionalKey(Schema.String),
    code: Schema.optionalKey(Schema.String),
  }),
  /** `index` counts the tokens of a turn from 0, over all agents that take part in it. */
  Schema.Struct({ type: Schema.Literal("token"), ...numbered, content: Token, index: Schema.Int }),
  /** The agent began anew after a crash: the turn's tokens from `index` on are void, and are given again. */
  Schema.Struct({
    type: Schema.Literal("restart"),
    ...numbered,
    agent: Id,
    index: Schema.Int,
    reason: Schema.String,
  }),
  Schema.Struct({ type: Schema.Literal("transfer"), ...numbered, from: Id, to: Id, reason: Schema.String }),
  /** What illustrates the turn's answer; once, at its end. */
  Schema.Struct({ type: Schema.Literal("blocks"), ...numbered, blocks: Schema.Array(AnswerBlock) }),
])
export type TaskEvent = typeof TaskEvent.Type

export const TaskAnswer = Schema.Struct({
  turn: Schema.Int,
  agent: Id,
  /** Of the whole answer. */
  characters: Schema.Int,
  /** That part of it which this page holds. */
  text: Schema.String,
  /** What illustrates it. Only on the first page, and only of a turn that is over. */
  blocks: Schema.optionalKey(Schema.Array(AnswerBlock)),
  at: Time,
})
export type TaskAnswer = typeof TaskAnswer.Type

export const TaskView = Schema.Struct({
  task: Id,
  /** The agent that has it. */
  agent: Id,
  /** The agent that it was given to. */
  openedWith: Id,
  owner: Schema.String,
  context: ContextId,
  status: TaskStatus,
  statusAt: Time,
  statusMessage: Schema.optionalKey(Schema.String),
  code: Schema.optionalKey(Schema.String),
  messages: Schema.Array(TaskMessage),
  /** Oldest first; of the turn that runs, what was said until now. A page: `textFrom` characters of all are left out. */
  answers: Schema.Array(TaskAnswer),
  /** Characters of all answers. */
  characters: Schema.Int,
  /** Grows whenever something of an answer became void: pages of different numbers do not fit together. */
  restarts: Schema.Int,
  tokens: Schema.Int,
  usage: Schema.optionalKey(TokenUsage),
  plan: Schema.optionalKey(Id),
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  createdAt: Time,
  /** When its status changed last, or something was said. */
  updatedAt: Time,
  /** Grows with everything that lists show. */
  revision: Schema.Int,
  turn: Schema.Int,
  /** Number of the last event before the running turn's first token: whoever follows from here gets its whole answer. */
  turnStart: Schema.Int,
  /** Events with `after` < n, oldest first, at most `limit`. */
  events: Schema.Array(TaskEvent),
  /** Number of the oldest event still held: an ended task gives its events up after a while. */
  oldest: Schema.Int,
  /** Number of the newest event. */
  last: Schema.Int,
})
export type TaskView = typeof TaskView.Type

/** Where a task's changes are to be reported. */
export const TaskPush = Schema.Struct({
  id: Id,
  /** Version of the protocol that the receiver speaks. */
  version: Schema.Literals(["0.3", "1.0"]),
  /** Address, token and credentials, sealed for this task and id. */
  sealed: textOf(16_000),
})
export type TaskPush = typeof TaskPush.Type

export const TaskDelivery = Schema.Struct({
  push: Id,
  /** The event that was reported. */
  n: Schema.Int,
  attempt: Schema.Int,
  outcome: Schema.Literals(["delivered", "failed", "given-up"]),
  /** The receiver's answer. */
  status: Schema.optionalKey(Schema.Int),
  /** Why it failed; never holds a secret. */
  detail: Schema.optionalKey(textOf(300)),
  latencyMs: Schema.Finite,
  at: Time,
})
export type TaskDelivery = typeof TaskDelivery.Type

const Started = Schema.Struct({
  task: Id,
  status: TaskStatus,
  turn: Schema.Int,
  /** The turn's events come after this number. */
  after: Schema.Int,
})

/** A task's key is made from whose it is and the id of its first message, so that the same message makes one task. */
export const TaskProtocol = protocol({
  kind: "task",
  version: 1,
  commands: {
    /**
     * Whether the owner may use the agent is checked by whoever sends this, and again when it answers. `history`: what was
     * said in the context before, oldest first. Opening again with the same message changes nothing.
     */
    Open: command(
      {
        agent: Id,
        owner: textOf(200),
        context: ContextId,
        /** Names the conversation for agents that remember it themselves; absent: the context. */
        conversation: Schema.optionalKey(Id),
        ...message,
        ...AskedWith,
        history: Schema.optionalKey(Schema.Array(ChatMessage).check(Schema.isMaxLength(historyMessagesMax))),
        /** Given to the agent besides the text. */
        parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
        metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
        push: Schema.optionalKey(TaskPush),
      },
      Started,
    ),
    /** An answer to what the agent asked back. The same `messageId` gives the same turn. */
    Continue: command({ ...message, ...AskedWith, push: Schema.optionalKey(TaskPush) }, Started),
    Cancel: command({}, Schema.Struct({ task: Id, status: TaskStatus })),
    /** `after` absent: no events. `textFrom` absent: 0. */
    Read: command(
      {
        after: Schema.optionalKey(Schema.Int),
        limit: Schema.optionalKey(countOf(1, readEventsMax)),
        textFrom: Schema.optionalKey(Schema.Int),
      },
      TaskView,
    ),
    /** What the running turn's agent has said so far; an empty text when nothing. For the run that goes on after a crash. */
    Said: command({ turn: Schema.Int }, Schema.Struct({ text: Schema.String, tokens: Schema.Int })),
    /** Replaces the one of the same id. What comes after it is reported, and the current status at once. */
    SetPush: command({ push: TaskPush }),
    RemovePush: command({ id: Id }, Schema.Struct({ removed: Schema.Boolean })),
    Pushes: command({}, Schema.Struct({ pushes: Schema.Array(TaskPush) })),
    /** Newest first. */
    Deliveries: command({}, Schema.Struct({ deliveries: Schema.Array(TaskDelivery), waiting: Schema.Int })),
  },
  rejections: {
    TaskUnknown: {},
    TaskTaken: { agent: Id },
    /** Its sender has gone on with it since: whoever says the same again does not mean this one. */
    TaskMovedOn: {},
    TaskEnded: { status: TaskStatus },
    /** It is at work: nothing was asked back. */
    TaskAtWork: { status: TaskStatus },
    TaskTooLong: { limit: Schema.Int },
    TooManyPushes: { limit: Schema.Int },
  },
})

/** Topic of the live feed of one task; its bodies are `{ events: TaskEvent[] }`. */
export const taskTopic = (tenant: string, task: string): string => `task.${tenant}.${task}`
export const TaskSignal = Schema.Struct({ events: Schema.Array(TaskEvent) })
export type TaskSignal = typeof TaskSignal.Type

/** The tasks of one conversation of one user. Its key is made from both, so that nobody meets another's. */
export const TaskContextProtocol = protocol({
  kind: "task-context",
  version: 1,
  commands: {
    /** Answers the ids of the tasks that came before, newest first. Joining again changes nothing. */
    Join: command({ task: Id }, Schema.Struct({ earlier: Schema.Array(Id) })),
  },
})
