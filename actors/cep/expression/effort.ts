/**
 * How much work an expression may make. What costs more than a few steps says so: reading a text for a regular
 * expression, going over what a pattern matched. Beyond the allowance it is an error of the rule, which others of its
 * lane do not wait for. Steps are counted and not time, so that everybody who sees the same input comes to the same.
 */
import { EvaluationError } from "./expression.ts"

/** Steps of some ten nanoseconds each: of one expression, or of all that are evaluated for one item together. */
export const effortMax = 200_000

const refused = new EvaluationError(
  `it takes more than ${effortMax} steps: look at shorter texts, or at fewer items of a pattern`,
)

/** Evaluation is never interrupted: one allowance at a time. */
let left = effortMax
let isShared = false

/** Errors: throws `EvaluationError` once the allowance is used up. */
export const spend = (steps: number): void => {
  left -= steps
  if (left < 0) throw refused
}

/** What is evaluated within has one allowance together. */
export const withOneEffort = <A>(evaluate: () => A): A => {
  if (isShared) return evaluate()
  isShared = true
  left = effortMax
  try {
    return evaluate()
  } finally {
    isShared = false
  }
}
