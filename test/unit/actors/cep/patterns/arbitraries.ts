/** Random patterns over the kinds a, b and c, and random streams of the kinds a to d. */
import * as fc from "fast-check"
import type { Item } from "../../../../../actors/cep/item.ts"
import type { PatternDocument } from "../../../../../schemas/index.ts"
import { itemOf } from "./cases.ts"

const kinds = fc.constantFrom("a", "b", "c", "ab", "bc", "abc", "odd", "even")
const contiguity = fc.constantFrom("next", "followed_by", "followed_by_any")
const times = fc.oneof(
  fc.record({ min: fc.constantFrom(0, 1, 1, 1, 2, 2) }),
  fc.record({ min: fc.constantFrom(0, 1, 1, 1, 2, 2), max: fc.integer({ min: 1, max: 3 }) }),
)
const sometimes = <Value>(value: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })
const shape = {
  contiguity: sometimes(contiguity),
  optional: sometimes(fc.constant(true)),
  times: sometimes(times),
  greedy: sometimes(fc.constant(true)),
  repetition: sometimes(fc.constantFrom("consecutive", "relaxed", "allow_combinations")),
  until: sometimes(kinds),
}
const inputs = fc.array(fc.record({ condition: kinds }), { minLength: 2, maxLength: 2 })
const not = fc.record({
  condition: kinds,
  not: fc.constant(true),
  contiguity: fc.constantFrom("next", "followed_by"),
})
const single = fc.record({ ...shape, condition: kinds })
const group = fc.record({
  ...shape,
  group: fc.array(fc.oneof({ weight: 4, arbitrary: single }, { weight: 1, arbitrary: not }), {
    minLength: 1,
    maxLength: 3,
  }),
})
const stage = fc.oneof(
  { weight: 8, arbitrary: single },
  { weight: 2, arbitrary: not },
  { weight: 2, arbitrary: group },
  { weight: 1, arbitrary: fc.record({ ...shape, any_of: inputs }) },
  { weight: 1, arbitrary: fc.record({ ...shape, all_of: inputs }) },
)
const skip = fc.constantFrom(
  "no_skip",
  "skip_to_next",
  "skip_past_last_event",
  "skip_to_first",
  "skip_to_last",
)

type Loose = Record<string, unknown>

/** Leaves out what contradicts the rest, so that most of the patterns are ones that are accepted. */
const tidy = (stage: Loose, name: string): Loose => {
  const tidied: Loose = { ...stage, name }
  if (tidied.times === undefined) {
    for (const field of ["greedy", "until"]) delete tidied[field]
    if (tidied.all_of === undefined) delete tidied.repetition
  }
  if (tidied.all_of !== undefined) for (const field of ["times", "greedy", "until"]) delete tidied[field]
  if (tidied.group !== undefined || tidied.repetition === "allow_combinations") delete tidied.greedy
  const { times } = tidied as { times?: { min: number; max?: number } }
  if (times?.max !== undefined) {
    delete tidied.until
    tidied.times = { min: Math.min(times.min, times.max), max: times.max }
  }
  for (const part of ["any_of", "all_of", "group"]) {
    const inner = tidied[part] as ReadonlyArray<Loose> | undefined
    if (inner !== undefined) tidied[part] = inner.map((one, at) => tidy(one, `${name}${at}`))
  }
  return JSON.parse(JSON.stringify(tidied))
}

/** Patterns of up to four stages, most of them ones that are accepted. */
export const patterns = fc
  .record({
    stages: fc.array(stage, { minLength: 1, maxLength: 4 }),
    within: fc.constantFrom("2s", "4s", "9s"),
    skip,
    to: fc.nat(),
  })
  .map(({ stages, within, skip, to }): PatternDocument => {
    const named = stages.map((one, at) => tidy(one, `s${at}`))
    delete named[0]!.contiguity
    const takable = named.filter((one) => one.not !== true)
    const names = takable.map((one) => one.name)
    const after =
      skip.startsWith("skip_to_f") || skip.startsWith("skip_to_l")
        ? { type: skip, stage: names[to % names.length] ?? "s0" }
        : { type: skip }
    return { stages: named, within, after_match: after } as never
  })

/** Up to nine items, some at equal times. */
export const streams = fc
  .array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 0, max: 2 })), { maxLength: 9 })
  .map((steps) => {
    let at = 0
    return steps.map(([kind, gap], index): Item => {
      at += gap * 1_000
      return itemOf(`${kind}${index}`, at)
    })
  })
