/**
 * An agent: who it is, how far it is in its life cycle, how well it is, the tasks it is working on, and the alerts it was
 * told of. In conversations it answers beside their own mailboxes; what it is, is asked of this actor when an answer
 * begins.
 *
 * I1 Every `Execute` is answered. I2 At most `runningMax` tasks run. I3 The newest `alertsKeptMax` alerts are kept, one
 * per alert id. I4 Whoever changes it is answered once lists show the change, or the index could not be reached for as
 * long as the activity tries. I5 An archived agent takes no task. I6 An agent with an address that is not archived is
 * checked every `checkEveryMs`.
 */
import * as Schema from "effect/Schema"
import {
  accept,
  activity,
  type Caller,
  type DecideContext,
  type Decision,
  define,
  reject,
} from "../../engine/index.ts"
import {
  type AgentDescriptor,
  AgentDescriptor as AgentDescriptorSchema,
  AgentHealth,
  AgentProtocol,
  AgentView,
  alertsKeptMax,
  type Execution,
  lifecycleMoves,
  type RejectionOf,
} from "../../schemas/index.ts"
import { IndexRow } from "./index-row.ts"
import { type Answered, answerActivity } from "./question.ts"
import { type Event, events, evolve, initial, State, upcastState, viewOf } from "./state.ts"

export const runningMax = 200
export const checkEveryMs = 60_000
export const healthWaitingMax = 50
/** When the index could not be reached for as long as an activity tries. */
export const indexAgainMs = 30_000

type Rejection = RejectionOf<typeof AgentProtocol>
type Silent = Decision<Event, never, never>

const activities = {
  answer: answerActivity,
  /** Puts the agent into the index. Idempotent: an older revision changes nothing. */
  index: activity({ input: IndexRow, output: Schema.Struct({ revision: Schema.Int }) }),
  /** Asks the agent whether it is there. Never fails: what it finds is the answer. */
  check: activity({ input: AgentView, output: AgentHealth, timeoutMs: 30_000, retry: { attemptsMax: 1 } }),
}

const fold = (state: State, added: ReadonlyArray<Event>): State =>
  added.reduce<State>((folded, event) => evolve[event._tag](folded, event as never), state)

const indexing = (state: State) => {
  const view = viewOf(state)
  const { changedBy } = state
  return view === undefined
    ? []
    : [
        {
          activity: "index" as const,
          id: `index:${state.revision}`,
          input: { view, ...(changedBy === undefined ? {} : { changedBy }) },
        },
      ]
}

const checkTimer = { timer: "check" } as const
const isChecked = ({ descriptor, archived }: State) => descriptor?.endpoint !== undefined && !archived

/** Carries a change out, and answers once lists show it. */
const change = (
  state: State,
  { caller }: DecideContext,
  events: ReadonlyArray<Event>,
  registered = false,
): Silent => {
  const after = fold(state, events)
  const awaited: ReadonlyArray<Event> =
    caller === undefined
      ? []
      : [
          {
            _tag: "IndexAwaited",
            caller,
            revision: after.revision,
            ...(registered ? { registered } : {}),
          },
        ]
  const wasChecked = isChecked(state)
  const checked = isChecked(after)
  return accept({
    events: [...events, ...awaited],
    start: indexing(after),
    ...(checked && !wasChecked ? { setTimers: [{ ...checkTimer, due: { afterMs: 1_000 } }] } : {}),
    ...(wasChecked && !checked ? { clearTimers: [checkTimer] } : {}),
  })
}

/** Why this agent cannot be changed; undefined when it can. */
const unchangeable = (state: State, expectedVersion: number | undefined): Rejection | undefined => {
  if (state.descriptor === undefined) return { _tag: "AgentUnknown" }
  if (expectedVersion !== undefined && expectedVersion !== state.version)
    return { _tag: "AgentVersionConflict", version: state.version }
  return undefined
}

const view = (state: State): AgentView => viewOf(state)!

