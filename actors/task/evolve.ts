/** How a task's journal folds: its events as clients see them are numbered without gaps. */
import {
  type AnswerBlock,
  answerTokensMax,
  type TaskEvent,
  type TaskStatus,
  type TokenUsage,
} from "../../schemas/index.ts"
import { newest } from "../chat-session/state.ts"
import { type Event, initial, type State } from "./state.ts"

/** Events kept for clients that resume. More than one turn can have, so a running answer is always complete. */
export const recentEventsMax = answerTokensMax + 2_000
/** Characters of the events kept beyond those of the running turn. */
export const recentCharactersMax = 48_000

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
const close = (
  { active, ...state }: State,
  time: number,
  { asks, blocks }: { readonly asks: string | undefined; readonly blocks: ReadonlyArray<AnswerBlock> },
): State => {
  if (active === undefined) return state
  const { turn, answer: text } = active
  const said = { turn, agent: state.agent, text, ...(blocks.length === 0 ? {} : { blocks }), at: time }
  const isEmpty = text === "" && blocks.length === 0
  const kept = isEmpty ? state : { ...state, answers: [...state.answers, said] }
  if (asks === undefined) return kept
  const question = {
    messageId: `${state.task.slice(0, 100)}:asks:${turn}`,
    turn,
    role: "agent" as const,
    text: asks,
    at: time,
  }
  return { ...kept, messages: [...kept.messages, question] }
}

export const evolve: { [T in Event["_tag"]]: (state: State, event: Extract<Event, { _tag: T }>) => State } = {
  Opened: (state, { _tag: _, at: createdAt, ...of }) =>
    reach({ ...state, agent: of.agent, opened: { ...of, createdAt } }, createdAt, { status: "submitted" }),
  TurnStarted: (state, { _tag: _, at: time, scopes, ...message }) => {
    const { turn, messageId } = message
    const messages = [...state.messages, { ...message, role: "user" as const, at: time }]
    const told = append({ ...state, turns: turn, messages }, time, [{ type: "message", messageId }])
    const working = reach(told, time, { status: "working" })
    const active = { turn, startedAt: time, start: working.last, answer: "", tokens: 0, heard: 0 }
    const askedWith = scopes === undefined ? {} : { scopes }
    return { ...working, active: { ...active, ...askedWith, heardCharacters: 0, agents: [state.agent] } }
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
  StatusChanged: (state, { plan, usage, blocks = [], at: time, ...reached }) => {
    const asks = reached.status === "input-required" ? reached.message : undefined
    const told = blocks.length === 0 ? state : append(state, time, [{ type: "blocks", blocks }])
    const ended = reach(close(addUsage(told, usage), time, { asks, blocks }), time, reached)
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
