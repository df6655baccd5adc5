/**
 * An agent: who it is, which answers and tasks it is working on, and the alerts it was told of. How it answers is an
 * activity beside the mailbox, so that it stays answerable meanwhile.
 *
 * I1 Every `Answer` ends with exactly one `TurnEnded`, `TurnFailed` or `TransferRequested` to its session, unless it was
 * cancelled. I2 Every `Execute` is answered. I3 Pieces of an answer reach the session in order and once: they follow
 * from journaled reports. I4 At most `runningMax` answers run. I5 The newest `alertsKeptMax` alerts are kept, one per
 * alert id.
 */
import * as Schema from "effect/Schema"
import { accept, activity, type Decision, define, reject } from "../../engine/index.ts"
import {
  AgentDescriptor,
  AgentProtocol,
  Alert,
  alertsKeptMax,
  ChatSessionProtocol,
  type Execution,
  type Outgoing,
  type RejectionOf,
  type Tagged,
} from "../../schemas/index.ts"
import { CallerSchema } from "../caller.ts"
import { Answered, Piece, Question } from "./question.ts"

export const runningMax = 200
/** Alerts that come along with a question, newest first. */
export const alertsPerAnswerMax = 10
export const answerTimeoutMs = 5 * 60_000

const Job = Schema.Union([
  Schema.Struct({
    for: Schema.Literal("session"),
    session: Schema.String,
    turn: Schema.Int,
    at: Schema.Finite,
  }),
  Schema.Struct({
    for: Schema.Literal("caller"),
    caller: Schema.optionalKey(CallerSchema),
    at: Schema.Finite,
  }),
])
type Job = typeof Job.Type

const State = Schema.Struct({
  agent: Schema.String,
  descriptor: Schema.optionalKey(AgentDescriptor),
  registeredAt: Schema.Finite,
  running: Schema.Record(Schema.String, Job),
  answered: Schema.Int,
  failed: Schema.Int,
  /** Newest first. */
  alerts: Schema.Array(Alert),
})
type State = typeof State.Type

const events = {
  Registered: { descriptor: AgentDescriptor, at: Schema.Finite },
  Started: { id: Schema.String, job: Job },
  Ended: { id: Schema.String, as: Schema.Literals(["answered", "failed", "cancelled"]) },
  AlertNoted: { alert: Alert },
}
type Event = Tagged<typeof events>
type Rejection = RejectionOf<typeof AgentProtocol>

const activities = {
  answer: activity({ input: Question, output: Answered, progress: Piece, timeoutMs: answerTimeoutMs }),
}

const turnId = (session: string, turn: number): string => `turn:${session}:${turn}`

const toSession = (
  job: Job & { for: "session" },
  command: typeof ChatSessionProtocol.Command,
): ReadonlyArray<Outgoing> => [ChatSessionProtocol.tell(job.session, command)]

/** Why this agent cannot take on work now. */
const refusal = (state: State): Rejection | undefined => {
  const { descriptor } = state
  if (descriptor === undefined) return { _tag: "AgentUnknown" }
  if (descriptor.framework !== "builtin") {
    const remedy = 'register it with framework "builtin"; other frameworks are not connected yet'
    return { _tag: "FrameworkUnsupported", framework: descriptor.framework, remedy }
  }
  if (Object.keys(state.running).length >= runningMax) return { _tag: "AgentBusy", limit: runningMax }
  return undefined
}

const reasonOf = (agent: string, rejection: Rejection): string => {
  switch (rejection._tag) {
    case "AgentUnknown":
      return `there is no agent "${agent}"`
    case "AgentBusy":
      return `agent "${agent}" is answering ${rejection.limit} others`
    case "FrameworkUnsupported":
      return `agent "${agent}" uses "${rejection.framework}": ${rejection.remedy}`
  }
}

const begin = (
  state: State,
  id: string,
  job: Job,
  question: Pick<Question, "question" | "history" | "plan">,
): Decision<Event, never, never> =>
  accept({
    events: [{ _tag: "Started", id, job }],
    start: [
      {
        activity: "answer",
        id,
        input: {
          ...question,
          agent: state.agent,
          descriptor: state.descriptor,
          alerts: state.alerts.slice(0, alertsPerAnswerMax),
          stream: job.for === "session",
        },
      },
    ],
  })

const nothingSaid = { text: "", blocks: [], tokens: 0 }

const executionOf = (answered: Answered, executionTimeMs: number): Execution =>
  answered._tag === "Said"
    ? {
        status: "success",
        executionTimeMs,
        text: answered.text,
        blocks: answered.blocks,
        tokens: answered.tokens,
        ...(answered.plan === undefined ? {} : { plan: answered.plan }),
      }
    : {
        ...nothingSaid,
        status: "handover",
        executionTimeMs,
        text: answered.reason,
        toAgent: answered.toAgent,
      }

