/** What a rule's actor remembers, and how its journal folds. */
import * as Schema from "effect/Schema"
import {
  RuleDocument,
  RulePlace,
  RuleVersion,
  type RuleView,
  ruleVersionsMax,
  type Tagged,
} from "../../schemas/index.ts"
import { CallerSchema } from "../caller.ts"

/** What all kept versions may have together, as JSON: the actor's snapshot has to hold them. */
const versionsCharactersMax = 500_000
/** Runs that wait for a lane that cannot be reached; older ones are missed. */
export const runsWaitingMax = 1_000

/** Somebody who is answered once lists show the change and its lane has it, or when that takes too long. */
const Waiting = Schema.Struct({
  caller: CallerSchema,
  number: Schema.Int,
  removal: Schema.optionalKey(Schema.Boolean),
})

const at = Schema.Finite
const by = Schema.optionalKey(Schema.String)
/** What a lane was told, or is being told. Without a document the rule does not run. */
const Told = { number: Schema.Int, version: Schema.Int, document: Schema.optionalKey(RuleDocument) }
/** The request by which it is to begin anew in its lane. */
const anew = Schema.optionalKey(Schema.String)

export const State = Schema.Struct({
  rule: Schema.String,
  version: Schema.Int,
  number: Schema.Int,
  /** Absent: it was never defined, or was removed. */
  document: Schema.optionalKey(RuleDocument),
  createdAt: at,
  updatedAt: at,
  updatedBy: by,
  /** Newest last. */
  versions: Schema.Array(RuleVersion),
  told: Schema.Struct(Told),
  telling: Schema.optionalKey(Schema.Struct({ ...Told, anew })),
  /** Until its lane was told, and the last request. */
  anew,
  entered: Schema.optionalKey(Schema.String),
  live: Schema.optionalKey(RulePlace),
  /** The newest number that lists show, and the one that they are being told. */
  indexed: Schema.Int,
  indexing: Schema.Int,
  waiting: Schema.Array(Waiting),
  nextAt: Schema.optionalKey(at),
  /** Runs that are due and not in the lane yet, oldest first, and through which one they are on their way. */
  due: Schema.Array(at),
  appending: Schema.optionalKey(at),
  lastAt: Schema.optionalKey(at),
  missed: Schema.Int,
})
export type State = typeof State.Type

export const events = {
  Defined: { document: RuleDocument, by, at, restored: Schema.optionalKey(Schema.Int) },
  EnabledSet: { enabled: Schema.Boolean, by, at },
  Removed: { by, at },
  Entered: { request: Schema.String },
  Awaited: Waiting.fields,
  /** All changes up to this one were answered. */
  Answered: { number: Schema.Int },
  /** Activities are under way with what is not told, indexed or appended yet. */
  Begun: { telling: Schema.Boolean, indexing: Schema.Boolean, appending: Schema.Boolean },
  /** Without a place it was not told, and is tried again. */
  Announced: { place: Schema.optionalKey(RulePlace) },
  Indexed: { number: Schema.Int, reached: Schema.Boolean },
  Scheduled: { nextAt: Schema.optionalKey(at) },
  RunsDue: { due: Schema.Array(at), missed: Schema.Int, nextAt: Schema.optionalKey(at) },
  Appended: { reached: Schema.Boolean },
}
export type Event = Tagged<typeof events>

export const initial = (rule: string): State => ({
  rule,
  version: 0,
  number: 0,
  createdAt: 0,
  updatedAt: 0,
  versions: [],
  told: { number: 0, version: 0 },
  indexed: 0,
  indexing: 0,
  waiting: [],
  due: [],
  missed: 0,
})

const keptVersions = (versions: ReadonlyArray<RuleVersion>): ReadonlyArray<RuleVersion> => {
  let characters = 0
  const newest = versions.slice(-ruleVersionsMax)
  const from = newest.findLastIndex((version) => {
    characters += JSON.stringify(version).length
    return characters > versionsCharactersMax
  })
  return newest.slice(from < newest.length - 1 ? from + 1 : from)
}

const changed = (state: State, time: number, name: string | undefined): State => {
  const { updatedBy: _, ...rest } = state
  return {
    ...rest,
    number: state.number + 1,
    createdAt: state.document === undefined ? time : state.createdAt,
    updatedAt: time,
    ...(name === undefined ? {} : { updatedBy: name }),
  }
}

