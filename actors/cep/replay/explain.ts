/**
 * Why a rule fired at a time, or why it did not: its evaluations around that time, with what each comparison came to and by
 * how much it failed, which partial matches died and why, as data and in plain sentences. Each evaluation is under the
 * document that the rule had when its message was stored. What the alert desk recorded is what happened: where the
 * evaluations come to something else, that is said.
 */
import type { AlertState, Labels, RuleDocument, Transition } from "../../../schemas/index.ts"
import type { Output, Step } from "../evaluator.ts"
import { modeOf } from "../rule/mode.ts"
import {
  agrees,
  type DeskAlert,
  type DeskRecord,
  type DeskState,
  deskStateAt,
  mayBeBehind,
} from "./desk-record.ts"
import { type PastMessage, type PastRule, PastRun, type PastVersion } from "./past-run.ts"
import { sentencesOf } from "./sentences.ts"
import { nothingSentence, summaryOf } from "./summary.ts"

/** Evaluations of one group that are told from before the time, and from after it. */
export const stepsBeforeMax = 20
export const stepsAfterMax = 5
/** Groups of which anything is kept, and that are told. */
const groupsKeptMax = 10_000
export const toldGroupsMax = 20
/** Changes of the rule that are told of one group: the last ones. */
const toldVersionsMax = 5

export interface ExplainedStep extends Step {
  /** Of the document. */
  readonly version: number
  readonly sentences: ReadonlyArray<string>
}

/** A change of the rule, and into what it brought the alert, if it did. */
export interface ExplainedVersion {
  readonly version: number
  /** When it was stored, or of what it did to the alert, the event time. */
  readonly at: number
  readonly to?: AlertState
}

export interface ExplainedGroup {
  readonly fingerprint: string
  readonly labels: Labels
  /** At the time that was asked about, as the stored messages make it. */
  readonly state: AlertState
  /** Event time: since when it was in that state. */
  readonly since?: number
  /** As the alert desk recorded it; absent: it knew nothing of it then, or was not asked. */
  readonly desk?: DeskState & { readonly agrees: boolean }
  readonly versions: ReadonlyArray<ExplainedVersion>
  readonly summary: string
  readonly steps: ReadonlyArray<ExplainedStep>
}

export interface Explanation {
  readonly rule: string
  /** That counted at the time. */
  readonly version: number
  readonly at: number
  /** In one sentence, of the group in which most happened closest to that time. */
  readonly summary: string
  readonly groups: ReadonlyArray<ExplainedGroup>
  /** Groups that were there and are not told. */
  readonly otherGroups: number
}

export interface ExplainOptions extends PastRule {
  /** Event time. */
  readonly at: number
  /** Only groups that have these labels. */
  readonly group?: Labels
  /** What the alert desk recorded of them; absent: it was not asked. */
  readonly desk?: DeskRecord
  /** The rule was made after the time: it is told what it would have said. */
  readonly isBeforeRule?: boolean
}

interface Kept {
  readonly labels: Labels
  readonly before: Array<ExplainedStep>
  readonly after: Array<ExplainedStep>
  readonly versions: Array<ExplainedVersion>
  state: AlertState
  since: number | undefined
  /** With which it came into its state. */
  cause: ExplainedStep | undefined
  /** Of a rule without states: when it matched last. */
  matchedAt: number | undefined
}

const rank: Readonly<Record<AlertState, number>> = {
  firing: 0,
  error: 1,
  no_data: 2,
  pending: 3,
  resolved: 4,
  inactive: 5,
}

const keptOf = (labels: Labels): Kept => ({
  ...{ labels, before: [], after: [], versions: [], state: "inactive" },
  ...{ since: undefined, cause: undefined, matchedAt: undefined },
})

export class Explainer {
  private readonly options: ExplainOptions
  private readonly run: PastRun
  private readonly kept = new Map<string, Kept>()
  private readonly versions: Array<PastVersion> = []
  private document: RuleDocument
  private version: number
  /** Of the document that counted at the time, or under which what came of it later was evaluated. */
  private versionThen: number
  private readFrom: number | undefined
  private storedAt = 0
  /** When the last item of that time was stored. */
  seenAt: number | undefined

  constructor(options: ExplainOptions) {
    this.options = options
    this.document = options.document
    this.version = options.version
    this.versionThen = options.version
    this.run = new PastRun(options, {
      hear: (outputs) => this.hear(outputs),
      onVersion: (version, outputs) => this.turn(version, outputs),
      onStep: (step) => this.keep(step),
    })
  }

  /** Messages as for a back-test, from before the time to some time after it. */
  offer(message: PastMessage): void {
    this.readFrom ??= message.place.at
    this.storedAt = message.place.at
    this.run.offer(message)
  }

  /** `until`: by the time at which messages were stored; `from` likewise, where reading began. */
  finish(until: number, from?: number): Explanation {
    this.run.passUntil(until)
    const { rule, at } = this.options
    const groups = [...this.kept].map(([fingerprint, kept]) => this.explained(fingerprint, kept))
    const alone = (this.options.desk?.alerts ?? []).flatMap((alert) => this.onlyOfDesk(alert))
    const all = [...groups, ...alone].sort(nearest(at))
    const told = all.slice(0, toldGroupsMax)
    const summary = told[0]?.summary ?? nothingSentence(this.readFrom ?? from, at)
    return {
      ...{ rule, version: this.versionThen, at, summary, groups: told },
      otherGroups: all.length - told.length,
    }
  }

