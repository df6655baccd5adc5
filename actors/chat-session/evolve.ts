/** How a session's journal folds: what each event makes of its state. Pure and total. */
import type { SessionMessage } from "../../schemas/index.ts"
import { type Unnumbered, withEvent, withTokens } from "./recent.ts"
import {
  askedMax,
  type Event,
  initial,
  messagesCharactersMax,
  messagesMax,
  newest,
  type State,
  unindexedCharactersMax,
  unindexedMessagesMax,
} from "./state.ts"
import { jsonBytes, plus, titleOf } from "./turn-figures.ts"

/** Those that the index lacks stay longer. */
const kept = (messages: State["messages"], { message: indexed }: State["indexing"]): State["messages"] => {
  const sizeOf = ({ content }: SessionMessage) => content.length
  const usual = newest(messages, messagesMax, messagesCharactersMax, sizeOf)
  const lacking = newest(
    messages.filter(({ number }) => number > indexed),
    unindexedMessagesMax,
    unindexedCharactersMax,
    sizeOf,
  )
  return lacking.length > usual.length ? lacking : usual
}

const addMessage = (state: State, message: Omit<SessionMessage, "number">): State => {
  const lastMessage = state.lastMessage + 1
  const messages = kept([...state.messages, { number: lastMessage, ...message }], state.indexing)
  return { ...state, messages, lastMessage }
}

const append = (state: State, time: number, event: Unnumbered): State => ({
  ...state,
  recent: withEvent(state.recent, state.active?.turn ?? 0, time, event),
})

/** Lists show something else of it now. */
const revised = (state: State): State => ({
  ...state,
  indexing: { ...state.indexing, revision: state.indexing.revision + 1 },
})

/** The turn may end on another node than it began on, whose clock may be behind. */
const elapsedMs = ({ active }: State, time: number): number =>
  active === undefined ? 0 : Math.max(0, time - active.startedAt)

/** What was said until now stays readable, however the turn ended. */
const close = (
  state: State,
  time: number,
  ending: Pick<SessionMessage, "status" | "code" | "plan" | "usage">,
  last: Unnumbered,
): State => {
  const { active, ...rest } = append(state, time, last)
  if (active === undefined) return rest
  const { turn, answer: content, tokens } = active
  const executionMs = elapsedMs(state, time)
  const { totals } = rest
  const spent = {
    ...rest,
    totals: {
      tokens: totals.tokens + tokens,
      executionMs: totals.executionMs + executionMs,
      usage: plus(totals.usage, ending.usage) ?? totals.usage,
    },
  }
  const said = { turn, role: "assistant" as const, agent: state.agent, content, at: time }
  return revised(addMessage({ ...spent, lastActivity: time }, { ...said, ...ending, tokens, executionMs }))
}

