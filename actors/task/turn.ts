/** What becomes of a task's turn: it begins, is heard, moves to another agent, ends, or is broken off. */
import { accept, type DecideContext, type Decision } from "../../engine/index.ts"
import {
  AgentProtocol,
  answerCharactersMax,
  answerTokensMax,
  type ChatMessage,
  type Handover,
  type HandoverTerms,
  historyCharactersMax,
  historyMessagesMax,
  taskBlocksBytesMax,
  taskTurnsMax,
} from "../../schemas/index.ts"
import { bytesOf, fittingBlocks } from "../agent/blocks.ts"
import type { Answered, Piece, Question } from "../agent/question.ts"
import { hearWithin, silence } from "../agent/silence.ts"
import { newest } from "../chat-session/state.ts"
import { indexing } from "./index-row.ts"
import { startPushes } from "./push.ts"
import type { Event, State, Turn } from "./state.ts"
import { fold, tell } from "./tell.ts"

export const transfersPerTurnMax = 3
export const eventsKeptMs = 15 * 60_000
export const taskKeptMs = 30 * 24 * 60 * 60_000
/** How long an agent that asked back waits for the answer. */
export const inputWithinMs = 7 * 24 * 60 * 60_000

type Silent = Decision<Event, never, never>

const input = { timer: "input" } as const
const forgetTimers = [
  { timer: "forgetEvents" as const, due: { afterMs: eventsKeptMs } },
  { timer: "forgetTask" as const, due: { afterMs: taskKeptMs } },
]

/** The agent in which a turn is, in the order in which they had it. */
export const answerId = ({ turn, agents }: Turn): string => `turn:${turn}:${agents.length}`

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

/** Bytes of blocks that the task has room for. */
const blocksLeft = ({ answers }: State): number =>
  answers.reduce(
    (left, { blocks = [] }) => blocks.reduce((less, block) => less - bytesOf(block), left),
    taskBlocksBytesMax,
  )

/** `state` is as it is when the answer begins: with the turn, and the agent that has it. */
const answer = (state: State, context: DecideContext) => {
  const [active, opened] = [state.active!, state.opened!]
  const { turn, scopes, agents } = active
  const question: Question = {
    agent: state.agent,
    question: state.messages.findLast(({ role }) => role === "user")?.text ?? "",
    conversation: opened.conversation,
    turn,
    history: historyOf(state),
    user: opened.owner,
    ...(scopes === undefined ? {} : { scopes }),
    ...(state.handover === undefined ? {} : { handover: state.handover }),
    agents,
    mayHandOver: agents.length <= transfersPerTurnMax,
    plan: context.random.uuid(),
    stream: true,
    blocksMax: blocksLeft(state),
    ...(opened.parameters === undefined ? {} : { parameters: opened.parameters }),
  }
  return { activity: "answer" as const, id: answerId(active), input: question }
}

const worked = (state: State, as: "answered" | "failed" | "stopped") =>
  AgentProtocol.tell(state.agent, { _tag: "Worked", as })

type Ending = Omit<Extract<Event, { _tag: "StatusChanged" }>, "_tag" | "at">

/** The turn is over: the task ends, or waits for its user. */
export const settle = (state: State, context: DecideContext, ending: Ending) => {
  const { active } = state
  const changed = [{ _tag: "StatusChanged" as const, ...ending, at: context.now }]
  const after = fold(state, changed)
  const asked = ending.status === "input-required"
  const as = { completed: "answered", "input-required": "answered", canceled: "stopped" } as const
  const outcome = as[ending.status as keyof typeof as] ?? "failed"
  return {
    ...tell(state, context, changed),
    start: [...startPushes(state, after), ...indexing(after, context)],
    cancel: active === undefined ? [] : [answerId(active)],
    send: active === undefined ? [] : [worked(state, outcome)],
    clearTimers: asked ? [silence] : [silence, input],
    setTimers: asked ? [{ ...input, due: { afterMs: inputWithinMs } }] : forgetTimers,
  }
}

/** What the agent's own rules refuse is no failure of its work. */
const refusals = new Set(["AgentForbidden", "AgentArchived", "AgentUnknown"])

export const broken = (state: State, context: DecideContext, code: string, message: string): Silent =>
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
export const heard = (state: State, context: DecideContext, { from, tokens, restart }: Piece): Silent => {
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
export const ended = (state: State, context: DecideContext, active: Turn, answered: Answered): Silent => {
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
  const blocks = fittingBlocks(answered.blocks, blocksLeft(state))
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
      ...(blocks.length === 0 ? {} : { blocks }),
    }),
  )
}

type Said = Pick<Extract<Event, { _tag: "TurnStarted" }>, "messageId" | "text" | "parts" | "scopes">

export const startTurn = (
  state: State,
  context: DecideContext,
  before: ReadonlyArray<Event>,
  { messageId, text, parts, scopes }: Said,
) => {
  const turn = state.turns + 1
  const started = {
    _tag: "TurnStarted" as const,
    turn,
    messageId,
    text,
    ...(parts === undefined ? {} : { parts }),
    ...(scopes === undefined ? {} : { scopes }),
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
