/**
 * A turn from its question to its end: has the agent answer, takes in what it reports, moves it on to another agent, and
 * ends it once. Every function gives what a decision adds.
 */
import { accept, type DecideContext, type Decision } from "../../engine/index.ts"
import {
  AgentProtocol,
  answerCharactersMax,
  answerTokensMax,
  type Handover,
  type HandoverTerms,
  historyCharactersMax,
  historyMessagesMax,
  type Outgoing,
  type SessionEvent,
  sessionTopic,
} from "../../schemas/index.ts"
import type { Answered, Piece, Question } from "../agent/question.ts"
import { hearWithin, silence } from "../agent/silence.ts"
import { fold } from "./evolve.ts"
import { follow } from "./indexing.ts"
import { eventsAfter } from "./recent.ts"
import { type Event, newest, type State, type Turn } from "./state.ts"
import { jsonBytes, plus } from "./turn-figures.ts"

export const transfersPerTurnMax = 3
/** Of an answer as a record holds it: what `answerCharactersMax` are in Korean. */
const answerBytesMax = 3 * answerCharactersMax

type Silent = Decision<Event, never, never>

type Reason = readonly [code: string, message: string]

const all = { events: Number.POSITIVE_INFINITY, characters: Number.POSITIVE_INFINITY }
/** What clients see of the change from `state` to `after`, and of `more`, told to whoever listens. */
export const signalOf = (
  state: State,
  after: State,
  { self }: DecideContext,
  more: ReadonlyArray<SessionEvent> = [],
) => {
  const events = [...eventsAfter(after.recent, state.recent.last, all), ...more]
  return events.length === 0
    ? {}
    : { signal: [{ topic: sessionTopic(self.tenant, state.session), body: { events } }] }
}

/**
 * The new events as `accept` takes them: with the signal for listeners, and with what has the index follow where lists
 * show something else now.
 */
export const tell = (state: State, context: DecideContext, added: ReadonlyArray<Event>) => {
  const after = fold(state, added)
  const isRevised = after.indexing.revision !== state.indexing.revision
  const { events, start } = isRevised ? follow(after) : { events: [], start: [] }
  return { events: [...added, ...events], start, ...signalOf(state, after, context) }
}

/** The agent in which a turn is, in the order in which they had it. */
export const answerId = ({ turn, agents }: Turn): string => `turn:${turn}:${agents.length}`

/** What the agent that had the turn is told when it ends. */
const worked = (state: State, as: "answered" | "failed" | "stopped"): Outgoing =>
  AgentProtocol.tell(state.agent, { _tag: "Worked", as })

