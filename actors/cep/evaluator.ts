/**
 * All rules of one lane, and what their groups have come to. A deterministic function of the lane's messages: the same
 * messages in the same order give the same outputs with the same ids, and the same state. No Effect, no clock, no wire.
 */
import type { CepEvent, RuleBegan, RuleDocument, Transition } from "../../schemas/index.ts"
import type { Finding } from "./expression/expression.ts"
import type { Item } from "./item.ts"
import type { Awaited, Death, StageLook } from "./patterns/pattern.ts"

/** Samples of one message, column by column; `series` is indexed by `seriesOf`. */
export interface SampleColumns {
  readonly series: ReadonlyArray<string>
  readonly seriesOf: Uint32Array
  readonly values: Float64Array
  readonly times: Float64Array
}

/** A rule begins, changes or ends. Numbers of one rule grow; a change that is not newer than the last one is ignored. */
export interface RuleChange {
  readonly tenant: string
  readonly rule: string
  readonly number: number
  readonly version: number
  /** Absent: the rule is gone, disabled, or lives in another lane now. */
  readonly document?: RuleDocument
  /** Begins anew, also with a number that is known: the lane lost what it knew, and what was said before holds no more. */
  readonly anew?: string
}

/** Where in the lane's log something stood: `at` is when it was stored, the only "now" there is. */
export interface Place {
  readonly sequence: number
  readonly at: number
}

/** A change that waits until the past of its rule is made up for. */
export interface AwaitedChange {
  readonly change: RuleChange
  readonly place: Place
  /** How far back before `place` its state depends on its input. */
  readonly reachMs: number
  /** Metrics and types of events that it looks at. */
  readonly names: ReadonlyArray<string>
}

export type Output =
  | { readonly type: "transition"; readonly tenant: string; readonly transition: Transition }
  | { readonly type: "event"; readonly tenant: string; readonly event: CepEvent }
  /** A rule began anew and has said all that holds: alerts of it with smaller numbers are over. */
  | { readonly type: "began"; readonly tenant: string; readonly began: RuleBegan }

/** What a monitor shows of a rule in this lane. */
export interface RuleFigures {
  readonly rule: string
  readonly version: number
  /** Of the last change that counts. */
  readonly number: number
  /** A later change waits until its past is made up for. */
  readonly isFilling: boolean
  readonly evaluations: number
  readonly matches: number
  readonly errors: number
  readonly late: number
  /** Items of groups beyond the bound. */
  readonly refused: number
  /** Items that left windows before their time, or that those passed over, for want of room. */
  readonly crowdedOut: number
  readonly transitions: number
  readonly groups: number
  readonly partialMatches: number
  /** Partial matches of the groups that are there that died of the bounds. */
  readonly partialMatchesDropped: number
  readonly stateBytes: number
  readonly lastError?: { readonly at: number; readonly detail: string }
  /** Event time of the newest item, and when the last one was stored. */
  readonly newestAt?: number
  readonly lastItemAt?: number
}

/** A rule stopped. It is the author of this program who has to know, not that of the rule. */
export interface Defect {
  readonly tenant: string
  readonly rule: string
  readonly detail: string
}

export interface GroupFigures {
  readonly fingerprint: string
  readonly labels: Readonly<Record<string, string>>
  readonly state: Transition["to"]
  readonly since: number
  readonly at: number
  readonly value?: number
  readonly values: Readonly<Record<string, number>>
}

/** An item that came when its group was further already. */
export interface Lateness {
  /** The event time to which the group had come. */
  readonly watermark: number
  /** A window counted it all the same. */
  readonly isCounted: boolean
}

/** One evaluation, told to who asked for an explanation. */
export interface Step {
  readonly at: number
  readonly sequence: number
  readonly fingerprint: string
  readonly labels: Readonly<Record<string, string>>
  readonly item?: Item
  readonly late?: Lateness
  readonly passedFilter: boolean
  readonly values: Readonly<Record<string, number>>
  readonly findings: ReadonlyArray<Finding>
  /** Of a pattern: what the item came to for each stage that could take it. */
  readonly stages: ReadonlyArray<StageLook>
  readonly deaths: ReadonlyArray<Death>
  readonly partialMatches: number
  readonly awaited: ReadonlyArray<Awaited>
  readonly before: Transition["to"]
  readonly after: Transition["to"]
  readonly detail?: string
}

/** The state of an evaluator at one moment, which becomes bytes bit by bit while the evaluator goes on. */
export interface Capture {
  /** Goes on for about so many bytes; true when all is written. */
  readonly step: (bytes: number) => boolean
  /** Of what is written, in order. Together they are the state. */
  readonly parts: () => ReadonlyArray<Uint8Array>
}

/** A state that becomes an evaluator bit by bit. Errors: throws where the bytes are no state, or that of a newer release. */
export interface Reading {
  /** Goes on for about so many bytes; undefined until all is read. */
  readonly step: (bytes: number) => Evaluator | undefined
}

export interface Evaluator {
  readonly change: (change: RuleChange, place: Place) => void
  /**
   * Like `change`, unless it begins a rule anew whose state depends on its past: then everything stays as it is until the
   * change is adopted or another one comes.
   */
  readonly announce: (change: RuleChange, place: Place) => void
  /** Changes that wait, by tenant and rule, in the order in which they were announced. */
  readonly awaiting: () => ReadonlyMap<string, ReadonlyMap<string, AwaitedChange>>
  /**
   * Makes changes that wait, all of one tenant, with the groups of an evaluator of the same lane that was given them and
   * then the past of their inputs. What that one said is not said again: only what pends or fires now is told, with numbers
   * of this place.
   */
  readonly adopt: (awaited: ReadonlyArray<AwaitedChange>, place: Place, past: Evaluator) => void
  readonly samples: (tenant: string, columns: SampleColumns, place: Place) => void
  readonly events: (tenant: string, events: ReadonlyArray<CepEvent>, place: Place) => void
  /** Time passes: what waits for event time that nobody's items bring on. Once a second per lane. */
  readonly tick: (place: Place) => void
  /** When, by the log's time, a tick may bring something about; Infinity when nothing waits. Ticks before it do nothing. */
  readonly nextDue: () => number
  /** Hands over and forgets what came of the calls since the last time, in order. */
  readonly take: () => ReadonlyArray<Output>
  /** Hands over and forgets what stopped since the last time; it is to be logged. */
  readonly defects: () => ReadonlyArray<Defect>
  readonly rules: () => ReadonlyArray<{
    readonly tenant: string
    readonly rule: string
    readonly number: number
    readonly document: RuleDocument
  }>
  readonly figures: (tenant: string, rule: string) => RuleFigures | undefined
  /** All, or as many as `most`. */
  readonly groups: (tenant: string, rule: string, most?: number) => ReadonlyArray<GroupFigures>
  /** Everything of it as of now, to be read by `readingOf` of the same or a later release. One at a time: another ends it. */
  readonly capture: () => Capture
  /** Metrics and types of events that its rules look at, per tenant. */
  readonly wanted: () => ReadonlyArray<{
    readonly tenant: string
    readonly name: string
    readonly isEvent: boolean
  }>
}

export interface EvaluatorOptions {
  readonly lane: number
  /** Told of each evaluation, for explanations. Costs much: never in a lane. */
  readonly onStep?: (step: Step) => void
}
