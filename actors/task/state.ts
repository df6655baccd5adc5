/**
 * What a task remembers, and what its journal holds: its messages and answers, its events as clients see them, and who is
 * to be told of them.
 */
import * as Schema from "effect/Schema"
import {
  AnswerBlock,
  AskedWith,
  ChatMessage,
  Handover,
  type Tagged,
  TaskDelivery,
  TaskEvent,
  TaskMessage,
  TaskPush,
  TaskStatus,
  Token,
  TokenUsage,
} from "../../schemas/index.ts"

const Turn = Schema.Struct({
  turn: Schema.Int,
  ...AskedWith,
  startedAt: Schema.Finite,
  /** Number of the last event before the first token. */
  start: Schema.Int,
  answer: Schema.String,
  /** Tokens of the turn, and those among them from the agent that has it now, with their characters. */
  tokens: Schema.Int,
  heard: Schema.Int,
  heardCharacters: Schema.Int,
  /** The agents that had this turn, in order. */
  agents: Schema.Array(Schema.String),
})

const StoredAnswer = Schema.Struct({
  turn: Schema.Int,
  agent: Schema.String,
  text: Schema.String,
  blocks: Schema.optionalKey(Schema.Array(AnswerBlock)),
  at: Schema.Finite,
})

/** Somewhere that is told of changes, and which event it is to be told of next. */
const Push = Schema.Struct({
  ...TaskPush.fields,
  /** Numbers of the events that wait, oldest first. */
  waiting: Schema.Array(Schema.Int),
  /** Attempts on the first of them that failed. */
  failed: Schema.Int,
  /** Tells a configuration from the one of the same id that it replaced. */
  serial: Schema.Int,
})
export type Push = typeof Push.Type

const opened = {
  agent: Schema.String,
  owner: Schema.String,
  context: Schema.String,
  conversation: Schema.String,
  traceId: Schema.String,
  history: Schema.Array(ChatMessage),
  parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
}

export const State = Schema.Struct({
  task: Schema.String,
  opened: Schema.optionalKey(Schema.Struct({ ...opened, createdAt: Schema.Finite })),
  /** The agent that has it. */
  agent: Schema.String,
  handover: Schema.optionalKey(Handover),
  status: TaskStatus,
  statusAt: Schema.Finite,
  statusMessage: Schema.optionalKey(Schema.String),
  code: Schema.optionalKey(Schema.String),
  turns: Schema.Int,
  messages: Schema.Array(TaskMessage),
  answers: Schema.Array(StoredAnswer),
  restarts: Schema.Int,
  tokens: Schema.Int,
  usage: Schema.optionalKey(TokenUsage),
  plan: Schema.optionalKey(Schema.String),
  updatedAt: Schema.Finite,
  revision: Schema.Int,
  recent: Schema.Array(TaskEvent),
  /** Number of the newest event. */
  last: Schema.Int,
  active: Schema.optionalKey(Turn),
  pushes: Schema.Array(Push),
  pushSerial: Schema.Int,
  /** Newest first. */
  deliveries: Schema.Array(TaskDelivery),
})
export type State = typeof State.Type
export type Turn = NonNullable<State["active"]>

export const initial = (task: string): State => ({
  task,
  agent: "",
  status: "submitted",
  statusAt: 0,
  turns: 0,
  messages: [],
  answers: [],
  restarts: 0,
  tokens: 0,
  updatedAt: 0,
  revision: 0,
  recent: [],
  last: 0,
  pushes: [],
  pushSerial: 0,
  deliveries: [],
})

const at = Schema.Finite
const said = TaskMessage.fields
export const events = {
  Opened: { ...opened, at },
  TurnStarted: {
    messageId: said.messageId,
    text: Schema.String,
    parts: said.parts,
    ...AskedWith,
    turn: Schema.Int,
    at,
  },
  TokensReceived: { tokens: Schema.Array(Token), at },
  AgentChanged: { to: Schema.String, handover: Handover, at },
  /** What the agent said of the turn is void. */
  AnswerRestarted: { reason: Schema.String, at },
  /** The turn is over. `message`: what the agent asks, or why it ended so. */
  StatusChanged: {
    status: TaskStatus,
    message: Schema.optionalKey(Schema.String),
    code: Schema.optionalKey(Schema.String),
    plan: Schema.optionalKey(Schema.String),
    usage: Schema.optionalKey(TokenUsage),
    blocks: Schema.optionalKey(Schema.Array(AnswerBlock)),
    at,
  },
  /** The events of a task that ended leave; of `all` nothing stays, else messages and answers. */
  Forgotten: { all: Schema.Boolean },
  PushSet: { push: TaskPush },
  PushRemoved: { id: Schema.String },
  Delivered: { delivery: TaskDelivery },
}
export type Event = Tagged<typeof events>
