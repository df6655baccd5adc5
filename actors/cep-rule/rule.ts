/**
 * A rule: its document in all its versions, whether it runs, and when it is due if it is on a schedule. It sees no
 * samples: its lane evaluates it, from the moment on at which a change of it stands in the lane.
 *
 * I1 A document is taken only when nothing is wrong with it. I2 Every change has a number of its own, and its lane is told
 * of changes in their order, of the newest one at the latest. I3 Whoever changes it is answered once lists show the change
 * and its lane has it, or after a few seconds. I4 The owner is whoever wrote the document last, so that nobody acts in
 * another's name. I5 Each run of a schedule that is due is journaled once, whichever node fires it, and goes into the lane
 * under an id of its own.
 */
import * as Schema from "effect/Schema"
import { accept, type DecideContext, type Decision, define, reject } from "../../engine/index.ts"
import { CepRuleProtocol, type RejectionOf, RuleDocument, type RuleView } from "../../schemas/index.ts"
import { activities, answerTimer, fold, follow } from "./follow.ts"
import { pollOf } from "./polling.ts"
import { ruleProblems } from "./rule-problems.ts"
import { nextRun, runsAt, scheduleOf } from "./schedule.ts"
import { type Event, events, evolve, initial, State, viewOf } from "./state.ts"
import { upcastCommand, upcastEvent, upcastState } from "./upcast.ts"

type Rejection = RejectionOf<typeof CepRuleProtocol>
type Refusable<Reply> = Decision<Event, Reply, Rejection>
interface Changed {
  readonly changed: boolean
  readonly view: RuleView
}

const sameDocument = Schema.toEquivalence(RuleDocument)
const sameTrigger = Schema.toEquivalence(RuleDocument.fields.trigger)

const by = ({ principal }: DecideContext) => (principal === undefined ? {} : { by: principal })

const conflict = (state: State, expected: number | undefined): Rejection | undefined => {
  const number = state.document === undefined ? 0 : state.number
  return expected === undefined || expected === number
    ? undefined
    : { _tag: "RuleConflict", number: state.number }
}

/** An edit that leaves a schedule as it is, leaves its next run as it is. */
const schedule = (before: State, after: State, now: number) => {
  const [was, is] = [scheduleOf(before.document), scheduleOf(after.document)]
  const timer = { timer: "run" } as const
  if (is === undefined)
    return was === undefined
      ? { events: [] }
      : { events: [{ _tag: "Scheduled" } as const], clearTimers: [timer] }
  if (was !== undefined && sameTrigger(was, is)) return { events: [] }
  const nextAt = nextRun(is, now)
  if (nextAt === undefined) return { events: [{ _tag: "Scheduled" } as const], clearTimers: [timer] }
  return {
    events: [{ _tag: "Scheduled", nextAt } as const],
    setTimers: [{ ...timer, due: { at: nextAt } }],
  }
}

/** Carries a change out; answers now only when nobody has to wait. */
const change = (state: State, changes: Event, context: DecideContext): Refusable<never> => {
  const { caller, now } = context
  const changed = fold(state, [changes])
  const { events: scheduled, ...timers } = schedule(state, changed, now)
  const removal = changes._tag === "Removed" ? { removal: true } : {}
  const awaited: ReadonlyArray<Event> =
    caller === undefined ? [] : [{ _tag: "Awaited", caller, number: changed.number, ...removal }]
  const decision = follow(state, [changes, ...scheduled, ...awaited], { indexNow: true })
  return {
    ...decision,
    ...timers,
    send: pollOf(state, changed),
    setTimers: [...(timers.setTimers ?? []), ...(caller === undefined ? [] : [answerTimer])],
  }
}

const take = (
  state: State,
  given: RuleDocument,
  context: DecideContext,
  restored?: number,
): Refusable<Changed> => {
  const owner = context.principal ?? given.owner
  const document: RuleDocument = {
    ...given,
    enabled: given.enabled ?? true,
    ...(owner === undefined ? {} : { owner }),
  }
  const problems = ruleProblems(state.rule, state.version + 1, document, context.now)
  if (problems.length > 0) return reject({ _tag: "BadRule", problems })
  const view = viewOf(state)
  if (view !== undefined && sameDocument(view.document, document))
    return accept({ reply: { changed: false, view } })
  const from = restored === undefined ? {} : { restored }
  return change(state, { _tag: "Defined", document, ...by(context), at: context.now, ...from }, context)
}

