/**
 * A task: one unit of work that an agent does for a user, whichever protocol asked for it. It owns the task's status, its
 * messages and answers, the numbered events that clients see, and what is to be reported to receivers elsewhere; the agent
 * answers in an activity beside its mailbox.
 *
 * I1 Events are numbered 1, 2, 3 … without gaps, and each is signalled after it is durable. I2 The same message id gives
 * the same turn; the first one no more once its sender has answered the agent, or canceled. I3 Every task ends once, and nothing of it changes afterwards but its receivers. I4 What an answer
 * reports after its turn is over is ignored. I5 Within a turn no agent gets the task twice, and it moves at most
 * `transfersPerTurnMax` times. I6 An agent that is silent for `silenceMs` loses the task. I7 Each receiver is told of each
 * change of the status at least once and in order, unless it cannot be reached. I8 An ended task gives up its events after
 * `eventsKeptMs` and all else after `taskKeptMs`.
 */
import { accept, type DecideContext, type Decision, define, reject } from "../../engine/index.ts"
import {
  AgentProtocol,
  answerCharactersMax,
  answerTokensMax,
  type ChatMessage,
  type Handover,
  type HandoverTerms,
  historyCharactersMax,
  historyMessagesMax,
  isEnded,
  readEventsMax,
  TaskProtocol,
  type TaskPush,
  taskCharactersMax,
  taskPushesMax,
  taskTurnsMax,
} from "../../schemas/index.ts"
import { type Answered, answerActivity, type Piece, type Question } from "../agent/question.ts"
import { newest } from "../chat-session/state.ts"
import { indexActivity, indexing, reindexed } from "./index-row.ts"
import { pushActivity, pushed, retryPush, startPushes } from "./push.ts"
import { type Event, events, evolve, initial, State, type Turn } from "./state.ts"
import { fold, tell } from "./tell.ts"
import { viewOf } from "./view.ts"

export const transfersPerTurnMax = 3
export const silenceMs = 30_000
export const eventsKeptMs = 15 * 60_000
export const taskKeptMs = 30 * 24 * 60 * 60_000
/** How long an agent that asked back waits for the answer. */
export const inputWithinMs = 7 * 24 * 60 * 60_000

type Silent = Decision<Event, never, never>

const silence = { timer: "silence" } as const
const input = { timer: "input" } as const
const hearWithin = [{ ...silence, due: { afterMs: silenceMs } }]
const forgetTimers = [
  { timer: "forgetEvents" as const, due: { afterMs: eventsKeptMs } },
  { timer: "forgetTask" as const, due: { afterMs: taskKeptMs } },
]

/** The agent in which a turn is, in the order in which they had it. */
const answerId = ({ turn, agents }: Turn): string => `turn:${turn}:${agents.length}`

const said = (state: State): ReadonlyArray<ChatMessage> => [
  ...state.messages
    .filter(({ role, turn }) => role === "user" && turn < state.turns)
    .map(({ turn, text, at }) => ({ turn, role: "user" as const, content: text, at })),
  ...state.answers.map(({ turn, agent, text, at }) => ({
    turn,
    role: "assistant" as const,
    agent,
    content: text,
    at,
  })),
]

const historyOf = (state: State): ReadonlyArray<ChatMessage> => {
  const own = [...said(state)].sort((one, other) => one.turn - other.turn)
  const all = [...(state.opened?.history ?? []), ...own]
  return newest(all, historyMessagesMax, historyCharactersMax, ({ content }) => content.length)
}

/** `state` is as it is when the answer begins: with the turn, and the agent that has it. */
const answer = (state: State, context: DecideContext) => {
  const [active, opened] = [state.active!, state.opened!]
  const { turn, agents } = active
  const question: Question = {
    agent: state.agent,
    question: state.messages.findLast(({ role }) => role === "user")?.text ?? "",
    conversation: opened.conversation,
    turn,
    history: historyOf(state),
    user: opened.owner,
    ...(state.handover === undefined ? {} : { handover: state.handover }),
    agents,
    mayHandOver: agents.length <= transfersPerTurnMax,
    plan: context.random.uuid(),
    stream: true,
    ...(opened.parameters === undefined ? {} : { parameters: opened.parameters }),
  }
  return { activity: "answer" as const, id: answerId(active), input: question }
}

