/** Patterns in a few words, for tests. */
import type { PatternDocument } from "../../../../../schemas/index.ts"
import { itemsOf, matchesOf } from "./cases.ts"

export type Stage = PatternDocument["stages"][number]
export type Row = readonly [
  what: string,
  stages: ReadonlyArray<Stage>,
  stream: string,
  matches: ReadonlyArray<string>,
]

/** A stage that takes the kinds that its name has: `s("ab")` takes a and b. Its name is another where it is given. */
export const s = (condition: string, rest: Partial<Stage> = {}): Stage => ({
  name: condition,
  condition,
  ...rest,
})
export const not = (condition: string, rest: Partial<Stage> = {}) =>
  s(condition, { not: true, name: `no_${condition}`, ...rest })
export const next = { contiguity: "next" } as const
export const any = { contiguity: "followed_by_any" } as const
export const more = { times: { min: 1 } } as const
export const opt = { optional: true } as const
export const greedy = { greedy: true } as const
export const consecutive = { repetition: "consecutive" } as const
export const combined = { repetition: "allow_combinations" } as const
export const times = (min: number, max: number = min) => ({ times: { min, max } })
export const group = (stages: ReadonlyArray<Stage>, rest: Partial<Stage> = {}) =>
  ({ name: "g", group: stages, ...rest }) as Stage

export const found = (stages: ReadonlyArray<Stage>, stream: string, rest: Partial<PatternDocument> = {}) =>
  matchesOf({ stages, after_match: { type: "no_skip" }, ...rest }, itemsOf(stream))