const setEnabled = (
  state: State,
  enabled: boolean,
  expected: number | undefined,
  context: DecideContext,
): Refusable<Changed> => {
  const view = viewOf(state)
  if (view === undefined) return reject({ _tag: "RuleUnknown" })
  const refused = conflict(state, expected)
  if (refused !== undefined) return reject(refused)
  if (view.document.enabled === enabled) return accept({ reply: { changed: false, view } })
  return change(state, { _tag: "EnabledSet", enabled, ...by(context), at: context.now }, context)
}

export const CepRule = define(CepRuleProtocol, {
  events,
  activities,
  state: State,
  initial,
  decide: {
    Define: (state, { document, expected }, context) => {
      const refused = conflict(state, expected)
      return refused === undefined ? take(state, document, context) : reject(refused)
    },
    Enable: (state, { expected }, context) => setEnabled(state, true, expected, context),
    Disable: (state, { expected }, context) => setEnabled(state, false, expected, context),
    Remove: (state, { expected }, context) => {
      if (state.document === undefined) return reject({ _tag: "RuleUnknown" })
      const refused = conflict(state, expected)
      if (refused !== undefined) return reject(refused)
      return change(state, { _tag: "Removed", ...by(context), at: context.now }, context)
    },
    // A rule that an older version of this actor wrote is in no list and no lane yet.
    Read: (state) => {
      const view = viewOf(state)
      return view === undefined ? reject({ _tag: "RuleUnknown" }) : { ...follow(state, []), reply: view }
    },
    Enter: (state, { request }) => {
      if (state.versions.length === 0) return reject({ _tag: "RuleUnknown" })
      return state.entered === request ? accept() : follow(state, [{ _tag: "Entered", request }])
    },
    Versions: ({ versions }) =>
      versions.length === 0
        ? reject({ _tag: "RuleUnknown" })
        : accept({ reply: { versions: versions.toReversed() } }),
    Restore: (state, { version, expected }, context) => {
      if (state.versions.length === 0) return reject({ _tag: "RuleUnknown" })
      const kept = state.versions.find((one) => one.version === version)
      if (kept === undefined) return reject({ _tag: "RuleVersionUnknown" })
      const refused = conflict(state, expected)
      return refused === undefined ? take(state, kept.document, context, version) : reject(refused)
    },
  },
  evolve,
  settled: {
    index: (state, outcome) => {
      const reached = outcome._tag === "Success"
      const number = reached ? outcome.output.number : Number(outcome.id.slice("index:".length))
      return follow(state, [{ _tag: "Indexed", number, reached }], { again: !reached })
    },
    announce: (state, outcome) =>
      outcome._tag === "Success"
        ? follow(state, [{ _tag: "Announced", place: outcome.output }])
        : follow(state, [{ _tag: "Announced" }], { again: true }),
    append: (state, outcome) => {
      const reached = outcome._tag === "Success"
      return follow(state, [{ _tag: "Appended", reached }], { again: !reached })
    },
  },
  timers: {
    again: (state) => follow(state, []),
    answer: (state) => follow(state, [], { impatient: true }),
    run: (state, { dueAt }, { now }) => {
      const trigger = scheduleOf(state.document)
      if (trigger === undefined) return accept()
      const { due, missed, nextAt } = runsAt(trigger, dueAt, now)
      const next = nextAt === undefined ? {} : { nextAt }
      return {
        ...follow(state, [{ _tag: "RunsDue", due, missed, ...next }]),
        ...(nextAt === undefined ? {} : { setTimers: [{ timer: "run" as const, due: { at: nextAt } }] }),
      }
    },
  },
  upcast: { command: upcastCommand, event: upcastEvent, state: upcastState },
})