const worked = (state: State, as: "answered" | "failed" | "stopped") =>
  AgentProtocol.tell(state.agent, { _tag: "Worked", as })

type Ending = Omit<Extract<Event, { _tag: "StatusChanged" }>, "_tag" | "at">

/** The turn is over: the task ends, or waits for its user. */
const settle = (state: State, context: DecideContext, ending: Ending) => {
  const { active } = state
  const changed = [{ _tag: "StatusChanged" as const, ...ending, at: context.now }]
  const after = fold(state, changed)
  const asked = ending.status === "input-required"
  const as = { completed: "answered", "input-required": "answered", canceled: "stopped" } as const
  const ended = as[ending.status as keyof typeof as] ?? "failed"
  return {
    ...tell(state, context, changed),
    start: [...startPushes(state, after), ...indexing(after, context)],
    cancel: active === undefined ? [] : [answerId(active)],
    send: active === undefined ? [] : [worked(state, ended)],
    clearTimers: asked ? [silence] : [silence, input],
    setTimers: asked ? [{ ...input, due: { afterMs: inputWithinMs } }] : forgetTimers,
  }
}

/** What the agent's own rules refuse is no failure of its work. */
const refusals = new Set(["AgentForbidden", "AgentArchived", "AgentUnknown"])

const broken = (state: State, context: DecideContext, code: string, message: string): Silent =>
  accept(settle(state, context, { status: refusals.has(code) ? "rejected" : "failed", code, message }))

const handoverOf = (state: State, terms: HandoverTerms): Handover => {
  const { reason, context, messages, summary } = terms
  return {
    from: state.agent,
    turn: state.turns,
    reason,
    context,
    ...(messages === undefined ? {} : { messages }),
    ...(summary === undefined ? {} : { summary }),
  }
}

const transferProblem = ({ agents }: Turn, to: string): string | undefined => {
  if (agents.includes(to)) return `agent "${to}" has had this turn already`
  return agents.length > transfersPerTurnMax ? `a turn moves at most ${transfersPerTurnMax} times` : undefined
}

/** Takes a report in; ignores what is no longer of the turn. */
const heard = (state: State, context: DecideContext, { from, tokens, restart }: Piece): Silent => {
  const restarted: ReadonlyArray<Event> =
    restart === undefined ? [] : [{ _tag: "AnswerRestarted", reason: restart, at: context.now }]
  const now = fold(state, restarted)
  const turn = now.active!
  if (from > turn.heard) return broken(state, context, "TokensMissing", "a part of the answer did not arrive")
  const fresh = tokens.slice(turn.heard - from)
  const characters = fresh.reduce((sum, token) => sum + token.length, turn.answer.length)
  if (turn.tokens + fresh.length > answerTokensMax || characters > answerCharactersMax)
    return broken(state, context, "AnswerTooLong", "the answer exceeds what a task keeps")
  const received: ReadonlyArray<Event> =
    fresh.length === 0 ? [] : [{ _tag: "TokensReceived", tokens: fresh, at: context.now }]
  return accept({ ...tell(state, context, [...restarted, ...received]), setTimers: hearWithin })
}