const nothing = { text: "", blocks: [], tokens: 0 }

const executionOf = (answered: Answered, executionTimeMs: number): Execution => {
  const usage = answered.usage === undefined ? {} : { usage: answered.usage }
  if (answered._tag === "HandedOver") {
    const { reason, toAgent } = answered
    return { ...nothing, ...usage, status: "handover", executionTimeMs, text: reason, toAgent }
  }
  const { text, blocks, tokens, plan } = answered
  const from = plan === undefined ? {} : { plan }
  return { ...usage, ...from, status: "success", executionTimeMs, text, blocks, tokens }
}

const sameDescriptor = Schema.toEquivalence(AgentDescriptorSchema)
const by = (name: string | undefined) => (name === undefined ? {} : { by: name })

const replyTo = (state: State, registered: boolean | undefined) =>
  registered === true ? { agent: state.agent, changed: true } : view(state)

export const Agent = define(AgentProtocol, {
  events,
  activities,
  state: State,
  initial,
  decide: {
    Register: (state, { _tag, ...descriptor }, context) => {
      const same = state.descriptor !== undefined && sameDescriptor(state.descriptor, descriptor)
      if (same && state.indexed > 0) return accept({ reply: { agent: state.agent, changed: false } })
      const registered = { _tag: "Registered", descriptor, status: "PRODUCTION", at: context.now } as const
      return change(state, context, [registered], true)
    },
    Create: (state, { descriptor, by: name }, context) =>
      state.descriptor === undefined
        ? change(state, context, [{ _tag: "Registered", descriptor, ...by(name), at: context.now }])
        : reject({ _tag: "AgentExists" }),
    Change: (state, { descriptor, by: name, expectedVersion }, context) => {
      const refused = unchangeable(state, expectedVersion)
      if (refused !== undefined) return reject(refused)
      if (state.archived) return reject({ _tag: "AgentArchived" })
      if (sameDescriptor(state.descriptor as AgentDescriptor, descriptor))
        return accept({ reply: view(state) })
      return change(state, context, [{ _tag: "Registered", descriptor, ...by(name), at: context.now }])
    },
    Move: (state, { status, by: name, expectedVersion }, context) => {
      const refused = unchangeable(state, expectedVersion)
      if (refused !== undefined) return reject(refused)
      if (state.archived) return reject({ _tag: "AgentArchived" })
      if (state.status === status) return accept({ reply: view(state) })
      const allowed = lifecycleMoves[state.status]
      if (!allowed.includes(status)) return reject({ _tag: "AgentMoveRefused", from: state.status, allowed })
      return change(state, context, [{ _tag: "Moved", status, ...by(name), at: context.now }])
    },
    Archive: (state, { archived, by: name, expectedVersion }, context) => {
      const refused = unchangeable(state, expectedVersion)
      if (refused !== undefined) return reject(refused)
      if (state.archived === archived) return accept({ reply: view(state) })
      return change(state, context, [{ _tag: "Archived", archived, ...by(name), at: context.now }])
    },
    Describe: (state) => {
      const described = viewOf(state)
      return described === undefined ? reject({ _tag: "AgentUnknown" }) : accept({ reply: described })
    },
    CheckHealth: (state, _, { caller, random }) => {
      const described = viewOf(state)
      if (described === undefined) return reject({ _tag: "AgentUnknown" })
      if (state.archived) return reject({ _tag: "AgentArchived" })
      if (state.checking.length >= healthWaitingMax)
        return reject({ _tag: "AgentBusy", limit: healthWaitingMax })
      return accept({
        events: caller === undefined ? [] : [{ _tag: "HealthAsked", caller }],
        start: [{ activity: "check", id: `check:${random.uuid()}`, input: described }],
      })
    },
    Execute: (state, { task, parameters }, { now, caller, random, principal }) => {
      if (state.descriptor === undefined) return reject({ _tag: "AgentUnknown" })
      if (state.archived) return reject({ _tag: "AgentArchived" })
      if (Object.keys(state.running).length >= runningMax)
        return reject({ _tag: "AgentBusy", limit: runningMax })
      const plan = random.uuid()
      const id = `task:${plan}`
      const job = { for: "caller" as const, at: now, ...(caller === undefined ? {} : { caller }) }
      const input = {
        agent: state.agent,
        question: task,
        conversation: plan,
        turn: 1,
        history: [],
        agents: [state.agent],
        mayHandOver: true,
        plan,
        stream: false,
        ...(principal === undefined ? {} : { user: principal }),
        ...(parameters === undefined ? {} : { parameters }),
      }
      return accept({ events: [{ _tag: "Started", id, job }], start: [{ activity: "answer", id, input }] })
    },
    Worked: (_state, { as }) => accept({ events: [{ _tag: "Worked", as }] }),
    Alert: (_state, { alert }) => accept({ events: [{ _tag: "AlertNoted", alert }] }),
    RecentAlerts: ({ alerts }, { limit }) =>
      accept({ reply: { alerts: alerts.slice(0, limit ?? alertsKeptMax) } }),
  },
  evolve,
  settled: {
    answer: (state, outcome, { now }) => {
      const { id } = outcome
      const job = state.running[id]
      if (job === undefined) return accept()
      const succeeded = outcome._tag === "Success"
      const as = succeeded ? ("answered" as const) : ("failed" as const)
      const ended = { _tag: "Ended" as const, id, as }
      if (job.for !== "caller") return accept({ events: [ended] })
      const executionTimeMs = now - job.at
      const reply: Execution = succeeded
        ? executionOf(outcome.output, executionTimeMs)
        : { ...nothing, status: "failed", text: outcome.detail, code: outcome.code, executionTimeMs }
      return accept({
        events: [ended],
        answers: job.caller === undefined ? [] : [{ caller: job.caller, reply }],
      })
    },
    index: (state, outcome) => {
      const revision = outcome._tag === "Success" ? outcome.output.revision : state.revision
      const told = state.waiting.filter((waiting) => waiting.revision <= revision)
      const answers = told.map(({ caller, registered }) => ({
        caller: caller as Caller,
        reply: replyTo(state, registered),
      }))
      const reached = outcome._tag === "Success"
      const indexed = { _tag: "Indexed", revision, reached } as const
      // What could not be reached is durable all the same; lists follow when the index is back.
      const again = reached
        ? {}
        : { setTimers: [{ timer: "index" as const, due: { afterMs: indexAgainMs } }] }
      return accept({ events: [indexed], answers, ...again })
    },
    check: (state, outcome, { now }) => {
      const found: AgentHealth =
        outcome._tag === "Success"
          ? outcome.output
          : { status: "unhealthy", detail: outcome.detail.slice(0, 500), consecutiveFailures: 0 }
      const failures = found.status === "unhealthy" ? state.health.consecutiveFailures + 1 : 0
      const health = { ...found, checkedAt: now, consecutiveFailures: failures }
      const events: ReadonlyArray<Event> = [
        { _tag: "HealthFound", health },
        ...(state.checking.length === 0 ? [] : [{ _tag: "HealthTold" as const }]),
      ]
      const after = fold(state, events)
      return accept({
        events,
        start: indexing(after),
        answers: state.checking.map((caller) => ({ caller: caller as Caller, reply: view(after) })),
      })
    },
  },
  timers: {
    index: (state) => (state.indexed < state.revision ? accept({ start: indexing(state) }) : accept()),
    check: (state, _, { random }) =>
      isChecked(state)
        ? accept({
            start: [{ activity: "check", id: `check:${random.uuid()}`, input: view(state) }],
            setTimers: [{ ...checkTimer, due: { afterMs: checkEveryMs } }],
          })
        : accept(),
  },
  upcast: { state: (stored) => upcastState(stored) },
})
