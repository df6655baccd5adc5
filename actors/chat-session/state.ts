/**
 * What a chat session remembers and how its journal folds: the turns, the complete messages, and the most recent events
 * as clients see them, numbered without gaps.
 */
import * as Schema from "effect/Schema"
import {
  answerTokensMax,
  ChatMessage,
  Handover,
  MessageContent,
  SessionEvent,
  type Tagged,
  Token,
  TokenUsage,
} from "../../schemas/index.ts"

/** Events kept for clients that resume. More than one turn can have, so a running answer is always complete. */
export const recentEventsMax = answerTokensMax + 2_000
/** Characters of the events kept beyond those of the running turn. */
export const recentCharactersMax = 48_000
/** Complete messages kept, by number and by characters. */
export const messagesMax = 40
export const messagesCharactersMax = 64_000
/** Message ids remembered, so that the same one gives the same turn. */
export const askedMax = 200

const Turn = Schema.Struct({
  turn: Schema.Int,
  question: MessageContent,
  startedAt: Schema.Finite,
  answer: Schema.String,
  /** Tokens of the turn, and those among them from the agent that has it now, with their characters. */
  tokens: Schema.Int,
  heard: Schema.Int,
  heardCharacters: Schema.Int,
  /** The agents that had this turn, in order. */
  agents: Schema.Array(Schema.String),
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
  agent: Schema.String,
  /** How the conversation came to the agent that has it, if another one had it before. */
  handover: Schema.optionalKey(Handover),
  turns: Schema.Int,
  asked: Schema.Array(Schema.Struct({ messageId: Schema.String, turn: Schema.Int, after: Schema.Int })),
  messages: Schema.Array(ChatMessage),
  recent: Schema.Array(SessionEvent),
  /** Number of the newest event. */
  last: Schema.Int,
  active: Schema.optionalKey(Turn),
})
export type State = typeof State.Type

export const initial = (session: string): State => ({
  session,
  agent: "",
  turns: 0,
  asked: [],
  messages: [],
  recent: [],
  last: 0,
})

const at = Schema.Finite
export const events = {
  Opened: { agent: Schema.String, title: Schema.String, owner: Schema.String, traceId: Schema.String, at },
  TurnStarted: { turn: Schema.Int, messageId: Schema.String, content: MessageContent, at },
  TokensReceived: { tokens: Schema.Array(Token), at },
  /** Within a turn or between turns. What version 1 wrote has no `handover`. */
  AgentChanged: {
    from: Schema.String,
    to: Schema.String,
    reason: Schema.String,
    handover: Schema.optionalKey(Handover),
    at,
  },
  /** What the agent said of the turn is void. */
  AnswerRestarted: { reason: Schema.String, at },
  TurnCompleted: {
    stopped: Schema.Boolean,
    plan: Schema.optionalKey(Schema.String),
    usage: Schema.optionalKey(TokenUsage),
    at,
  },
  TurnBroken: { code: Schema.String, message: Schema.String, at },
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

type Unnumbered = SessionEvent extends infer E
  ? E extends SessionEvent
    ? Omit<E, "n" | "turn" | "at">
    : never
  : never

const append = (state: State, time: number, added: ReadonlyArray<Unnumbered>): State => {
  const turn = state.active?.turn ?? 0
  const numbered = added.map((event, index) => ({
    ...event,
    n: state.last + 1 + index,
    turn,
    at: time,
  })) as ReadonlyArray<SessionEvent>
  const characters = recentCharactersMax + (state.active?.answer.length ?? 0)
  return {
    ...state,
    last: state.last + added.length,
    recent: newest([...state.recent, ...numbered], recentEventsMax, characters, (event) =>
      "content" in event ? event.content.length : 0,
    ),
  }
}

const addMessage = (state: State, message: ChatMessage): State => ({
  ...state,
  messages: newest(
    [...state.messages, message],
    messagesMax,
    messagesCharactersMax,
    ({ content }) => content.length,
  ),
})

/** What was said until now stays readable, however the turn ended. */
const close = (state: State, time: number, last: Unnumbered): State => {
  const { active, ...rest } = append(state, time, [last])
  if (active === undefined || active.answer === "") return rest
  const said = { turn: active.turn, role: "assistant" as const, content: active.answer, at: time }
  return addMessage(rest, { ...said, agent: state.agent })
}

export const evolve: { [T in Event["_tag"]]: (state: State, event: Extract<Event, { _tag: T }>) => State } = {
  Opened: (state, { agent, title, owner, traceId, at: createdAt }) => ({
    ...state,
    agent,
    opened: { agent, title, owner, traceId, createdAt },
  }),
  TurnStarted: (state, { turn, messageId, content, at: startedAt }) => {
    const active = { turn, question: content, startedAt, answer: "", tokens: 0, heard: 0, heardCharacters: 0 }
    const started = addMessage(
      {
        ...state,
        turns: turn,
        asked: [...state.asked, { messageId, turn, after: state.last }].slice(-askedMax),
        active: { ...active, agents: [state.agent] },
      },
      { turn, role: "user", content, at: startedAt },
    )
    return append(started, startedAt, [
      { type: "message", message_id: messageId, role: "user", content },
      { type: "stream_start", session_id: state.session, agent_id: state.agent },
    ])
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
      { ...state, active: heard },
      time,
      tokens.map((content, index) => ({ type: "token", content, index: active.tokens + index })),
    )
  },
  AgentChanged: ({ handover: _, ...state }, { from, to, reason, handover, at: time }) => {
    const changed = append(state, time, [{ type: "agent_transfer", from_agent: from, to_agent: to, reason }])
    return {
      ...changed,
      agent: to,
      ...(handover === undefined ? {} : { handover }),
      ...(changed.active === undefined
        ? {}
        : {
            active: {
              ...changed.active,
              heard: 0,
              heardCharacters: 0,
              agents: [...changed.active.agents, to],
            },
          }),
    }
  },
  AnswerRestarted: (state, { reason, at: time }) => {
    if (state.active === undefined) return state
    const { active } = state
    const index = active.tokens - active.heard
    const restarted = append(state, time, [{ type: "stream_restart", agent_id: state.agent, index, reason }])
    const answer = active.answer.slice(0, active.answer.length - active.heardCharacters)
    return { ...restarted, active: { ...active, answer, tokens: index, heard: 0, heardCharacters: 0 } }
  },
  TurnCompleted: (state, { stopped, plan, usage, at: time }) =>
    close(state, time, {
      type: "stream_end",
      total_tokens: state.active?.tokens ?? 0,
      execution_time: (time - (state.active?.startedAt ?? time)) / 1_000,
      ...(stopped ? { stopped } : {}),
      ...(plan === undefined ? {} : { plan }),
      ...(usage === undefined ? {} : { usage }),
    }),
  TurnBroken: (state, { code, message, at: time }) => close(state, time, { type: "error", code, message }),
}

/** Version 1 did not count characters. What ran then is ended by its silence: the agent does not answer it any more. */
export const upcastState = (stored: unknown): unknown => {
  const old = stored as { readonly active?: object }
  return old.active === undefined ? old : { ...old, active: { ...old.active, heardCharacters: 0 } }
}
