/**
 * What a task remembers and how its journal folds: its messages and answers, and its events as clients see them, numbered
 * without gaps.
 */
import * as Schema from "effect/Schema"
import {
  answerTokensMax,
  ChatMessage,
  Handover,
  isEnded,
  type Tagged,
  TaskDelivery,
  TaskEvent,
  TaskMessage,
  TaskPush,
  TaskStatus,
  Token,
  TokenUsage,
} from "../../schemas/index.ts"
import { newest } from "../chat-session/state.ts"

/** Events kept for clients that resume. More than one turn can have, so a running answer is always complete. */
export const recentEventsMax = answerTokensMax + 2_000
/** Characters of the events kept beyond those of the running turn. */
export const recentCharactersMax = 48_000

const Turn = Schema.Struct({
  turn: Schema.Int,
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
  TurnStarted: { messageId: said.messageId, text: Schema.String, parts: said.parts, turn: Schema.Int, at },
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
    at,
  },
  /** The events of a task that ended leave; of `all` nothing stays, else messages and answers. */
  Forgotten: { all: Schema.Boolean },
  PushSet: { push: TaskPush },
  PushRemoved: { id: Schema.String },
  Delivered: { delivery: TaskDelivery },
}
export type Event = Tagged<typeof events>

type Unnumbered = TaskEvent extends infer E
  ? E extends TaskEvent
    ? Omit<E, "n" | "turn" | "at">
    : never
  : never

const append = (state: State, time: number, added: ReadonlyArray<Unnumbered>): State => {
  const numbered = added.map((event, index) => ({
    ...event,
    n: state.last + 1 + index,
    turn: state.turns,
    at: time,
  })) as ReadonlyArray<TaskEvent>
  const characters = recentCharactersMax + (state.active?.answer.length ?? 0)
  return {
    ...state,
    last: state.last + added.length,
    updatedAt: time,
    recent: newest([...state.recent, ...numbered], recentEventsMax, characters, (event) =>
      event.type === "token" ? event.content.length : 0,
    ),
  }
}

/** Every receiver is told of every change of the status. */
const enqueue = (state: State): State => ({
  ...state,
  pushes: state.pushes.map((push) => ({ ...push, waiting: [...push.waiting, state.last] })),
})

interface Reached {
  readonly status: TaskStatus
  readonly message?: string
  readonly code?: string
}

const reach = (state: State, time: number, { status, message, code }: Reached): State => {
  const { statusMessage: _1, code: _2, ...rest } = state
  const detail = {
    ...(message === undefined ? {} : { message }),
    ...(code === undefined ? {} : { code }),
  }
  const told = append({ ...rest, status, statusAt: time }, time, [{ type: "status", status, ...detail }])
  return enqueue({
    ...told,
    revision: state.revision + 1,
    ...(message === undefined ? {} : { statusMessage: message }),
    ...(code === undefined ? {} : { code }),
  })
}

const addUsage = (state: State, more: TokenUsage | undefined): State => {
  if (more === undefined) return state
  const before = state.usage ?? { input: 0, output: 0, estimated: false }
  const usage = {
    input: before.input + more.input,
    output: before.output + more.output,
    estimated: before.estimated || more.estimated,
  }
  return { ...state, usage }
}

/** What was said until now stays readable, however the turn ended. */
const close = ({ active, ...state }: State, time: number, asks: string | undefined): State => {
  if (active === undefined) return state
  const kept =
    active.answer === ""
      ? state
      : {
          ...state,
          answers: [
            ...state.answers,
            { turn: active.turn, agent: state.agent, text: active.answer, at: time },
          ],
        }
  if (asks === undefined) return kept
  const question = {
    messageId: `${state.task.slice(0, 100)}:asks:${active.turn}`,
    turn: active.turn,
    role: "agent" as const,
    text: asks,
    at: time,
  }
  return { ...kept, messages: [...kept.messages, question] }
}

