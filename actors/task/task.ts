/**
 * A task: one unit of work that an agent does for a user, whichever protocol asked for it. It owns the task's status, its
 * messages and answers, the numbered events that clients see, and what is to be reported to receivers elsewhere; the agent
 * answers in an activity beside its mailbox.
 *
 * I1 Events are numbered 1, 2, 3 … without gaps, and each is signalled after it is durable. I2 The same message id gives
 * the same turn; the first one no more once its sender has answered the agent, or canceled. I3 Every task ends once, and
 * nothing of it changes afterwards but its receivers. I4 What an answer reports after its turn is over is ignored. I5 Within a turn no agent gets the task twice, and it moves at most
 * `transfersPerTurnMax` times. I6 An agent that is silent for `silenceMs` while somebody listens loses the task. I7 Each receiver is told of each
 * change of the status at least once and in order, unless it cannot be reached. I8 An ended task gives up its events after
 * `eventsKeptMs` and all else after `taskKeptMs`.
 */
import { accept, define, reject } from "../../engine/index.ts"
import {
  answerCharactersMax,
  isEnded,
  readEventsMax,
  TaskProtocol,
  type TaskPush,
  taskCharactersMax,
  taskPushesMax,
} from "../../schemas/index.ts"
import { answerActivity } from "../agent/question.ts"
import { hearWithin, nobodyListened, silenceMs } from "../agent/silence.ts"
import { evolve } from "./evolve.ts"
import { indexActivity, indexing, reindexed } from "./index-row.ts"
import { pushActivity, pushed, retryPush, startPushes } from "./push.ts"
import { events, initial, State } from "./state.ts"
import { fold } from "./tell.ts"
import { answerId, broken, ended, heard, settle, startTurn } from "./turn.ts"
import { viewOf } from "./view.ts"

const hasTooManyPushes = ({ pushes }: State, id: string): boolean =>
  pushes.length >= taskPushesMax && !pushes.some((push) => push.id === id)

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
    silence: (state, fired, context) => {
      if (state.active === undefined) return accept()
      // The answer is begun again by whichever node is there now.
      if (nobodyListened(fired, context)) return accept({ setTimers: hearWithin })
      const seconds = silenceMs / 1_000
      return broken(state, context, "AgentSilent", `agent "${state.agent}" said nothing for ${seconds} s`)
    },
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
