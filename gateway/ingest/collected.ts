/** What came in over a foreign format: the samples that can be taken, and how many others for which reason. */
import * as Schema from "effect/Schema"
import { LabelName, Labels, MetricName, type Sample } from "../../schemas/index.ts"

/** Samples of one request over a foreign format. */
export const foreignSamplesMax = 50_000
export const foreignLabelsMax = 64

const isMetricName = Schema.is(MetricName)
const isLabelName = Schema.is(LabelName)
const isLabels = Schema.is(Labels)

export class TooManySamples extends Error {
  override readonly name = "TooManySamples"
}

/** A name as metrics may have it: what else there is becomes `_`. */
export const metricNameOf = (text: string): string => {
  const name = text.replaceAll(/[^a-zA-Z0-9_:]/gu, "_")
  return /^[0-9]/u.test(name) ? `_${name}` : name
}

export class Collected {
  readonly samples: Array<Sample> = []
  /** How many were left out, by reason. */
  readonly refused = new Map<string, number>()

  get refusedCount(): number {
    return [...this.refused.values()].reduce((sum, count) => sum + count, 0)
  }

  refuse(reason: string, count = 1): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + count)
  }

  /** Undefined, and why is noted, for a series that nobody may have. `count`: how many samples go with it. */
  series(
    name: string,
    labels: Labels,
    count: number,
  ): { readonly name: string; readonly labels: Labels } | undefined {
    if (!isMetricName(name)) this.refuse("the metric has no name that is allowed", count)
    else if (Object.keys(labels).length > foreignLabelsMax)
      this.refuse(`a series has more than ${foreignLabelsMax} labels`, count)
    else if (!Object.keys(labels).every((label) => isLabelName(label)))
      this.refuse("a label has no name that is allowed", count)
    else if (!isLabels(labels)) this.refuse("a label's value is too long", count)
    else return { name, labels }
    return undefined
  }

  /** Times in milliseconds. Errors: throws `TooManySamples`. */
  add(series: { readonly name: string; readonly labels: Labels }, value: number, at: number): void {
    if (this.samples.length >= foreignSamplesMax) throw new TooManySamples()
    if (!Number.isFinite(value)) this.refuse("the value is not finite")
    else if (!Number.isFinite(at) || at < 0) this.refuse("the time is none")
    else this.samples.push({ ...series, value, at })
  }

  /** For people: which reasons, how often. */
  get complaint(): string {
    return [...this.refused].map(([reason, count]) => `${count}: ${reason}`).join("; ")
  }
}
