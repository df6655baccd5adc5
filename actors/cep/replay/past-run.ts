/**
 * One rule over messages of the past: the evaluator that lanes run, with what comes of it collected and nothing sent. Time
 * does not pass second by second: it goes from one moment at which something is due to the next.
 */
import type { CepEvent, RuleDocument } from "../../../schemas/index.ts"
import type { Output, Place, RuleChange, RuleFigures, SampleColumns, Step } from "../evaluator.ts"
import { alertReachMs } from "../lane-changes.ts"
import { type LaneEvaluator, makeEvaluator } from "../make-evaluator.ts"
import { compatibility } from "../rule/compatibility.ts"
import { compileRule } from "../rule/compile-rule.ts"

/** Of one tenant, in the order in which they were stored. */
export type PastMessage =
  | { readonly place: Place; readonly columns: SampleColumns }
  | { readonly place: Place; readonly events: ReadonlyArray<CepEvent> }

/** A document of a rule, and from when on it counts, by the time at which messages are stored. */
export interface PastVersion {
  readonly version: number
  readonly document: RuleDocument
  readonly at: number
}

/** A rule that is tried, whether or not it lives. */
export interface PastRule {
  readonly tenant: string
  readonly rule: string
  readonly version: number
  readonly document: RuleDocument
  /** When it was made; absent: before everything that comes. */
  readonly madeAt?: number
  /** What came after its document, oldest first. */
  readonly later?: ReadonlyArray<PastVersion>
}

export interface Listener {
  /** What comes of each message or moment, and when that was stored. */
  readonly hear: (outputs: ReadonlyArray<Output>, storedAt: number) => void
  /** Before its first step: a version counts now, and what it changed at once. */
  readonly onVersion?: (version: PastVersion, outputs: ReadonlyArray<Output>) => void
  readonly onStep?: (step: Step) => void
}

/** What the past makes of a rule that begins anew, from so long before its change on. */
interface Aside {
  readonly reachMs: number
  evaluator: LaneEvaluator | undefined
}

/** A change that is to come. How far back its past is needed shows only then: as far as it reaches, or alerts do. */
interface Coming {
  readonly version: PastVersion
  readonly change: RuleChange
  readonly asides: ReadonlyArray<Aside>
}

/** Time passes to there. */
const pass = (evaluator: LaneEvaluator, sequence: number, at: number): void => {
  for (let due = Math.ceil(evaluator.nextDue()); due <= at; due = Math.ceil(evaluator.nextDue()))
    evaluator.tick({ sequence, at: due })
}

export class PastRun {
  private readonly rule: PastRule
  private readonly evaluator: LaneEvaluator
  private readonly listener: Listener
  private readonly coming: Array<Coming>
  private sequence = 0
  private isBegun = false

  /** Gotcha: documents must compile. */
  constructor(rule: PastRule, listener: Listener) {
    this.rule = rule
    this.listener = listener
    const { onStep } = listener
    this.evaluator = makeEvaluator({ lane: 0, ...(onStep === undefined ? {} : { onStep }) })
    const { later = [] } = rule
    this.coming = later.map((version, index) =>
      this.comingOf(version, index + 2, later[index - 1]?.document ?? rule.document),
    )
  }

  /** Numbers grow: the first document has 1. */
  private comingOf(version: PastVersion, number: number, before?: RuleDocument): Coming {
    const change = this.changeTo(version, number)
    if (before !== undefined && compatibility(before, version.document).keepsState)
      return { version, change, asides: [] }
    const compiled = compileRule(this.rule.rule, version.version, change.document!)
    const reachMs = "program" in compiled ? compiled.program.reachMs : 0
    const reaches = number === 1 ? [reachMs] : [...new Set([reachMs, Math.max(reachMs, alertReachMs)])]
    const asides = reaches.map((reachMs) => ({ reachMs, evaluator: undefined }))
    return { version, change, asides }
  }

  private changeTo({ version, document }: Omit<PastVersion, "at">, number: number): RuleChange {
    const { tenant, rule } = this.rule
    const { enabled: _, ...enabled } = document
    return { tenant, rule, version, number, document: enabled }
  }

  offer(message: PastMessage): void {
    const { place } = message
    if (!this.isBegun) this.begin(place)
    this.passUntil(place.at - 1)
    this.sequence = Math.max(this.sequence, place.sequence)
    this.give(this.evaluator, message)
    for (const coming of this.coming) {
      for (const aside of coming.asides) {
        if (place.at < coming.version.at - aside.reachMs) continue
        const evaluator = this.evaluatorOf(coming, aside, place)
        pass(evaluator, this.sequence, place.at - 1)
        this.give(evaluator, message)
        evaluator.take()
      }
    }
    this.tellAll(place.at)
  }

  private give(evaluator: LaneEvaluator, message: PastMessage): void {
    const { tenant } = this.rule
    if ("columns" in message) evaluator.samples(tenant, message.columns, message.place)
    else evaluator.events(tenant, message.events, message.place)
  }

  /** As a lane makes up for the past of a rule that begins anew. What it says on the way is not said. */
  private evaluatorOf(coming: Coming, aside: Aside, { sequence, at }: Place): LaneEvaluator {
    if (aside.evaluator !== undefined) return aside.evaluator
    const { onStep } = this.listener
    // Of a rule that was not there before these are its own evaluations.
    const isFirst = coming.change.number === 1
    aside.evaluator = makeEvaluator({ lane: 0, ...(isFirst && onStep !== undefined ? { onStep } : {}) })
    aside.evaluator.change(coming.change, { sequence, at })
    return aside.evaluator
  }

  private begin({ sequence, at }: Place): void {
    this.isBegun = true
    const { madeAt, version, document } = this.rule
    if (madeAt !== undefined && madeAt > at) {
      this.coming.unshift(this.comingOf({ version, document, at: madeAt }, 1))
    } else this.evaluator.change(this.changeTo(this.rule, 1), { sequence, at })
  }

  /** Time passes to there without a message. */
  passUntil(at: number): void {
    for (;;) {
      const due = Math.ceil(this.evaluator.nextDue())
      const coming = this.coming[0]
      if (coming !== undefined && coming.version.at <= Math.min(due, at)) this.turnTo(coming)
      else if (due <= at) {
        this.evaluator.tick({ sequence: this.sequence, at: due })
        this.tellAll(due)
      } else return
    }
  }

  private turnTo(coming: Coming): void {
    this.coming.shift()
    const { version, change, asides } = coming
    const place = { sequence: this.sequence, at: version.at }
    this.evaluator.announce(change, place)
    const awaited = this.evaluator.awaiting().get(change.tenant)?.get(change.rule)
    const aside = asides.find(({ reachMs }) => reachMs === awaited?.reachMs)
    if (awaited !== undefined && aside !== undefined) {
      const past = this.evaluatorOf(coming, aside, place)
      pass(past, this.sequence, version.at)
      this.evaluator.adopt([awaited], place, past)
    }
    const outputs = this.evaluator.take()
    this.listener.onVersion?.(version, outputs)
    if (outputs.length > 0) this.listener.hear(outputs, version.at)
  }

  private tellAll(storedAt: number): void {
    const outputs = this.evaluator.take()
    if (outputs.length > 0) this.listener.hear(outputs, storedAt)
  }

  get figures(): RuleFigures | undefined {
    return this.evaluator.figures(this.rule.tenant, this.rule.rule)
  }
}