/** The answer is complete, asks back, or goes on with another agent. */
const ended = (state: State, context: DecideContext, active: Turn, answered: Answered): Silent => {
  if (answered._tag === "HandedOver") {
    const { toAgent } = answered
    const problem = transferProblem(active, toAgent)
    if (problem !== undefined) return broken(state, context, "TransferRefused", problem)
    const moved = [
      {
        _tag: "AgentChanged" as const,
        to: toAgent,
        handover: handoverOf(state, answered),
        at: context.now,
      },
    ]
    return accept({
      ...tell(state, context, moved),
      start: [answer(fold(state, moved), context)],
      setTimers: hearWithin,
      send: [worked(state, "answered")],
    })
  }
  const { tokens, plan, usage, awaitsInput } = answered
  if (active.heard !== tokens)
    return broken(state, context, "TokensMissing", "a part of the answer did not arrive")
  const asks = awaitsInput === true && state.turns < taskTurnsMax
  return accept(
    settle(state, context, {
      ...(asks
        ? { status: "input-required", message: active.answer || "The agent asks for more." }
        : { status: "completed" }),
      ...(plan === undefined ? {} : { plan }),
      ...(usage === undefined ? {} : { usage }),
    }),
  )
}

type Said = Pick<Extract<Event, { _tag: "TurnStarted" }>, "messageId" | "text" | "parts">

const startTurn = (
  state: State,
  context: DecideContext,
  before: ReadonlyArray<Event>,
  { messageId, text, parts }: Said,
) => {
  const turn = state.turns + 1
  const started = {
    _tag: "TurnStarted" as const,
    turn,
    messageId,
    text,
    ...(parts === undefined ? {} : { parts }),
    at: context.now,
  }
  const added = [...before, started]
  const after = fold(state, added)
  return accept({
    ...tell(state, context, added),
    start: [answer(after, context), ...startPushes(state, after), ...indexing(after, context)],
    setTimers: hearWithin,
    clearTimers: [input],
    reply: { task: state.task, status: after.status, turn, after: state.last },
  })
}

/** The turn that a message made before, if it did; where it is to be reported is as the message says now. */
const madeBefore = (state: State, messageId: string, push: TaskPush | undefined) => {
  const { task, status, messages, recent } = state
  const before = messages.find((message) => message.messageId === messageId && message.role === "user")
  if (before === undefined) return undefined
  const told = recent.find((event) => event.type === "message" && event.messageId === messageId)
  const after = told === undefined || before.turn === 1 ? 0 : told.n - 1
  const reply = { task, status, turn: before.turn, after }
  if (push === undefined || hasTooManyPushes(state, push.id)) return accept({ reply })
  const set = [{ _tag: "PushSet" as const, push }]
  return accept({ events: set, start: startPushes(state, fold(state, set)), reply })
}

