/** Turns gathered values into one number. Undefined for no values at all. */
import type { Aggregation } from "../../schemas/index.ts"

export interface Observation {
  readonly at: number
  readonly value: number
}

/** Linear interpolation between closest ranks. `percentile`: 0 to 100; `sorted` ascending and not empty. */
const percentileOf = (sorted: ReadonlyArray<number>, percentile: number): number => {
  const rank = (percentile / 100) * (sorted.length - 1)
  const low = sorted[Math.floor(rank)]!
  const high = sorted[Math.ceil(rank)]!
  return low + (high - low) * (rank - Math.floor(rank))
}

export const aggregate = (
  observations: ReadonlyArray<Observation>,
  aggregation: Aggregation,
  percentile = 50,
): number | undefined => {
  if (observations.length === 0) return undefined
  switch (aggregation) {
    case "last":
      return observations.reduce((newest, one) => (one.at >= newest.at ? one : newest)).value
    case "min":
      return observations.reduce((least, { value }) => Math.min(least, value), Number.POSITIVE_INFINITY)
    case "max":
      return observations.reduce((most, { value }) => Math.max(most, value), Number.NEGATIVE_INFINITY)
    case "avg":
      return observations.reduce((sum, { value }) => sum + value, 0) / observations.length
    case "percentile":
      return percentileOf(
        observations.map(({ value }) => value).toSorted((a, b) => a - b),
        percentile,
      )
  }
}
