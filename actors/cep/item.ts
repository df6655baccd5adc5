/** What rules look at, one at a time: a sample of a metric, or an event. */
import type { EventAttributes, Labels } from "../../schemas/index.ts"

/** Who a sample belongs to. One object per series as long as it is in memory: compare by identity. */
export interface Series {
  /** Canonical and unique within a tenant: JSON of the name and then each label's name and value, sorted. */
  readonly text: string
  readonly name: string
  readonly labels: Labels
}

export interface Item {
  /** Name of the metric or type of the event. */
  readonly name: string
  readonly isEvent: boolean
  /** Of an event: its attributes as texts, for grouping and `where`. */
  readonly labels: Labels
  /** Empty for samples. */
  readonly attributes: EventAttributes
  /** NaN for events. */
  readonly value: number
  /** Event time. */
  readonly at: number
}