export const evolve: { [T in Event["_tag"]]: (state: State, event: Extract<Event, { _tag: T }>) => State } = {
  Opened: (state, { agent, title, owner, traceId, at: createdAt }) =>
    revised({
      ...state,
      agent,
      lastActivity: createdAt,
      opened: { agent, title, owner, traceId, createdAt },
    }),
  Renamed: (state, { title }) =>
    state.opened === undefined ? state : revised({ ...state, opened: { ...state.opened, title } }),
  TurnStarted: (state, { turn, messageId, content, scopes, at: startedAt }) => {
    const { opened } = state
    const askedWith = scopes === undefined ? {} : { scopes }
    const nothing = { answer: "", bytes: 0, tokens: 0, heard: 0, heardCharacters: 0 }
    const started: State = {
      ...state,
      turns: turn,
      lastActivity: startedAt,
      asked: [...state.asked, { messageId, turn, after: state.recent.last }].slice(-askedMax),
      active: { turn, question: content, ...askedWith, startedAt, ...nothing, agents: [state.agent] },
      ...(opened?.title === "" ? { opened: { ...opened, title: titleOf(content) } } : {}),
    }
    const asked = addMessage(started, { turn, role: "user", content, at: startedAt, messageId })
    const shown = append(asked, startedAt, { type: "message", message_id: messageId, role: "user", content })
    return append(shown, startedAt, {
      type: "stream_start",
      session_id: state.session,
      agent_id: state.agent,
    })
  },
  TokensReceived: (state, { tokens, at: time }) => {
    if (state.active === undefined) return state
    const { active } = state
    const said = tokens.join("")
    return {
      ...state,
      active: {
        ...active,
        answer: active.answer + said,
        bytes: active.bytes + jsonBytes(said),
        tokens: active.tokens + tokens.length,
        heard: active.heard + tokens.length,
        heardCharacters: active.heardCharacters + said.length,
      },
      recent: withTokens(state.recent, active.turn, time, active.tokens, tokens),
    }
  },
  AgentChanged: ({ handover: _, ...state }, { from, to, reason, handover, usage: took, at: time }) => {
    const changed = append(state, time, { type: "agent_transfer", from_agent: from, to_agent: to, reason })
    const moved: State = { ...changed, agent: to, ...(handover === undefined ? {} : { handover }) }
    if (moved.active === undefined) return revised({ ...moved, lastActivity: time })
    const all = plus(moved.active.usage, took)
    const active = { ...moved.active, heard: 0, heardCharacters: 0, agents: [...moved.active.agents, to] }
    return { ...moved, active: { ...active, ...(all === undefined ? {} : { usage: all }) } }
  },
  AnswerRestarted: (state, { reason, at: time }) => {
    if (state.active === undefined) return state
    const { active } = state
    const index = active.tokens - active.heard
    const restarted = append(state, time, { type: "stream_restart", agent_id: state.agent, index, reason })
    const [answer, void_] = cutAt(active.answer, active.answer.length - active.heardCharacters)
    const bytes = active.bytes - jsonBytes(void_)
    return { ...restarted, active: { ...active, answer, bytes, tokens: index, heard: 0, heardCharacters: 0 } }
  },
  TurnCompleted: (state, { stopped, plan, usage: took, at: time }) => {
    const more = {
      ...(plan === undefined ? {} : { plan }),
      ...(took === undefined ? {} : { usage: took }),
    }
    return close(
      state,
      time,
      { status: stopped ? "stopped" : "completed", ...more },
      {
        type: "stream_end",
        total_tokens: state.active?.tokens ?? 0,
        execution_time: elapsedMs(state, time) / 1_000,
        ...(stopped ? { stopped } : {}),
        ...more,
      },
    )
  },
  TurnBroken: (state, { code, message, usage: took, at: time }) =>
    close(
      state,
      time,
      { status: "failed", code, ...(took === undefined ? {} : { usage: took }) },
      { type: "error", code, message },
    ),
  Deleted: ({ session, indexing, recent }) => {
    const nothing = initial(session)
    // One event tells clients of it.
    const last = recent.last + 1
    return { ...revised({ ...nothing, indexing }), deleted: true, recent: { ...nothing.recent, last } }
  },
  IndexAwaited: (state, { _tag: _, ...waiting }) => ({
    ...state,
    indexing: { ...state.indexing, waiting: [...state.indexing.waiting, waiting] },
  }),
  IndexBegun: (state, { revision: underWay }) => ({ ...state, indexing: { ...state.indexing, underWay } }),
  Indexed: (state, { revision: indexed, message }) => {
    const { underWay: _, ...rest } = state.indexing
    const waiting = rest.waiting.filter(({ revision }) => revision > indexed)
    const indexing = { ...rest, indexed, message: Math.max(message, rest.message), failures: 0, waiting }
    return { ...state, indexing, messages: kept(state.messages, indexing) }
  },
  IndexFailed: (state) => {
    const { underWay: _, ...rest } = state.indexing
    return { ...state, indexing: { ...rest, failures: rest.failures + 1, waiting: [] } }
  },
}

const cutAt = (text: string, place: number) => [text.slice(0, place), text.slice(place)] as const

export const fold = (state: State, added: ReadonlyArray<Event>): State =>
  added.reduce<State>((folded, event) => evolve[event._tag](folded, event as never), state)
