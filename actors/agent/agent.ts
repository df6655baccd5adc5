/**
 * An agent: who it is, how far it is in its life cycle, how well it is, the tasks it is working on, and the alerts it was
 * told of. In conversations it answers beside their own mailboxes; what it is, is asked of this actor when an answer
 * begins.
 *
 * I1 Every `Execute` is answered. I2 At most `runningMax` tasks run. I3 The newest `alertsKeptMax` alerts are kept, one
 * per alert id. I4 Whoever changes it is answered once lists show the change, or the index could not be reached for as
 * long as the activity tries. I5 An archived agent takes no task. I6 An agent with an address that is not archived is
 * checked every `checkEveryMs`, by whichever node has its partition.
 */
import * as Schema from "effect/Schema"
import { accept, activity, type Caller, type DecideContext, define, reject } from "../../engine/index.ts"
import {
  type AgentDescriptor,
  AgentDescriptor as AgentDescriptorSchema,
  AgentHealth,
  AgentProtocol,
  AgentView,
  alertsKeptMax,
  type Execution,
  lifecycleMoves,
} from "../../schemas/index.ts"
import { change, indexing, unchangeable } from "./change.ts"
import { checked, checkNow, checkOnTime } from "./health-check.ts"
import { IndexRow } from "./index-row.ts"
import { type Answered, answerActivity } from "./question.ts"
import { events, evolve, initial, State, upcastCommand, upcastEvent, upcastState, viewOf } from "./state.ts"

export const runningMax = 200
/** What a tenant's and a user's name leave of it is the session's. */
const conversationCharactersMax = 512
/** When the index could not be reached for as long as an activity tries. */
export const indexAgainMs = 30_000

const activities = {
  answer: answerActivity,
  /** Puts the agent into the index. Idempotent: an older revision changes nothing. */
  index: activity({ input: IndexRow, output: Schema.Struct({ revision: Schema.Int }) }),
  /** Asks the agent whether it is there. Never fails: what it finds is the answer. */
  check: activity({ input: AgentView, output: AgentHealth, timeoutMs: 30_000, retry: { attemptsMax: 1 } }),
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

/**
 * Of what one caller says belongs together: nobody reaches into another's conversation by its name, also not in a service
 * that several tenants use. The name's length keeps `a` with `b:c` from `a:b` with `c`.
 */
const conversationOf = (
  session: string | undefined,
  { self, principal = "" }: Pick<DecideContext, "self" | "principal">,
): string | undefined =>
  session === undefined || session === ""
    ? undefined
    : `task:${self.tenant}:${principal.length}:${principal}:${session}`.slice(0, conversationCharactersMax)

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
    CheckHealth: (state, _, context) => checkNow(state, context),
    Execute: (state, { task, context, parameters, scopes }, deciding) => {
      const { now, caller, random, principal } = deciding
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
        conversation: conversationOf(context?.session_id, deciding) ?? plan,
        turn: 1,
        history: [],
        agents: [state.agent],
        mayHandOver: true,
        plan,
        stream: false,
        ...(principal === undefined ? {} : { user: principal }),
        ...(scopes === undefined ? {} : { scopes }),
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
    check: checked,
  },
  timers: {
    index: (state) => (state.indexed < state.revision ? accept({ start: indexing(state) }) : accept()),
    check: (state, _, context) => checkOnTime(state, context),
  },
  upcast: { command: upcastCommand, event: upcastEvent, state: upcastState },
})