/** What its lane has to know of it now. */
export const wantedOf = ({ number, version, document, anew }: State): NonNullable<State["telling"]> => ({
  number,
  version,
  ...(document === undefined || document.enabled === false ? {} : { document }),
  ...(anew === undefined ? {} : { anew }),
})

/** A rule that is in no lane and is not to be in one has nothing to tell. */
export const isToldAll = (state: State): boolean =>
  state.anew === undefined &&
  (state.told.number === state.number ||
    (state.told.document === undefined && wantedOf(state).document === undefined))

export const evolve: { [T in Event["_tag"]]: (state: State, event: Extract<Event, { _tag: T }>) => State } = {
  Defined: (state, { document, by: name, at: time, restored }) => {
    const version = state.version + 1
    const kept: RuleVersion = {
      version,
      at: time,
      ...(name === undefined ? {} : { by: name }),
      ...(restored === undefined ? {} : { restored }),
      document,
    }
    return {
      ...changed(state, time, name),
      version,
      document,
      versions: keptVersions([...state.versions, kept]),
    }
  },
  EnabledSet: (state, { enabled, by: name, at: time }) =>
    state.document === undefined
      ? state
      : { ...changed(state, time, name), document: { ...state.document, enabled } },
  Removed: (state, { by: name, at: time }) => {
    const { document: _, ...rest } = changed(state, time, name)
    return rest
  },
  Entered: (state, { request }) => ({ ...state, anew: request, entered: request }),
  Awaited: (state, { _tag: _, ...waiting }) => ({ ...state, waiting: [...state.waiting, waiting] }),
  Answered: (state, { number }) => ({
    ...state,
    waiting: state.waiting.filter((waiting) => waiting.number > number),
  }),
  Begun: (state, { telling, indexing, appending }) => ({
    ...state,
    ...(telling ? { telling: wantedOf(state) } : {}),
    ...(indexing ? { indexing: state.number } : {}),
    ...(appending ? { appending: state.due.at(-1)! } : {}),
  }),
  Announced: (state, { place }) => {
    const { telling, live: _, ...rest } = state
    if (telling === undefined || place === undefined) return { ...rest, ...liveOf(state) }
    const { anew, ...told } = telling
    const { anew: wanted, ...known } = rest
    return {
      ...known,
      ...(wanted === undefined || wanted === anew ? {} : { anew: wanted }),
      told,
      ...(told.document === undefined ? {} : { live: place }),
    }
  },
  Indexed: (state, { number, reached }) => ({
    ...state,
    indexed: reached ? Math.max(state.indexed, number) : state.indexed,
    indexing: state.indexing === number ? 0 : state.indexing,
  }),
  Scheduled: (state, { nextAt }) => {
    const { nextAt: _, ...rest } = state
    return nextAt === undefined ? { ...rest, due: [] } : { ...rest, nextAt }
  },
  RunsDue: (state, { due, missed, nextAt }) => {
    const { nextAt: _, ...rest } = state
    const all = [...state.due, ...due]
    const kept = all.slice(-runsWaitingMax)
    return {
      ...rest,
      due: kept,
      missed: state.missed + missed + all.length - kept.length,
      ...(nextAt === undefined ? {} : { nextAt }),
    }
  },
  Appended: (state, { reached }) => {
    const { appending, ...rest } = state
    if (appending === undefined || !reached) return rest
    return { ...rest, due: state.due.filter((time) => time > appending), lastAt: appending }
  },
}

const liveOf = ({ live }: State) => (live === undefined ? {} : { live })

/** Undefined while nobody defined it, and once it was removed. */
export const viewOf = (state: State): RuleView | undefined => {
  const { rule, version, number, document, createdAt, updatedAt, updatedBy, nextAt, lastAt } = state
  if (document === undefined) return undefined
  const runs = {
    ...(nextAt === undefined ? {} : { nextAt }),
    ...(lastAt === undefined ? {} : { lastAt }),
    waiting: state.due.length,
    missed: state.missed,
  }
  return {
    rule,
    version,
    number,
    document,
    createdAt,
    updatedAt,
    ...(updatedBy === undefined ? {} : { updatedBy }),
    ...(state.told.number === number ? liveOf(state) : {}),
    ...(document.trigger.type === "schedule" ? { runs } : {}),
  }
}
