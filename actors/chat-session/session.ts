/**
 * A conversation between a person and the agent that has it. It owns the turns and the numbered events that clients
 * see; the agent only sends pieces of an answer.
 *
 * I1 At most one turn runs. I2 Client-visible events are numbered 1, 2, 3 … without gaps, and each is signalled after
 * it is durable. I3 Every started turn ends with exactly one `stream_end` or `error`. I4 The same message id gives the
 * same turn. I5 Only the agent that has the turn moves it; what comes late is ignored. I6 Within a turn no agent gets
 * the conversation twice, and it moves at most `transfersPerTurnMax` times. I7 An agent that is silent for
 * `silenceMs` loses the turn.
 */
import { accept, type DecideContext, type Decision, define, reject } from "../../engine/index.ts"
import {
  AgentProtocol,
  ChatSessionProtocol,
  historyCharactersMax,
  historyMessagesMax,
  type Outgoing,
  type RejectionOf,
  readEventsMax,
  type SessionView,
  sessionTopic,
} from "../../schemas/index.ts"
import {
  answerCharactersMax,
  answerTokensMax,
  type Event,
  events,
  evolve,
  initial,
  newest,
  State,
} from "./state.ts"

export const transfersPerTurnMax = 3
export const silenceMs = 30_000
/** Characters of events in one answer to `Read`. */
export const readCharactersMax = 60_000

type Rejection = RejectionOf<typeof ChatSessionProtocol>
type Silent = Decision<Event, never, Rejection>
type Turn = NonNullable<State["active"]>

const fold = (state: State, added: ReadonlyArray<Event>): State =>
  added.reduce<State>((folded, event) => evolve[event._tag](folded, event as never), state)

/** The new events as `accept` takes them, with the signal that tells listeners what clients will see of them. */
const tell = (state: State, context: DecideContext, added: ReadonlyArray<Event>) => {
  const visible = fold(state, added).recent.filter(({ n }) => n > state.last)
  const { tenant } = context.self
  return {
    events: added,
    ...(visible.length === 0
      ? {}
      : { signal: [{ topic: sessionTopic(tenant, state.session), body: { events: visible } }] }),
  }
}

const silence = { timer: "silence" }
const hearWithin = [{ ...silence, due: { afterMs: silenceMs } }]

const cancel = (state: State, { turn }: Turn): ReadonlyArray<Outgoing> => [
  AgentProtocol.tell(state.agent, { _tag: "Cancel", session: state.session, turn }),
]

const askAgent = (state: State, agent: string, turn: number, question: string): Outgoing =>
  AgentProtocol.tell(agent, {
    _tag: "Answer",
    session: state.session,
    turn,
    question,
    history: newest(
      state.messages.filter((message) => message.turn < turn),
      historyMessagesMax,
      historyCharactersMax,
      ({ content }) => content.length,
    ),
  })

const broken = (
  state: State,
  context: DecideContext,
  turn: Turn,
  code: string,
  message: string,
): Decision<Event, never, never> =>
  accept({
    ...tell(state, context, [{ _tag: "TurnBroken", code, message, at: context.now }]),
    clearTimers: [silence],
    send: cancel(state, turn),
  })

/** Goes on with the turn when its agent sent the command; ignores what is late; refuses everybody else. */
const fromAgent = (
  state: State,
  turn: number,
  { sender }: DecideContext,
  proceed: (active: Turn) => Silent,
): Silent => {
  if (sender?.kind !== AgentProtocol.kind) return reject({ _tag: "NotTheAgent", agent: state.agent })
  if (state.active?.turn !== turn || sender.key !== state.agent) return accept()
  return proceed(state.active)
}

const transferProblem = (active: Turn, to: string): string | undefined => {
  if (active.agents.includes(to)) return `agent "${to}" has had this turn already`
  if (active.agents.length > transfersPerTurnMax) return `a turn moves at most ${transfersPerTurnMax} times`
  return undefined
}

const view = (state: State, after: number | undefined, limit: number): SessionView => {
  const { opened, active, recent } = state
  const wanted = after === undefined ? [] : recent.filter(({ n }) => n > after).slice(0, limit)
  let characters = 0
  const tooLong = wanted.findIndex((event, index) => {
    characters += "content" in event ? event.content.length : 0
    return index > 0 && characters > readCharactersMax
  })
  return {
    session: state.session,
    agent: state.agent,
    title: opened?.title ?? "",
    owner: opened?.owner ?? "",
    createdAt: opened?.createdAt ?? 0,
    messages: after === undefined ? state.messages : [],
    events: tooLong < 0 ? wanted : wanted.slice(0, tooLong),
    oldest: recent[0]?.n ?? state.last + 1,
    last: state.last,
    ...(active === undefined ? {} : { activeTurn: active.turn }),
  }
}

