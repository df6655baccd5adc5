/** A lane with rules, told of samples, events and time one at a time; what it says is kept. */

import type { EvaluatorOptions, Output } from "../../../../../actors/cep/evaluator.ts"
import { type LaneEvaluator, makeEvaluator, readingOf } from "../../../../../actors/cep/make-evaluator.ts"
import type { CepEvent, Labels, RuleDocument, Transition } from "../../../../../schemas/index.ts"
import { seriesText } from "../../../../../streams/index.ts"

export const tenant = "acme"
export const start = 1_700_000_000_000

export { seriesText as textOfSeries } from "../../../../../streams/index.ts"

/** At once, as no lane does it. */
export const stateOf = (evaluator: LaneEvaluator): Uint8Array => {
  const capture = evaluator.capture()
  capture.step(Number.POSITIVE_INFINITY)
  return Buffer.concat(capture.parts())
}
export const readEvaluator = (state: Uint8Array, options: EvaluatorOptions): LaneEvaluator =>
  readingOf(state, options).step(Number.POSITIVE_INFINITY) as LaneEvaluator

export class RuleLane {
  evaluator
  sequence = 0
  outputs: Array<Output> = []
  private number = 0
  private readonly options: EvaluatorOptions

  constructor(options: Partial<EvaluatorOptions> = {}) {
    this.options = { lane: 3, ...options }
    this.evaluator = makeEvaluator(this.options)
  }

  private place(seconds: number) {
    this.sequence += 1
    return { sequence: this.sequence, at: start + seconds * 1_000 }
  }

  private collect(): this {
    this.outputs.push(...this.evaluator.take())
    return this
  }

  rule(rule: string, document: RuleDocument | undefined, seconds = 0): this {
    this.number += 1
    const change = { tenant, rule, number: this.number, version: this.number }
    this.evaluator.change({ ...change, ...(document === undefined ? {} : { document }) }, this.place(seconds))
    return this.collect()
  }

  /** Measured at `seconds`, and stored then if nothing else is said. */
  sample(value: number, seconds: number, labels: Labels = {}, storedAt = seconds, name = "cpu"): this {
    const columns = {
      series: [seriesText(name, labels)],
      seriesOf: new Uint32Array([0]),
      values: new Float64Array([value]),
      times: new Float64Array([start + seconds * 1_000]),
    }
    this.evaluator.samples(tenant, columns, this.place(storedAt))
    return this.collect()
  }

  event(
    type: string,
    seconds: number,
    attributes: CepEvent["attributes"] = {},
    more: Partial<CepEvent> = {},
  ): this {
    const event = { id: `e${this.sequence}`, type, at: start + seconds * 1_000, attributes, ...more }
    this.evaluator.events(tenant, [event], this.place(seconds))
    return this.collect()
  }

  tick(seconds: number): this {
    this.evaluator.tick(this.place(seconds))
    return this.collect()
  }

  /** A tick a second. */
  ticks(from: number, to: number): this {
    for (let seconds = from; seconds <= to; seconds++) this.tick(seconds)
    return this
  }

  /** Another node takes over. */
  reopen(): this {
    this.evaluator = readEvaluator(stateOf(this.evaluator), this.options)
    return this
  }

  get transitions(): ReadonlyArray<Transition> {
    return this.outputs.flatMap((output) => (output.type === "transition" ? [output.transition] : []))
  }

  get published(): ReadonlyArray<CepEvent> {
    return this.outputs.flatMap((output) => (output.type === "event" ? [output.event] : []))
  }

  /** What was said since the last time, as `state@second`. */
  said(): ReadonlyArray<string> {
    const said = this.transitions.map(({ to, cause, at, severity }) => {
      const marks = cause === "condition" ? "" : cause === "severity" ? `:${severity}` : `:${cause}`
      return `${to}${marks}@${(at - start) / 1_000}`
    })
    this.outputs = []
    return said
  }
}

/** A rule over the metric `cpu`, one state per host. */
export const cpuRule = (more: Partial<RuleDocument> = {}): RuleDocument => ({
  name: "CPU is busy",
  trigger: { type: "metric", metric: "cpu" },
  condition: "value > 90",
  ...more,
})
