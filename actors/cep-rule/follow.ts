/**
 * What follows from a change of a rule, beside its mailbox: lists show it, its lane is told of it, runs that are due go
 * into the lane. One telling and one appending is under way at a time, so that a lane hears of changes in their order;
 * what changed meanwhile is told next, at once as it is then. Whatever cannot be reached is tried again for ever.
 */
import * as Schema from "effect/Schema"
import { accept, activity, type Caller, type Decision } from "../../engine/index.ts"
import { RuleDocument, RulePlace } from "../../schemas/index.ts"
import { type Event, evolve, isToldAll, type State, viewOf, wantedOf } from "./state.ts"

/** Between two series of attempts, when one ended for another reason than that nobody answered. */
const againMs = 30_000
/** Who changes a rule waits this long at most for its lane and for lists; both follow all the same. */
const answerWithinMs = 5_000
const forEver = { attemptsMax: Number.POSITIVE_INFINITY, firstDelayMs: 200, delayMaxMs: 10_000 } as const

/** A rule as lists show it. */
export const IndexRow = Schema.Struct({
  number: Schema.Int,
  version: Schema.Int,
  /** Absent: it was removed. */
  document: Schema.optionalKey(RuleDocument),
  createdAt: Schema.Finite,
  updatedAt: Schema.Finite,
  updatedBy: Schema.optionalKey(Schema.String),
})
export type IndexRow = typeof IndexRow.Type

export const activities = {
  /** Puts the rule into the index. Idempotent: an older number changes nothing. */
  index: activity({ input: IndexRow, output: Schema.Struct({ number: Schema.Int }), retry: forEver }),
  /** Puts the newest change into the rule's lane. Idempotent: lanes pass over what is not newer. */
  announce: activity({
    input: Schema.Struct({
      number: Schema.Int,
      version: Schema.Int,
      document: Schema.optionalKey(RuleDocument),
      before: Schema.optionalKey(RuleDocument),
      anew: Schema.optionalKey(Schema.String),
    }),
    output: RulePlace,
    retry: forEver,
  }),
  /** Puts runs that are due into the rule's lane. Idempotent: each has its own id. */
  append: activity({ input: Schema.Array(Schema.Finite), output: Schema.Struct({}), retry: forEver }),
}

const rowOf = ({ number, version, document, createdAt, updatedAt, updatedBy }: State): IndexRow => ({
  number,
  version,
  ...(document === undefined ? {} : { document }),
  createdAt,
  updatedAt,
  ...(updatedBy === undefined ? {} : { updatedBy }),
})

export const fold = (state: State, added: ReadonlyArray<Event>): State =>
  added.reduce<State>((folded, event) => evolve[event._tag](folded, event as never), state)

/** Everyone whose change is in lists and in its lane; at the end of their patience everyone. */
const answered = (state: State, patient: boolean) => {
  const reached = Math.min(state.indexed, isToldAll(state) ? state.number : state.told.number)
  const number = patient ? reached : state.number
  const ready = state.waiting.filter((waiting) => waiting.number <= number)
  if (ready.length === 0) return { events: [], answers: [] }
  const view = viewOf(state)
  return {
    events: [{ _tag: "Answered", number }] as ReadonlyArray<Event>,
    answers: ready.map(({ caller, removal }) => ({
      caller: caller as Caller,
      // Of a rule that was removed while its change was waited for, nothing can be shown.
      reply: removal === true || view === undefined ? { removed: true } : { changed: true, view },
    })),
  }
}

/** What is not under way and has to be: of lists each change, so that the audit log has each. */
const begin = (state: State, indexNow: boolean) => {
  const telling = state.telling === undefined && !isToldAll(state)
  const indexing = indexNow || (state.indexed < state.number && state.indexing === 0)
  const appending = state.appending === undefined && state.due.length > 0
  if (!telling && !indexing && !appending) return { events: [], start: [] }
  // Of a rule that is in no lane, the one where it was last may still have to hear that it is gone.
  const before =
    state.told.document ?? (state.anew === undefined ? undefined : state.versions.at(-1)?.document)
  const told = { ...wantedOf(state), ...(before === undefined ? {} : { before }) }
  return {
    events: [{ _tag: "Begun", telling, indexing, appending }] as ReadonlyArray<Event>,
    start: [
      ...(indexing ? [{ activity: "index" as const, id: `index:${state.number}`, input: rowOf(state) }] : []),
      ...(telling ? [{ activity: "announce" as const, input: told }] : []),
      ...(appending ? [{ activity: "append" as const, input: state.due }] : []),
    ],
  }
}

interface More {
  /** A change was made that lists have to show. */
  readonly indexNow?: boolean
  /** What could not be done is tried again after a while. */
  readonly again?: boolean
  /** Answers whoever waits, with what there is. */
  readonly impatient?: boolean
}

/** Journals what happened and begins what follows from it. */
export const follow = (
  state: State,
  happened: ReadonlyArray<Event>,
  { indexNow = false, again = false, impatient = false }: More = {},
): Extract<Decision<Event, never, never>, { _tag: "Accepted" }> => {
  const after = fold(state, happened)
  const told = answered(after, !impatient)
  const next = again ? { events: [], start: [] } : begin(after, indexNow)
  const timer = { timer: "again" as const, due: { afterMs: againMs } }
  return accept({
    events: [...happened, ...told.events, ...next.events],
    answers: told.answers,
    start: next.start,
    ...(again ? { setTimers: [timer] } : {}),
  }) as never
}

export const answerTimer = { timer: "answer" as const, due: { afterMs: answerWithinMs } }