export const ChatSession = define(ChatSessionProtocol, {
  events,
  state: State,
  initial,
  decide: {
    Open: (state, { agentId, title, owner }, { now, traceId }) => {
      const { opened, session } = state
      if (opened === undefined) {
        return accept({
          events: [{ _tag: "Opened", agent: agentId, title, owner, traceId, at: now }],
          reply: { session, traceId, createdAt: now },
        })
      }
      if (opened.agent !== agentId || opened.owner !== owner) {
        return reject({ _tag: "SessionTaken", agent: opened.agent })
      }
      return accept({ reply: { session, traceId: opened.traceId, createdAt: opened.createdAt } })
    },
    Say: (state, { messageId, content }, context) => {
      if (state.opened === undefined) return reject({ _tag: "SessionUnknown" })
      const before = state.asked.find((asked) => asked.messageId === messageId)
      if (before !== undefined) return accept({ reply: { turn: before.turn, after: before.after } })
      if (state.active !== undefined) return reject({ _tag: "TurnInProgress", turn: state.active.turn })
      const turn = state.turns + 1
      return accept({
        ...tell(state, context, [{ _tag: "TurnStarted", turn, messageId, content, at: context.now }]),
        send: [askAgent(state, state.agent, turn, content)],
        setTimers: hearWithin,
        reply: { turn, after: state.last },
      })
    },
    Stop: (state, { turn }, context) => {
      const { active } = state
      if (active === undefined || (turn !== undefined && turn !== active.turn)) {
        return accept({ reply: { stopped: false } })
      }
      return accept({
        ...tell(state, context, [{ _tag: "TurnCompleted", stopped: true, at: context.now }]),
        send: cancel(state, active),
        clearTimers: [silence],
        reply: { stopped: true },
      })
    },
    Transfer: (state, { toAgent, reason }, context) => {
      if (state.opened === undefined) return reject({ _tag: "SessionUnknown" })
      if (state.active !== undefined) return reject({ _tag: "TurnInProgress", turn: state.active.turn })
      const from = state.agent
      if (from === toAgent) return accept({ reply: { from, to: toAgent } })
      return accept({
        ...tell(state, context, [{ _tag: "AgentChanged", from, to: toAgent, reason, at: context.now }]),
        reply: { from, to: toAgent },
      })
    },
    Read: (state, { after, limit }) =>
      state.opened === undefined
        ? reject({ _tag: "SessionUnknown" })
        : accept({ reply: view(state, after, limit ?? readEventsMax) }),
    Tokens: (state, { turn, from, tokens }, context) =>
      fromAgent(state, turn, context, (active) => {
        if (from > active.heard) {
          return broken(state, context, active, "TokensMissing", "a part of the answer did not arrive")
        }
        const fresh = tokens.slice(active.heard - from)
        if (fresh.length === 0) return accept()
        const characters = fresh.reduce((sum, token) => sum + token.length, active.answer.length)
        if (active.tokens + fresh.length > answerTokensMax || characters > answerCharactersMax) {
          return broken(state, context, active, "AnswerTooLong", "the answer exceeds what a session keeps")
        }
        return accept({
          ...tell(state, context, [{ _tag: "TokensReceived", tokens: fresh, at: context.now }]),
          setTimers: hearWithin,
        })
      }),
    TurnEnded: (state, { turn, tokens, plan }, context) =>
      fromAgent(state, turn, context, (active) => {
        if (active.heard !== tokens) {
          return broken(state, context, active, "TokensMissing", "a part of the answer did not arrive")
        }
        const end = { stopped: false, at: context.now, ...(plan === undefined ? {} : { plan }) }
        return accept({
          ...tell(state, context, [{ _tag: "TurnCompleted", ...end }]),
          clearTimers: [silence],
        })
      }),
    TurnFailed: (state, { turn, code, message }, context) =>
      fromAgent(state, turn, context, (active) => broken(state, context, active, code, message)),
    TransferRequested: (state, { turn, toAgent, reason }, context) =>
      fromAgent(state, turn, context, (active) => {
        const problem = transferProblem(active, toAgent)
        if (problem !== undefined) return broken(state, context, active, "TransferRefused", problem)
        return accept({
          ...tell(state, context, [
            { _tag: "AgentChanged", from: state.agent, to: toAgent, reason, at: context.now },
          ]),
          send: [askAgent(state, toAgent, turn, active.question)],
          setTimers: hearWithin,
        })
      }),
  },
  evolve,
  timers: {
    silence: (state, _, context) =>
      state.active === undefined
        ? accept()
        : broken(
            state,
            context,
            state.active,
            "AgentSilent",
            `agent "${state.agent}" said nothing for ${silenceMs / 1_000} s`,
          ),
  },
})
