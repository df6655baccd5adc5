/** What an agent remembers, and how its journal folds. */
import * as Schema from "effect/Schema"
import {
  AgentDescriptor,
  AgentHealth,
  type AgentView,
  Alert,
  alertsKeptMax,
  LifecycleStatus,
  type Tagged,
} from "../../schemas/index.ts"
import { CallerSchema } from "../caller.ts"

const Job = Schema.Union([
  /** Only in journals of version 1, when conversations were answered by the agent itself. */
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
export type Job = typeof Job.Type

/** Somebody who is told when lists show what was changed. */
const Waiting = Schema.Struct({
  caller: CallerSchema,
  revision: Schema.Int,
  /** The answer is `{ agent, changed }` rather than the agent. */
  registered: Schema.optionalKey(Schema.Boolean),
})
export type Waiting = typeof Waiting.Type

export const State = Schema.Struct({
  agent: Schema.String,
  descriptor: Schema.optionalKey(AgentDescriptor),
  status: LifecycleStatus,
  archived: Schema.Boolean,
  version: Schema.Int,
  revision: Schema.Int,
  /** The newest revision that lists show. */
  indexed: Schema.Int,
  /** Who changed it last, for the audit log. */
  changedBy: Schema.optionalKey(Schema.String),
  waiting: Schema.Array(Waiting),
  checking: Schema.Array(CallerSchema),
  health: AgentHealth,
  /** Since lists were told of one. */
  unlistedChecks: Schema.Int,
  registeredAt: Schema.Finite,
  updatedAt: Schema.Finite,
  running: Schema.Record(Schema.String, Job),
  answered: Schema.Int,
  failed: Schema.Int,
  /** Newest first. */
  alerts: Schema.Array(Alert),
})
export type State = typeof State.Type

const unknownHealth: AgentHealth = { status: "unknown", consecutiveFailures: 0 }
/** What answers in this process is there when the node is. */
const healthOf = ({ endpoint }: AgentDescriptor): AgentHealth =>
  endpoint === undefined ? { status: "healthy", consecutiveFailures: 0 } : unknownHealth

export const initial = (agent: string): State => ({
  agent,
  status: "DEVELOPMENT",
  archived: false,
  version: 0,
  revision: 0,
  indexed: 0,
  waiting: [],
  checking: [],
  health: unknownHealth,
  unlistedChecks: 0,
  registeredAt: 0,
  updatedAt: 0,
  running: {},
  answered: 0,
  failed: 0,
  alerts: [],
})

const at = Schema.Finite
const by = Schema.optionalKey(Schema.String)
export const events = {
  /** Without `status` the agent keeps its own. */
  Registered: { descriptor: AgentDescriptor, status: Schema.optionalKey(LifecycleStatus), by, at },
  Moved: { status: LifecycleStatus, by, at },
  Archived: { archived: Schema.Boolean, by, at },
  /** `listed`: lists are told. */
  HealthFound: { health: AgentHealth, listed: Schema.Boolean },
  HealthAsked: { caller: CallerSchema },
  HealthTold: {},
  IndexAwaited: Waiting.fields,
  /** `reached`: lists show it; else those who waited were answered without. */
  Indexed: { revision: Schema.Int, reached: Schema.Boolean },
  Started: { id: Schema.String, job: Job },
  Ended: { id: Schema.String, as: Schema.Literals(["answered", "failed", "cancelled"]) },
  /** Of an answer in a conversation. */
  Worked: { as: Schema.Literals(["answered", "failed", "stopped"]) },
  AlertNoted: { alert: Alert },
}
export type Event = Tagged<typeof events>

const changed = (state: State, time: number, by: string | undefined): State => {
  const { changedBy: _, ...rest } = state
  return {
    ...rest,
    version: state.version + 1,
    revision: state.revision + 1,
    updatedAt: time,
    ...(by === undefined ? {} : { changedBy: by }),
  }
}

const counted = (state: State, as: "answered" | "failed" | "stopped" | "cancelled"): State => ({
  ...state,
  answered: state.answered + (as === "answered" ? 1 : 0),
  failed: state.failed + (as === "failed" ? 1 : 0),
})

export const evolve: { [T in Event["_tag"]]: (state: State, event: Extract<Event, { _tag: T }>) => State } = {
  Registered: (state, { descriptor, status = state.status, by: name, at: time }) => ({
    ...changed(state, time, name),
    descriptor,
    status,
    registeredAt: state.descriptor === undefined ? time : state.registeredAt,
    // What was found of another address says nothing about this one.
    health:
      state.descriptor !== undefined && state.descriptor.endpoint === descriptor.endpoint
        ? state.health
        : healthOf(descriptor),
  }),
  Moved: (state, { status, by: name, at: time }) => ({ ...changed(state, time, name), status }),
  Archived: (state, { archived, by: name, at: time }) => ({ ...changed(state, time, name), archived }),
  HealthFound: (state, { health, listed }) => ({
    ...state,
    revision: state.revision + (listed ? 1 : 0),
    unlistedChecks: listed ? 0 : state.unlistedChecks + 1,
    health,
  }),
  HealthAsked: (state, { caller }) => ({ ...state, checking: [...state.checking, caller] }),
  HealthTold: (state) => ({ ...state, checking: [] }),
  IndexAwaited: (state, { _tag: _, ...waiting }) => ({ ...state, waiting: [...state.waiting, waiting] }),
  Indexed: (state, { revision, reached }) => ({
    ...state,
    indexed: reached ? Math.max(state.indexed, revision) : state.indexed,
    waiting: state.waiting.filter((waiting) => waiting.revision > revision),
  }),
  Started: (state, { id, job }) => ({ ...state, running: { ...state.running, [id]: job } }),
  Ended: (state, { id, as }) => {
    const { [id]: _, ...running } = state.running
    return counted({ ...state, running }, as)
  },
  Worked: (state, { as }) => counted(state, as),
  AlertNoted: (state, { alert }) => ({
    ...state,
    alerts: [alert, ...state.alerts.filter(({ id }) => id !== alert.id)].slice(0, alertsKeptMax),
  }),
}

/** Undefined while nobody registered it. */
export const viewOf = (state: State): AgentView | undefined => {
  const { descriptor } = state
  if (descriptor === undefined) return undefined
  const { agent, status, archived, version, revision, health, registeredAt, updatedAt, answered, failed } =
    state
  return {
    agent,
    ...descriptor,
    status,
    archived,
    version,
    revision,
    health,
    registeredAt,
    updatedAt,
    running: Object.keys(state.running).length,
    answered,
    failed,
  }
}

/** What version 1 registered was there to be used at once. */
const usedAtOnce = { status: "PRODUCTION" } as const

export const upcastEvent = <E extends { readonly _tag: string }>(stored: E): E =>
  stored._tag === "Registered" ? { ...usedAtOnce, ...stored } : stored

/** Sessions of version 1 had agents answer in their own mailboxes; those of today answer such a turn themselves, or end it. */
export const upcastCommand = (stored: { readonly _tag: string }) => {
  if (stored._tag === "Answer" || stored._tag === "Cancel") return { _tag: "Worked", as: "stopped" }
  return stored._tag === "Status" ? { _tag: "Describe" } : stored
}

/** What version 1 kept, as version 2 has it: its running conversations are ended by the sessions themselves. */
export const upcastState = (stored: unknown): unknown => {
  const old = stored as Pick<State, "agent" | "registeredAt"> & { readonly descriptor?: AgentDescriptor }
  const { descriptor, registeredAt } = old
  return {
    ...initial(old.agent),
    ...old,
    ...(descriptor === undefined
      ? {}
      : { ...usedAtOnce, version: 1, revision: 1, updatedAt: registeredAt, health: healthOf(descriptor) }),
  }
}
