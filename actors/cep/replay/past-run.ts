/**
 * One rule over messages of the past: the evaluator that lanes run, with what comes of it collected and nothing sent. Time
 * does not pass second by second: it goes from one moment at which something is due to the next.
 */
import type { CepEvent, RuleDocument } from "../../../schemas/index.ts"
import type { Output, Place, RuleFigures, SampleColumns, Step } from "../evaluator.ts"
import { makeEvaluator } from "../make-evaluator.ts"

/** Of one tenant, in the order in which they were stored. */
export type PastMessage =
  | { readonly place: Place; readonly columns: SampleColumns }
  | { readonly place: Place; readonly events: ReadonlyArray<CepEvent> }

/** A rule that is tried, whether or not it lives. */
export interface PastRule {
  readonly tenant: string
  readonly rule: string
  readonly version: number
  readonly document: RuleDocument
}

export class PastRun {
  private readonly rule: PastRule
  private readonly evaluator
  private readonly hear: (outputs: ReadonlyArray<Output>, storedAt: number) => void
  private sequence = 0
  private isBegun = false

  /** Gotcha: the document must compile. `hear` is told what comes of each message or moment, and when that was stored. */
  constructor(
    rule: PastRule,
    hear: (outputs: ReadonlyArray<Output>, storedAt: number) => void,
    onStep?: (step: Step) => void,
  ) {
    this.rule = rule
    this.hear = hear
    this.evaluator = makeEvaluator({ lane: 0, ...(onStep === undefined ? {} : { onStep }) })
  }

  offer(message: PastMessage): void {
    const { place } = message
    const { tenant } = this.rule
    if (!this.isBegun) this.begin(place)
    this.passUntil(place.at - 1)
    this.sequence = Math.max(this.sequence, place.sequence)
    if ("columns" in message) this.evaluator.samples(tenant, message.columns, place)
    else this.evaluator.events(tenant, message.events, place)
    this.tellAll(place.at)
  }

  private begin({ sequence, at }: Place): void {
    this.isBegun = true
    const { document, ...rule } = this.rule
    const { enabled: _, ...enabled } = document
    this.evaluator.change({ ...rule, number: 1, document: enabled }, { sequence, at })
  }

  /** Time passes to there without a message. */
  passUntil(at: number): void {
    for (;;) {
      const due = Math.ceil(this.evaluator.nextDue())
      if (due > at) return
      this.evaluator.tick({ sequence: this.sequence, at: due })
      this.tellAll(due)
    }
  }

  private tellAll(storedAt: number): void {
    const outputs = this.evaluator.take()
    if (outputs.length > 0) this.hear(outputs, storedAt)
  }

  get figures(): RuleFigures | undefined {
    return this.evaluator.figures(this.rule.tenant, this.rule.rule)
  }
}