export const evolve: { [T in Event["_tag"]]: (state: State, event: Extract<Event, { _tag: T }>) => State } = {
  Opened: (state, { _tag: _, at: createdAt, ...of }) =>
    reach({ ...state, agent: of.agent, opened: { ...of, createdAt } }, createdAt, { status: "submitted" }),
  TurnStarted: (state, { _tag: _, at: time, ...message }) => {
    const { turn, messageId } = message
    const messages = [...state.messages, { ...message, role: "user" as const, at: time }]
    const told = append({ ...state, turns: turn, messages }, time, [{ type: "message", messageId }])
    const working = reach(told, time, { status: "working" })
    const active = { turn, startedAt: time, start: working.last, answer: "", tokens: 0, heard: 0 }
    return { ...working, active: { ...active, heardCharacters: 0, agents: [state.agent] } }
  },
  TokensReceived: (state, { tokens, at: time }) => {
    if (state.active === undefined) return state
    const { active } = state
    const heard = {
      ...active,
      answer: active.answer + tokens.join(""),
      tokens: active.tokens + tokens.length,
      heard: active.heard + tokens.length,
      heardCharacters: tokens.reduce((sum, token) => sum + token.length, active.heardCharacters),
    }
    return append(
      { ...state, active: heard, tokens: state.tokens + tokens.length },
      time,
      tokens.map((content, index) => ({ type: "token", content, index: active.tokens + index })),
    )
  },
  AgentChanged: (state, { to, handover, at: time }) => {
    const { from, reason } = handover
    const changed = append(state, time, [{ type: "transfer", from, to, reason }])
    const { active } = changed
    return {
      ...changed,
      agent: to,
      handover,
      ...(active === undefined
        ? {}
        : { active: { ...active, heard: 0, heardCharacters: 0, agents: [...active.agents, to] } }),
    }
  },
  AnswerRestarted: (state, { reason, at: time }) => {
    if (state.active === undefined) return state
    const { active } = state
    const index = active.tokens - active.heard
    const restarted = append(state, time, [{ type: "restart", agent: state.agent, index, reason }])
    const answer = active.answer.slice(0, active.answer.length - active.heardCharacters)
    return {
      ...restarted,
      restarts: state.restarts + 1,
      tokens: state.tokens - active.heard,
      active: { ...active, answer, tokens: index, heard: 0, heardCharacters: 0 },
    }
  },
  StatusChanged: (state, { plan, usage, at: time, ...reached }) => {
    const asks = reached.status === "input-required" ? reached.message : undefined
    const ended = reach(close(addUsage(state, usage), time, asks), time, reached)
    return plan === undefined ? ended : { ...ended, plan }
  },
  Forgotten: (state, { all }) =>
    all
      ? { ...initial(state.task), revision: state.revision + 1, last: state.last }
      : { ...state, recent: [] },
  PushSet: (state, { push }) => {
    const serial = state.pushSerial + 1
    const current = state.recent.findLast(({ type }) => type === "status")?.n
    const waiting = current === undefined ? [] : [current]
    const others = state.pushes.filter(({ id }) => id !== push.id)
    return { ...state, pushSerial: serial, pushes: [...others, { ...push, waiting, failed: 0, serial }] }
  },
  PushRemoved: (state, { id }) => ({ ...state, pushes: state.pushes.filter((push) => push.id !== id) }),
  Delivered: (state, { delivery }) => {
    const isOver = delivery.outcome !== "failed"
    return {
      ...state,
      deliveries: [delivery, ...state.deliveries].slice(0, 100),
      pushes: state.pushes.map((push) =>
        push.id !== delivery.push
          ? push
          : isOver
            ? { ...push, waiting: push.waiting.filter((n) => n !== delivery.n), failed: 0 }
            : { ...push, failed: delivery.attempt },
      ),
    }
  },
}

/** Whether it is there: opened, and not forgotten. */
export const isOpen = (state: State): boolean => state.opened !== undefined

export const canContinue = ({ status }: State): boolean => status === "input-required" && !isEnded(status)
