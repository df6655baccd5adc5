/**
 * A conversation between a person and the agent that has it. It owns the turns and the numbered events that clients
 * see; the agent answers in an activity beside its mailbox.
 *
 * I1 At most one turn runs. I2 Client-visible events are numbered 1, 2, 3 … without gaps, and each is signalled after
 * it is durable. I3 Every started turn ends with exactly one `stream_end` or `error`. I4 The same message id gives the
 * same turn. I5 What an answer reports after its turn is over is ignored. I6 Within a turn no agent gets the
 * conversation twice, and it moves at most `transfersPerTurnMax` times. I7 An agent that is silent for `silenceMs`
 * loses the turn. I8 Each end of an answer is told to its agent once.
 */
import { accept, type DecideContext, type Decision, define, reject } from "../../engine/index.ts"
import {
  AgentProtocol,
  answerCharactersMax,
  answerTokensMax,
  ChatSessionProtocol,
  type Handover,
  type HandoverTerms,
  historyCharactersMax,
  historyMessagesMax,
  type Outgoing,
  readEventsMax,
  type SessionView,
  sessionTopic,
} from "../../schemas/index.ts"
import { type Answered, answerActivity, type Piece, type Question } from "../agent/question.ts"
import { type Event, events, evolve, initial, newest, State, upcastState } from "./state.ts"

export const transfersPerTurnMax = 3
export const silenceMs = 30_000
/** Characters of events in one answer to `Read`. */
export const readCharactersMax = 60_000

type Silent = Decision<Event, never, never>
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

/** The agent in which a turn is, in the order in which they had it. */
const answerId = ({ turn, agents }: Turn): string => `turn:${turn}:${agents.length}`

/** What the agent that had the turn is told when it ends. */
const worked = (state: State, as: "answered" | "failed" | "stopped"): Outgoing =>
  AgentProtocol.tell(state.agent, { _tag: "Worked", as })

/** `state` is as it is when the answer begins: with the turn, and the agent that has it. */
const answer = (state: State, context: DecideContext) => {
  const active = state.active!
  const { turn, question, agents } = active
  const input: Question = {
    agent: state.agent,
    question,
    conversation: state.session,
    turn,
    history: newest(
      state.messages.filter((message) => message.turn < turn),
      historyMessagesMax,
      historyCharactersMax,
      ({ content }) => content.length,
    ),
    ...(state.opened === undefined ? {} : { user: state.opened.owner }),
    ...(state.handover === undefined ? {} : { handover: state.handover }),
    agents,
    mayHandOver: agents.length <= transfersPerTurnMax,
    plan: context.random.uuid(),
    stream: true,
  }
  return { start: [{ activity: "answer" as const, id: answerId(active), input }], setTimers: hearWithin }
}

const broken = (state: State, context: DecideContext, turn: Turn, code: string, message: string): Silent =>
  accept({
    ...tell(state, context, [{ _tag: "TurnBroken", code, message, at: context.now }]),
    clearTimers: [silence],
    cancel: [answerId(turn)],
    send: [worked(state, "failed")],
  })

const transferProblem = (active: Turn, to: string): string | undefined => {
  if (active.agents.includes(to)) return `agent "${to}" has had this turn already`
  if (active.agents.length > transfersPerTurnMax) return `a turn moves at most ${transfersPerTurnMax} times`
  return undefined
}

const handoverOf = (state: State, { reason, context, messages, summary }: HandoverTerms): Handover => ({
  from: state.agent,
  turn: state.turns,
  reason,
  context,
  ...(messages === undefined ? {} : { messages }),
  ...(summary === undefined ? {} : { summary }),
})

const changed = (state: State, to: string, terms: HandoverTerms, now: number) =>
  ({
    _tag: "AgentChanged",
    from: state.agent,
    to,
    reason: terms.reason,
    handover: handoverOf(state, terms),
    at: now,
  }) as const

