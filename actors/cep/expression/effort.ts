/**
 * How much work an expression may make. What costs more than a few steps says so: reading a text for a regular
 * expression, going over what a pattern matched, conditions with many parts. Beyond the allowance it is an error of the rule, which others of its
 * lane do not wait for. Steps are counted and not time, so that everybody who sees the same input comes to the same.
 */
import { EvaluationError } from "./expression.ts"

/** Steps of some ten nanoseconds each: of all that a rule evaluates for one item together. */
export const effortMax = 100_000

const refused = new EvaluationError(
  `it takes more than ${effortMax} steps: look at shorter texts, or at fewer items of a pattern`,
)

/** Evaluation is never interrupted: one allowance at a time. */
let left = effortMax
let isShared = false

/** Counts where there is an allowance. Errors: throws `EvaluationError` once it is used up. */
export const spend = (steps: number): void => {
  if (!isShared) return
  left -= steps
  if (left < 0) throw refused
}

/** Of what is evaluated within one effort, the next item's or rule's begins. */
export const renewEffort = (): void => {
  left = effortMax
}

/** What is evaluated within has an allowance by itself, and leaves that of what it is within as it was. */
export const withOwnEffort = <A>(evaluate: () => A): A => {
  const [before, wasShared] = [left, isShared]
  isShared = true
  left = effortMax
  try {
    return evaluate()
  } finally {
    isShared = wasShared
    left = before
  }
}

/** What is evaluated within has one allowance together, and together with what it is within. */
export const withOneEffort = <A>(evaluate: () => A): A => (isShared ? evaluate() : withOwnEffort(evaluate))