  /** Nothing of it was evaluated, but the desk has it. */
  private onlyOfDesk(alert: DeskAlert): ReadonlyArray<ExplainedGroup> {
    const { fingerprint, labels } = alert
    if (this.kept.has(fingerprint) || !this.isAsked(labels)) return []
    const desk = deskStateAt(alert, this.options.at)
    if (desk === undefined || desk.state === "inactive") return []
    const versions = this.versions.map(({ version, at }) => ({ version, at }))
    const kept = { ...keptOf(labels), versions, state: desk.state, since: desk.since }
    return [this.explained(fingerprint, kept)]
  }

  private explained(fingerprint: string, kept: Kept): ExplainedGroup {
    const { at, desk: record, isBeforeRule = false } = this.options
    const alert = record?.alerts.find((one) => one.fingerprint === fingerprint)
    const { labels, state, since, before, after, cause, matchedAt } = kept
    const desk = alert === undefined ? undefined : deskStateAt(alert, at)
    // Of a time at which the rule was not there the desk can know nothing.
    const isRecorded = record !== undefined && (desk !== undefined || (alert ?? record).isWhole)
    const isCompared = isRecorded && !isBeforeRule && modeOf(this.document) === "alert"
    const changes = kept.versions.slice(-toldVersionsMax)
    const summary = summaryOf({
      ...{
        document: this.document,
        at,
        state,
        since,
        steps: before,
        cause,
        matchedAt,
        changes,
        isBeforeRule,
      },
      ...(isCompared ? { desk, quietBy: alert?.quietBy ?? [], readFrom: this.readFrom } : {}),
      isBehind: record !== undefined && mayBeBehind(record, at),
      ...{ isCompared, agrees: !isCompared || agrees(desk, state) },
    })
    return {
      ...{ fingerprint, labels, state, versions: changes, summary, steps: [...before, ...after] },
      ...(since === undefined ? {} : { since }),
      ...(desk === undefined || !isCompared ? {} : { desk: { ...desk, agrees: agrees(desk, state) } }),
    }
  }

  private find(fingerprint: string, labels: Labels): Kept | undefined {
    const known = this.kept.get(fingerprint)
    if (known !== undefined || this.kept.size >= groupsKeptMax) return known
    const kept = keptOf(labels)
    kept.versions.push(...this.versions.map(({ version, at }) => ({ version, at })))
    this.kept.set(fingerprint, kept)
    return kept
  }

  private keep(told: Step): void {
    if (!this.isAsked(told.labels)) return
    const kept = this.find(told.fingerprint, told.labels)
    if (kept === undefined) return
    const step = { ...told, version: this.version, sentences: sentencesOf(this.document, told) }
    if (step.at > this.options.at) {
      if (kept.after.length < stepsAfterMax) kept.after.push(step)
      return
    }
    if (step.item !== undefined) {
      this.seenAt = this.storedAt
      this.versionThen = this.version
    }
    kept.before.push(step)
    if (kept.before.length > stepsBeforeMax) kept.before.shift()
    // What came late says what the alert is when its group had come to, which may be after that time.
    if (step.late !== undefined && step.late.watermark > this.options.at) return
    if (step.after !== step.before) this.enter(kept, step.after, step.at, step)
    kept.state = step.after
  }

  private enter(kept: Kept, state: AlertState, at: number, cause: ExplainedStep | undefined): void {
    kept.state = state
    kept.since = at
    kept.cause = cause
  }

  /** A rule without states says nothing else. */
  private hear(outputs: ReadonlyArray<Output>): void {
    for (const transition of transitionsOf(outputs)) {
      if (transition.cause !== "matched" || transition.at > this.options.at) continue
      const kept = this.kept.get(transition.fingerprint)
      if (kept !== undefined) kept.matchedAt = transition.at
    }
  }

  private turn(version: PastVersion, outputs: ReadonlyArray<Output>): void {
    this.document = version.document
    this.version = version.version
    if (version.at <= this.options.at) {
      this.versionThen = version.version
      this.versions.push(version)
    }
    const changed = new Map(transitionsOf(outputs).map((one) => [one.fingerprint, one]))
    for (const { fingerprint, labels } of changed.values())
      if (this.isAsked(labels)) this.find(fingerprint, labels)
    for (const [fingerprint, kept] of this.kept) {
      const transition = changed.get(fingerprint)
      if ((transition?.at ?? version.at) > this.options.at) continue
      const to = transition === undefined ? {} : { to: transition.to }
      const known = kept.versions.findIndex((one) => one.version === version.version)
      if (known >= 0) kept.versions.splice(known, 1)
      kept.versions.push({ version: version.version, at: version.at, ...to })
      if (transition !== undefined) this.enter(kept, transition.to, transition.at, undefined)
    }
  }

  private isAsked(labels: Labels): boolean {
    return Object.entries(this.options.group ?? {}).every(([name, value]) => labels[name] === value)
  }
}

const transitionsOf = (outputs: ReadonlyArray<Output>): ReadonlyArray<Transition> =>
  outputs.flatMap((output) => (output.type === "transition" ? [output.transition] : []))

/** First those that were in the gravest state, then those in which something was evaluated last. */
const nearest =
  (at: number) =>
  (one: ExplainedGroup, other: ExplainedGroup): number => {
    const lastOf = ({ steps }: ExplainedGroup) => steps.findLast((step) => step.at <= at)?.at ?? 0
    const rankOf = ({ desk, state }: ExplainedGroup) => Math.min(rank[state], rank[desk?.state ?? "inactive"])
    return rankOf(one) - rankOf(other) || lastOf(other) - lastOf(one)
  }