const outcomeFor = (turn: number, answered: Answered): typeof ChatSessionProtocol.Command =>
  answered._tag === "Said"
    ? {
        _tag: "TurnEnded",
        turn,
        tokens: answered.tokens,
        ...(answered.plan === undefined ? {} : { plan: answered.plan }),
      }
    : { _tag: "TransferRequested", turn, toAgent: answered.toAgent, reason: answered.reason }

const sameDescriptor = Schema.toEquivalence(AgentDescriptor)

export const Agent = define(AgentProtocol, {
  events,
  activities,
  state: State,
  initial: (agent) => ({ agent, registeredAt: 0, running: {}, answered: 0, failed: 0, alerts: [] }),
  decide: {
    Register: (state, { _tag, ...descriptor }, { now }) => {
      const changed = state.descriptor === undefined || !sameDescriptor(state.descriptor, descriptor)
      return accept({
        events: changed ? [{ _tag: "Registered", descriptor, at: now }] : [],
        reply: { agent: state.agent, changed },
      })
    },
    Describe: ({ agent, descriptor, registeredAt, running, answered, failed }) =>
      descriptor === undefined
        ? reject({ _tag: "AgentUnknown" })
        : accept({
            reply: {
              agent,
              ...descriptor,
              registeredAt,
              answered,
              failed,
              running: Object.keys(running).length,
            },
          }),
    Status: ({ agent, descriptor, running: jobs }) => {
      if (descriptor === undefined) return reject({ _tag: "AgentUnknown" })
      const running = Object.keys(jobs).length
      return accept({ reply: { agent, running, status: running >= runningMax ? "busy" : "ready" } })
    },
    Answer: (state, { session, turn, question, history }, { now, random }) => {
      const job = { for: "session" as const, session, turn, at: now }
      const refused = refusal(state)
      if (refused !== undefined) {
        const message = reasonOf(state.agent, refused)
        return accept({ send: toSession(job, { _tag: "TurnFailed", turn, code: refused._tag, message }) })
      }
      const id = turnId(session, turn)
      if (state.running[id] !== undefined) return accept()
      return begin(state, id, job, { question, history, plan: random.uuid() })
    },
    Cancel: (state, { session, turn }) => {
      const id = turnId(session, turn)
      if (state.running[id] === undefined) return accept()
      return accept({ events: [{ _tag: "Ended", id, as: "cancelled" }], cancel: [id] })
    },
    Execute: (state, { task }, { now, caller, random }) => {
      const refused = refusal(state)
      if (refused !== undefined) return reject(refused)
      const plan = random.uuid()
      const job = { for: "caller" as const, at: now, ...(caller === undefined ? {} : { caller }) }
      return begin(state, `task:${plan}`, job, { question: task, history: [], plan })
    },
    Alert: (_state, { alert }) => accept({ events: [{ _tag: "AlertNoted", alert }] }),
    RecentAlerts: ({ alerts }, { limit }) =>
      accept({ reply: { alerts: alerts.slice(0, limit ?? alertsKeptMax) } }),
  },
  evolve: {
    Registered: (state, { descriptor, at }) => ({ ...state, descriptor, registeredAt: at }),
    Started: (state, { id, job }) => ({ ...state, running: { ...state.running, [id]: job } }),
    Ended: (state, { id, as }) => {
      const { [id]: _, ...running } = state.running
      return {
        ...state,
        running,
        answered: state.answered + (as === "answered" ? 1 : 0),
        failed: state.failed + (as === "failed" ? 1 : 0),
      }
    },
    AlertNoted: (state, { alert }) => ({
      ...state,
      alerts: [alert, ...state.alerts.filter(({ id }) => id !== alert.id)].slice(0, alertsKeptMax),
    }),
  },
  progressed: {
    answer: (state, { id, value }) => {
      const job = state.running[id]
      if (job?.for !== "session") return accept()
      return accept({ send: toSession(job, { _tag: "Tokens", turn: job.turn, ...value }) })
    },
  },
  settled: {
    answer: (state, outcome, { now }) => {
      const { id } = outcome
      const job = state.running[id]
      if (job === undefined) return accept()
      const succeeded = outcome._tag === "Success"
      const ended = {
        _tag: "Ended" as const,
        id,
        as: succeeded ? ("answered" as const) : ("failed" as const),
      }
      if (job.for === "session") {
        const { turn } = job
        const command = succeeded
          ? outcomeFor(turn, outcome.output)
          : { _tag: "TurnFailed" as const, turn, code: outcome.code.slice(0, 64), message: outcome.detail }
        return accept({ events: [ended], send: toSession(job, command) })
      }
      const executionTimeMs = now - job.at
      const reply: Execution = succeeded
        ? executionOf(outcome.output, executionTimeMs)
        : { ...nothingSaid, status: "failed", text: outcome.detail, code: outcome.code, executionTimeMs }
      return accept({
        events: [ended],
        answers: job.caller === undefined ? [] : [{ caller: job.caller, reply }],
      })
    },
  },
})
