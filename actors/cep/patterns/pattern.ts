/**
 * Patterns over the items of one group: an NFA per group whose partial matches share one buffer. Items come in order of
 * event time. Names and meaning are those of Flink's pattern API.
 * Source: Agrawal et al., Efficient Pattern Matching over Event Streams, SIGMOD 2008; Flink CEP's documentation.
 */

import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { Condition, Finding } from "../expression/expression.ts"
import type { HeldBytes } from "../held-bytes.ts"
import type { Item } from "../item.ts"

/** What an item must fulfil to be taken by a stage. `matched` is what the partial match has so far. */
export type Accepts = (item: Item, matched: { readonly [stage: string]: ReadonlyArray<Item> }) => boolean

/** A stage's input as the rule's compiler hands it over. */
export interface StageInput {
  readonly metric?: string
  readonly event?: string
  readonly where: Readonly<Record<string, string>>
  readonly condition?: Condition
}

export interface Match {
  readonly stages: { readonly [stage: string]: ReadonlyArray<Item> }
  readonly startAt: number
  /** Event time of its last item, or of the deadline at which an absence was sure. */
  readonly endAt: number
}

/** Why partial matches ended without a match: for explanations and counters. */
export interface Death {
  readonly reason: "within" | "strict" | "not" | "until" | "skipped" | "limit"
  /** That it had taken last, and those that it waited for. */
  readonly stage: string
  readonly waitedFor: ReadonlyArray<string>
  readonly startAt: number
  readonly at: number
}

/** So many partial matches wait for any of these stages; for none where only time has to pass. */
export interface Awaited {
  readonly stages: ReadonlyArray<string>
  readonly count: number
}

/** What an item came to for one stage that could take it; for explanations. */
export interface StageLook {
  readonly stage: string
  /** It must not come. */
  readonly isNot: boolean
  /** Partial matches that waited for it; none where a match may begin with it. */
  readonly waiting: number
  /** When the first of them began. */
  readonly startAt?: number
  readonly takes: boolean
  readonly findings: ReadonlyArray<Finding>
}

export interface PatternPlan {
  readonly stages: ReadonlyArray<string>
  readonly withinMs: number
  /** `held` is what all groups of the rule hold together. */
  readonly make: (held: HeldBytes) => Matcher
  /** Reads what `encode` wrote for the same pattern. */
  readonly decode: (reader: ByteReader, held: HeldBytes) => Matcher
}

export interface Matcher {
  /** Errors: what a stage's condition throws. */
  readonly offer: (item: Item) => ReadonlyArray<Match>
  /** Time moves on without an item: absences become sure, partial matches run out of `within`. */
  readonly advance: (watermark: number) => ReadonlyArray<Match>
  /** The event time from which on `advance` would do something; Infinity when nothing waits. */
  readonly nextDue: () => number
  /** Calls `onDeath` from now on for each partial match that ends without a match; for explanations. */
  readonly watch: (onDeath: (death: Death) => void) => void
  /** What an item that is offered next comes to; for explanations. */
  readonly look: (item: Item) => ReadonlyArray<StageLook>
  readonly awaited: () => ReadonlyArray<Awaited>
  readonly partialMatches: () => number
  /** Partial matches that died of the bounds since the matcher was made, over all checkpoints. */
  readonly limited: () => number
  readonly bytes: () => number
  /** It is not needed any more: others may hold what it held. */
  readonly release: () => void
  readonly encode: (writer: ByteWriter) => void
}
