/**
 * Aggregates over windows of one group of one rule. Items come in order of event time, but for late ones. The cost of an
 * item must not grow with the length of a window, and memory is bounded by the limits below.
 */
import type { AggregateFunction } from "../../../schemas/index.ts"
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { HeldBytes } from "../held-bytes.ts"

/** A window with its times in milliseconds. */
export type WindowSpec =
  | { readonly type: "tumbling"; readonly sizeMs: number }
  | { readonly type: "hopping"; readonly sizeMs: number; readonly slideMs: number }
  | { readonly type: "sliding"; readonly sizeMs: number }
  | { readonly type: "session"; readonly gapMs: number; readonly sizeMaxMs: number }
  | { readonly type: "count"; readonly count: number; readonly slide: number }

export interface AggregateSpec {
  readonly function: AggregateFunction
  readonly window: WindowSpec
  /** Above 0 and below 1. */
  readonly quantile?: number
  /** Which input of the rule feeds it; items of other inputs pass it by. */
  readonly input: number
}

export interface AggregatesPlan {
  /** In the order of the slots. */
  readonly specs: ReadonlyArray<AggregateSpec>
  readonly allowedLatenessMs: number
  /** The longest time back that a result depends on: from there a stream is replayed to fill the windows. */
  readonly reachMs: number
  /**
   * Whether results change with each item, as those of sliding windows and of windows by count without a slide do; else
   * only when `closed` is called.
   */
  readonly changesWithItems: boolean
  /** `held` is what all groups of the rule hold together. */
  readonly make: (held: HeldBytes) => Aggregates
  /** Reads what `encode` wrote for the same specs. */
  readonly decode: (reader: ByteReader, held: HeldBytes) => Aggregates
}

/** Of one group. Results: a slot has NaN while there is none. Event-time windows have the result of the last that closed. */
export interface Aggregates {
  /**
   * Takes an item that is not older than any before. `text` is what `distinct` counts. Before it counts, windows that end
   * at or before its time are closed: `closed` is called with the end of each, in order, when the results are up to date.
   * A window by count with a slide calls it afterwards, with the time of the item that gave its result. A sliding window
   * has no end; it is closed at the latest a sixteenth of its size after its oldest item should have left, so that it
   * does not keep its result when no items come. Windows without items are not closed.
   */
  readonly add: (
    input: number,
    at: number,
    value: number,
    text: string | undefined,
    closed: (end: number) => void,
  ) => void
  /**
   * An item behind the watermark. Tumbling and hopping windows take it until the allowed lateness after their end, and
   * sessions while they are open; for those that had closed `closed` is called again with their end and their result, and
   * afterwards the results are again those of the newest. False when no window took it: it is lost.
   */
  readonly addLate: (
    input: number,
    at: number,
    value: number,
    text: string | undefined,
    closed: (end: number) => void,
  ) => boolean
  /** Time moves on without an item. */
  readonly advance: (watermark: number, closed: (end: number) => void) => void
  /** The event time from which on `advance` would close something; Infinity when nothing is open. */
  readonly nextDue: () => number
  /** Puts the current results into `into` from its slot 0 on. */
  readonly read: (into: Float64Array) => void
  /** It is not needed any more: others may hold what it held. */
  readonly release: () => void
  readonly encode: (writer: ByteWriter) => void
  /** About how much it holds. */
  readonly bytes: () => number
}
