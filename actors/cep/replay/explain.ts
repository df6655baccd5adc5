/**
 * Why a rule fired at a time, or why it did not: its evaluations around that time, with what each comparison came to and by
 * how much it failed, which partial matches died and why, as data and in plain sentences.
 */
import type { AlertState, Labels } from "../../../schemas/index.ts"
import type { Step } from "../evaluator.ts"
import { type PastMessage, type PastRule, PastRun } from "./past-run.ts"
import { sentencesOf, summaryOf } from "./sentences.ts"

/** Evaluations of one group that are told from before the time, and from after it. */
export const stepsBeforeMax = 20
export const stepsAfterMax = 5
/** Groups of which anything is kept, and that are told. */
const groupsKeptMax = 10_000
export const toldGroupsMax = 20

export interface ExplainedStep extends Step {
  readonly sentences: ReadonlyArray<string>
}

export interface ExplainedGroup {
  readonly fingerprint: string
  readonly labels: Labels
  /** At the time that was asked about. */
  readonly state: AlertState
  /** Event time: since when it was in that state. */
  readonly since?: number
  readonly summary: string
  readonly steps: ReadonlyArray<ExplainedStep>
}

export interface Explanation {
  readonly rule: string
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
}

interface Kept {
  readonly labels: Labels
  readonly before: Array<Step>
  readonly after: Array<Step>
  state: AlertState
  since: number | undefined
}

const rank: Readonly<Record<AlertState, number>> = {
  firing: 0,
  error: 1,
  no_data: 2,
  pending: 3,
  resolved: 4,
  inactive: 5,
}

export class Explainer {
  private readonly options: ExplainOptions
  private readonly run: PastRun
  private readonly kept = new Map<string, Kept>()

  constructor(options: ExplainOptions) {
    this.options = options
    const { tenant, rule, version, document } = options
    this.run = new PastRun(
      { tenant, rule, version, document },
      () => undefined,
      (step) => this.keep(step),
    )
  }

  /** Messages as for a back-test, from before the time to some time after it. */
  offer(message: PastMessage): void {
    this.run.offer(message)
  }

  /** `until`: by the time at which messages were stored. */
  finish(until: number): Explanation {
    this.run.passUntil(until)
    const { rule, version, at } = this.options
    const groups = [...this.kept].map(([fingerprint, kept]) => this.explained(fingerprint, kept))
    const told = groups.sort(nearest(at)).slice(0, toldGroupsMax)
    const summary =
      told[0]?.summary ??
      "Nothing that this rule looks at came before or at that time, so nothing was evaluated: see its trigger, where and group."
    return { rule, version, at, summary, groups: told, otherGroups: groups.length - told.length }
  }

  private explained(fingerprint: string, kept: Kept): ExplainedGroup {
    const { document, at } = this.options
    const steps = [...kept.before, ...kept.after]
    return {
      fingerprint,
      labels: kept.labels,
      state: kept.state,
      ...(kept.since === undefined ? {} : { since: kept.since }),
      summary: summaryOf(document, at, kept.state, kept.since, kept.before),
      steps: steps.map((step) => ({ ...step, sentences: sentencesOf(document, step) })),
    }
  }

  private keep(step: Step): void {
    if (!this.isAsked(step.labels)) return
    const known = this.kept.get(step.fingerprint)
    if (known === undefined && this.kept.size >= groupsKeptMax) return
    const kept = known ?? { labels: step.labels, before: [], after: [], state: "inactive", since: undefined }
    this.kept.set(step.fingerprint, kept)
    if (step.at > this.options.at) {
      if (kept.after.length < stepsAfterMax) kept.after.push(step)
      return
    }
    kept.before.push(step)
    if (kept.before.length > stepsBeforeMax) kept.before.shift()
    // What came late says what the alert is when its group had come to, which may be after that time.
    if (step.late !== undefined && step.late.watermark > this.options.at) return
    if (step.after !== step.before) kept.since = step.at
    kept.state = step.after
  }

  private isAsked(labels: Labels): boolean {
    return Object.entries(this.options.group ?? {}).every(([name, value]) => labels[name] === value)
  }
}

/** First those that were in the gravest state, then those in which something was evaluated last. */
const nearest =
  (at: number) =>
  (one: ExplainedGroup, other: ExplainedGroup): number => {
    const lastOf = ({ steps }: ExplainedGroup) => steps.findLast((step) => step.at <= at)?.at ?? 0
    return rank[one.state] - rank[other.state] || lastOf(other) - lastOf(one)
  }
