/** What the windows of one group have in common, and what they are planned from. */
import type { AggregateFunction } from "../../../schemas/index.ts"
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { HeldBytes } from "../held-bytes.ts"
import type { Columns } from "./columns.ts"

/** A function over a window, and where its result goes. */
export interface Slot {
  readonly slot: number
  readonly function: AggregateFunction
  /** NaN unless it is a percentile. */
  readonly quantile: number
}

/** Windows of one input that keep their items together. */
export interface Part {
  readonly input: number
  readonly columns: Columns
  readonly needsQuantiles: boolean
  readonly needsTexts: boolean
  readonly make: (held: HeldBytes) => WindowState
  readonly decode: (reader: ByteReader, held: HeldBytes) => WindowState
}

/** Of windows that hold the last samples one by one. */
export interface SamplesPart extends Part {
  /** Infinity for windows by count. */
  readonly sizeMs: number
  /** Infinity for windows by time. */
  readonly count: number
  readonly slide: number
  readonly slots: ReadonlyArray<Slot>
}

export interface WindowState {
  /** The time at which it is to be closed next; Infinity when it holds nothing. */
  due: number
  /** True when this gave a result that is to be told of. Results that are kept go into `results`. */
  readonly add: (at: number, value: number, text: string | undefined, results: Float64Array) => boolean
  /** Closes what ends at `end`, which is `due` or earlier than it; true when there is a result to be told of. */
  readonly close: (end: number, results: Float64Array) => boolean
  /** An item of another input came: a sliding window is as of its time. */
  readonly pass?: (time: number) => void
  /** Takes an item behind `time` if it can. */
  readonly addLate?: (at: number, value: number, text: string | undefined, time: number) => boolean
  /** The first end after `after`, and not after `time`, of a window that holds `at` and may still be corrected. */
  readonly nextCorrection?: (at: number, after: number, time: number) => number
  /** Puts the results of the windows with this end again into `results`. */
  readonly correct?: (end: number, at: number, results: Float64Array) => boolean
  /** Puts back the results of the newest windows that closed. */
  readonly restore?: (results: Float64Array, time: number) => void
  /** Puts results that change with each item into `into`. */
  readonly read?: (into: Float64Array) => void
  /** Gives back what it holds of its rule's. */
  readonly release: () => void
  readonly bytes: () => number
  readonly encode: (writer: ByteWriter) => void
}
