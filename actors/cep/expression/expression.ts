/**
 * Conditions of rules: parsed and checked once, when a rule is saved, and then evaluated millions of times. Their cost is
 * bounded by what is refused then: size, depth, nested comprehensions, patterns of text search.
 */
import type { EventAttributes, Labels } from "../../../schemas/index.ts"
import type { Item } from "../item.ts"

/** What an expression can see. One object is reused for many evaluations; no expression may keep it. */
export interface Scope {
  value: number
  /** Of the same group, before; NaN for the first. */
  previous: number
  at: number
  labels: Labels
  event: EventAttributes
  /** By slot; NaN where there is no value yet. */
  aggregates: Float64Array
  /** Of patterns: what each stage matched so far. */
  matched: { readonly [stage: string]: ReadonlyArray<Item> }
}

/** What an expression may use. */
export interface Environment {
  /** Names of aggregates, in the order of their slots. */
  readonly aggregates: ReadonlyArray<string>
  readonly stages: ReadonlyArray<string>
  /** Whether `value` is there (metrics), `previous` (as `value` when absent), and `event`. */
  readonly hasValue: boolean
  readonly hasPrevious?: boolean
  readonly hasEvent: boolean
}

export interface ExpressionProblem {
  readonly problem: string
  readonly remedy: string
  /** Characters of the source that it is about. */
  readonly start?: number
  readonly end?: number
}

/** `undefined`: it uses an aggregate or previous value that is not there yet. */
export type Truth = boolean | undefined

/** What one comparison of a condition came to; for explanations. */
export interface Finding {
  /** The part of the source. */
  readonly source: string
  readonly result: Truth | "error"
  /** Values of both sides where they are numbers or texts, and by how much it failed. */
  readonly left?: unknown
  readonly right?: unknown
  readonly short?: number
  readonly detail?: string
}

export interface Condition {
  readonly source: string
  /** Slots of the aggregates that it uses. */
  readonly uses: ReadonlySet<number>
  readonly usesPrevious: boolean
  readonly usesMatched: boolean
  /** Errors: throws `EvaluationError`, for example for a label that is not there. */
  readonly evaluate: (scope: Scope) => Truth
  /** Each comparison in it, in the order of the source. Never throws. */
  readonly explain: (scope: Scope) => ReadonlyArray<Finding>
}

/** An expression of any type, for texts with `{{ … }}`. Errors: throws `EvaluationError`. */
export interface Value {
  readonly source: string
  readonly evaluate: (scope: Scope) => unknown
}

export class EvaluationError extends Error {
  override readonly name = "EvaluationError"
}