/** Takes a report in; ignores what is no longer of the turn. */
const heard = (
  state: State,
  context: DecideContext,
  active: Turn,
  { from, tokens, restart }: Piece,
): Silent => {
  const restarted: ReadonlyArray<Event> =
    restart === undefined ? [] : [{ _tag: "AnswerRestarted", reason: restart, at: context.now }]
  const turn = restarted.length === 0 ? active : fold(state, restarted).active!
  if (from > turn.heard) {
    return broken(state, context, active, "TokensMissing", "a part of the answer did not arrive")
  }
  const fresh = tokens.slice(turn.heard - from)
  const characters = fresh.reduce((sum, token) => sum + token.length, turn.answer.length)
  if (turn.tokens + fresh.length > answerTokensMax || characters > answerCharactersMax) {
    return broken(state, context, active, "AnswerTooLong", "the answer exceeds what a session keeps")
  }
  const received: ReadonlyArray<Event> =
    fresh.length === 0 ? [] : [{ _tag: "TokensReceived", tokens: fresh, at: context.now }]
  return accept({ ...tell(state, context, [...restarted, ...received]), setTimers: hearWithin })
}

/** The answer is complete, or goes on with another agent. */
const ended = (state: State, context: DecideContext, active: Turn, answered: Answered): Silent => {
  if (answered._tag === "HandedOver") {
    const { toAgent } = answered
    const problem = transferProblem(active, toAgent)
    if (problem !== undefined) return broken(state, context, active, "TransferRefused", problem)
    const moved = [changed(state, toAgent, answered, context.now)]
    return accept({
      ...tell(state, context, moved),
      ...answer(fold(state, moved), context),
      send: [worked(state, "answered")],
    })
  }
  const { tokens, plan, usage } = answered
  if (active.heard !== tokens) {
    return broken(state, context, active, "TokensMissing", "a part of the answer did not arrive")
  }
  const end = {
    stopped: false,
    at: context.now,
    ...(plan === undefined ? {} : { plan }),
    ...(usage === undefined ? {} : { usage }),
  }
  return accept({
    ...tell(state, context, [{ _tag: "TurnCompleted", ...end }]),
    clearTimers: [silence],
    send: [worked(state, "answered")],
  })
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
  activities: { answer: answerActivity },
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
      const started = [{ _tag: "TurnStarted", turn, messageId, content, at: context.now }] as const
      return accept({
        ...tell(state, context, started),
        ...answer(fold(state, started), context),
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
        cancel: [answerId(active)],
        send: [worked(state, "stopped")],
        clearTimers: [silence],
        reply: { stopped: true },
      })
    },
    Transfer: (state, { _tag: _, toAgent, ...terms }, context) => {
      if (state.opened === undefined) return reject({ _tag: "SessionUnknown" })
      if (state.active !== undefined) return reject({ _tag: "TurnInProgress", turn: state.active.turn })
      const from = state.agent
      if (from === toAgent) return accept({ reply: { from, to: toAgent } })
      return accept({
        ...tell(state, context, [changed(state, toAgent, terms, context.now)]),
        reply: { from, to: toAgent },
      })
    },
    Read: (state, { after, limit }) =>
      state.opened === undefined
        ? reject({ _tag: "SessionUnknown" })
        : accept({ reply: view(state, after, limit ?? readEventsMax) }),
    Said: ({ active }, { turn }) =>
      accept({
        reply:
          active?.turn === turn
            ? {
                text: active.answer.slice(active.answer.length - active.heardCharacters),
                tokens: active.heard,
              }
            : { text: "", tokens: 0 },
      }),
  },
  evolve,
  progressed: {
    answer: (state, { id, value }, context) =>
      state.active === undefined || answerId(state.active) !== id
        ? accept()
        : heard(state, context, state.active, value),
  },
  settled: {
    answer: (state, outcome, context) => {
      const { active } = state
      if (active === undefined || answerId(active) !== outcome.id) return accept()
      if (outcome._tag === "Success") return ended(state, context, active, outcome.output)
      return broken(state, context, active, outcome.code.slice(0, 64), outcome.detail)
    },
  },
  upcast: { state: (stored) => upcastState(stored) },
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