export const Task = define(TaskProtocol, {
  events,
  activities: { answer: answerActivity, index: indexActivity, push: pushActivity },
  state: State,
  initial,
  decide: {
    Open: (state, command, context) => {
      const { agent, owner, context: conversationContext, history = [], push } = command
      const { conversation = conversationContext, parameters, metadata } = command
      if (state.opened !== undefined) {
        if (state.turns > 1 || state.status === "canceled") return reject({ _tag: "TaskMovedOn" })
        const isSame = state.opened.agent === agent && state.opened.owner === owner
        const same = isSame ? madeBefore(state, command.messageId, push) : undefined
        return same ?? reject({ _tag: "TaskTaken", agent: state.opened.agent })
      }
      const opened = {
        _tag: "Opened" as const,
        agent,
        owner,
        context: conversationContext,
        conversation,
        traceId: context.traceId,
        history,
        ...(parameters === undefined ? {} : { parameters }),
        ...(metadata === undefined ? {} : { metadata }),
        at: context.now,
      }
      const set = push === undefined ? [] : [{ _tag: "PushSet" as const, push }]
      return startTurn(state, context, [opened, ...set], command)
    },
    Continue: (state, command, context) => {
      if (state.opened === undefined) return reject({ _tag: "TaskUnknown" })
      const { push } = command
      const before = madeBefore(state, command.messageId, push)
      if (before !== undefined) return before
      const { status } = state
      if (isEnded(status)) return reject({ _tag: "TaskEnded", status })
      if (status !== "input-required") return reject({ _tag: "TaskAtWork", status })
      const characters = state.answers.reduce((sum, { text }) => sum + text.length, 0)
      if (characters + answerCharactersMax > taskCharactersMax)
        return reject({ _tag: "TaskTooLong", limit: taskCharactersMax })
      if (push !== undefined && hasTooManyPushes(state, push.id))
        return reject({ _tag: "TooManyPushes", limit: taskPushesMax })
      return startTurn(state, context, push === undefined ? [] : [{ _tag: "PushSet", push }], command)
    },
    Cancel: (state, _, context) => {
      if (state.opened === undefined) return reject({ _tag: "TaskUnknown" })
      if (isEnded(state.status)) return reject({ _tag: "TaskEnded", status: state.status })
      const reply = { task: state.task, status: "canceled" as const }
      return accept({ ...settle(state, context, { status: "canceled" }), reply })
    },
    Read: (state, { after, limit = readEventsMax, textFrom = 0 }) => {
      const view = viewOf(state, { after, limit, textFrom })
      return view === undefined ? reject({ _tag: "TaskUnknown" }) : accept({ reply: view })
    },
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
    SetPush: (state, { push }) => {
      if (state.opened === undefined) return reject({ _tag: "TaskUnknown" })
      if (hasTooManyPushes(state, push.id)) return reject({ _tag: "TooManyPushes", limit: taskPushesMax })
      const set = [{ _tag: "PushSet" as const, push }]
      return accept({ events: set, start: startPushes(state, fold(state, set)) })
    },
    RemovePush: (state, { id }) => {
      if (state.opened === undefined) return reject({ _tag: "TaskUnknown" })
      const removed = state.pushes.some((push) => push.id === id)
      return accept({ events: removed ? [{ _tag: "PushRemoved" as const, id }] : [], reply: { removed } })
    },
    Pushes: (state) =>
      state.opened === undefined
        ? reject({ _tag: "TaskUnknown" })
        : accept({
            reply: { pushes: state.pushes.map(({ id, version, sealed }) => ({ id, version, sealed })) },
          }),
    Deliveries: (state) =>
      state.opened === undefined
        ? reject({ _tag: "TaskUnknown" })
        : accept({
            reply: {
              deliveries: state.deliveries,
              waiting: state.pushes.reduce((sum, { waiting }) => sum + waiting.length, 0),
            },
          }),
  },
  evolve,
  progressed: {
    answer: (state, { id, value }, context) =>
      state.active === undefined || answerId(state.active) !== id ? accept() : heard(state, context, value),
  },
  settled: {
    answer: (state, outcome, context) => {
      const { active } = state
      if (active === undefined || answerId(active) !== outcome.id) return accept()
      if (outcome._tag === "Success") return ended(state, context, active, outcome.output)
      return broken(state, context, outcome.code.slice(0, 64), outcome.detail)
    },
    index: reindexed,
    push: pushed,
  },
  timers: {
    silence: (state, _, context) =>
      state.active === undefined
        ? accept()
        : broken(
            state,
            context,
            "AgentSilent",
            `agent "${state.agent}" said nothing for ${silenceMs / 1_000} s`,
          ),
    input: (state, _, context) =>
      state.status === "input-required"
        ? broken(state, context, "InputMissing", "nobody answered what the agent asked")
        : accept(),
    index: (state, _, context) => accept({ start: indexing(state, context) }),
    push: (state, { id, payload }) => retryPush(state, id, payload),
    forgetEvents: (state) =>
      isEnded(state.status) ? accept({ events: [{ _tag: "Forgotten", all: false }] }) : accept(),
    forgetTask: (state, _, context) => {
      if (!isEnded(state.status)) return accept()
      const forgotten = [{ _tag: "Forgotten" as const, all: true }]
      return accept({ events: forgotten, start: indexing(fold(state, forgotten), context) })
    },
  },
})

function hasTooManyPushes({ pushes }: State, id: string): boolean {
  return pushes.length >= taskPushesMax && !pushes.some((push) => push.id === id)
}