/** `state` is as it is when the answer begins: with the turn, and the agent that has it. */
const answer = (state: State, context: DecideContext) => {
  const active = state.active!
  const { turn, question, scopes, agents } = active
  const input: Question = {
    agent: state.agent,
    question,
    conversation: state.session,
    turn,
    history: newest(
      state.messages.filter((message) => message.turn < turn && message.content !== ""),
      historyMessagesMax,
      historyCharactersMax,
      ({ content }) => content.length,
    ).map(({ turn, role, agent, content, at }) => ({
      turn,
      role,
      content,
      at,
      ...(agent === undefined ? {} : { agent }),
    })),
    ...(state.opened === undefined ? {} : { user: state.opened.owner }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(state.handover === undefined ? {} : { handover: state.handover }),
    agents,
    mayHandOver: agents.length <= transfersPerTurnMax,
    plan: context.random.uuid(),
    stream: true,
  }
  return { start: [{ activity: "answer" as const, id: answerId(active), input }], setTimers: hearWithin }
}

export const endings = (state: State, turn: Turn, as: "failed" | "stopped") => ({
  clearTimers: [silence],
  cancel: [answerId(turn)],
  send: [worked(state, as)],
})

/** What a turn took that nobody told the end of: what was heard is what is known. */
const takenUntilNow = ({ usage, heard }: Turn) => plus(usage, { input: 0, output: heard, estimated: true })!

export const stopped = (turn: Turn, at: number): Event => ({
  _tag: "TurnCompleted",
  stopped: true,
  usage: takenUntilNow(turn),
  at,
})

/** `begins`: events after which the turn's agent has to answer. */
export const answering = (state: State, context: DecideContext, begins: ReadonlyArray<Event>) => {
  const told = tell(state, context, begins)
  const { start, setTimers } = answer(fold(state, begins), context)
  return { ...told, setTimers, start: [...told.start, ...start] }
}

export const broken = (
  state: State,
  context: DecideContext,
  turn: Turn,
  [code, message]: Reason,
  usage = takenUntilNow(turn),
): Silent =>
  accept({
    ...tell(state, context, [{ _tag: "TurnBroken", code, message, usage, at: context.now }]),
    ...endings(state, turn, "failed"),
  })

const tokensMissing: Reason = ["TokensMissing", "a part of the answer did not arrive"]

const transferProblem = (active: Turn, to: string): string | undefined => {
  if (active.agents.includes(to)) return `agent "${to}" has had this turn already`
  if (active.agents.length > transfersPerTurnMax) return `a turn moves at most ${transfersPerTurnMax} times`
  return undefined
}

/** Between turns it counts for the next one: all that was said until now was said before it. */
const handoverOf = (state: State, { reason, context, messages, summary }: HandoverTerms): Handover => ({
  from: state.agent,
  turn: state.active?.turn ?? state.turns + 1,
  reason,
  context,
  ...(messages === undefined ? {} : { messages }),
  ...(summary === undefined ? {} : { summary }),
})

export const changed = (
  state: State,
  to: string,
  terms: HandoverTerms & Pick<Answered, "usage">,
  now: number,
) => {
  const { reason, usage } = terms
  const handover = handoverOf(state, terms)
  const took = usage === undefined ? {} : { usage }
  return { _tag: "AgentChanged", from: state.agent, to, reason, handover, ...took, at: now } as const
}

/** Takes a report in; ignores what is no longer of the turn. */
export const heard = (
  state: State,
  context: DecideContext,
  active: Turn,
  { from, tokens, restart }: Piece,
): Silent => {
  const restarted: ReadonlyArray<Event> =
    restart === undefined ? [] : [{ _tag: "AnswerRestarted", reason: restart, at: context.now }]
  const turn = restarted.length === 0 ? active : fold(state, restarted).active!
  if (from > turn.heard) {
    return broken(state, context, active, tokensMissing)
  }
  const fresh = tokens.slice(turn.heard - from)
  const said = fresh.join("")
  const isTooLong =
    turn.tokens + fresh.length > answerTokensMax ||
    turn.answer.length + said.length > answerCharactersMax ||
    turn.bytes + jsonBytes(said) > answerBytesMax
  if (isTooLong) {
    return broken(state, context, active, ["AnswerTooLong", "the answer exceeds what a session keeps"])
  }
  const received: ReadonlyArray<Event> =
    fresh.length === 0 ? [] : [{ _tag: "TokensReceived", tokens: fresh, at: context.now }]
  return accept({ ...tell(state, context, [...restarted, ...received]), setTimers: hearWithin })
}

/** The answer is complete, or goes on with another agent. */
export const ended = (state: State, context: DecideContext, active: Turn, answered: Answered): Silent => {
  if (answered._tag === "HandedOver") {
    const { toAgent } = answered
    const problem = transferProblem(active, toAgent)
    const took = plus(active.usage, answered.usage)
    if (problem !== undefined) return broken(state, context, active, ["TransferRefused", problem], took)
    const moved = [changed(state, toAgent, answered, context.now)]
    return accept({ ...answering(state, context, moved), send: [worked(state, "answered")] })
  }
  const { tokens, plan } = answered
  const usage = plus(active.usage, answered.usage)
  if (active.heard !== tokens) {
    return broken(state, context, active, tokensMissing)
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
