import * as fc from "fast-check"
import { expect, it } from "vitest"
import type { Item } from "../../../../actors/cep/item.ts"
import { compilePattern } from "../../../../actors/cep/patterns/compile-pattern.ts"
import type { Match } from "../../../../actors/cep/patterns/pattern.ts"
import type { PatternDocument } from "../../../../schemas/index.ts"
import { compileKinds, itemOf } from "../../../support/pattern-cases.ts"
import { ReferencePattern } from "../../../support/pattern-reference.ts"

const kinds = fc.constantFrom("a", "b", "c", "ab", "bc", "abc", "odd", "even")
const contiguity = fc.constantFrom("next", "followed_by", "followed_by_any")
const times = fc.oneof(
  fc.record({ min: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ min: fc.integer({ min: 0, max: 2 }), max: fc.integer({ min: 1, max: 3 }) }),
)
const sometimes = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 2 })
const shape = {
  contiguity: sometimes(contiguity),
  optional: sometimes(fc.constant(true)),
  times: fc.option(times, { nil: undefined, freq: 1 }),
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

const pattern = fc
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

const stream = fc
  .array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 0, max: 2 })), { maxLength: 8 })
  .map((steps) => {
    let at = 0
    return steps.map(([kind, gap], index): Item => {
      at += gap * 1_000
      return itemOf(`${kind}${index}`, at)
    })
  })

const runs = Number(process.env.PATTERN_RUNS ?? 2_000)
const seed = process.env.PATTERN_SEED === undefined ? {} : { seed: Number(process.env.PATTERN_SEED) }

const indexesOf = (match: Match, items: ReadonlyArray<Item>) =>
  [...new Set(Object.values(match.stages).flat())]
    .map((item) => items.findIndex((one) => one.attributes.id === item.attributes.id))
    .sort((left, right) => left - right)

const compiled = (document: PatternDocument) => {
  const result = compilePattern(document, { event: "e", where: {} }, compileKinds)
  fc.pre("plan" in result)
  return (result as { plan: Extract<typeof result, { plan: unknown }>["plan"] }).plan
}

it("a pattern matches what trying every choice of items finds, in the same order", () => {
  let matched = 0
  fc.assert(
    fc.property(pattern, stream, (document, items) => {
      const matcher = compiled(document).make()
      const found = [...items.flatMap((item) => matcher.offer(item)), ...matcher.advance(1e9)]
      matched += found.length > 0 ? 1 : 0
      const expected = new ReferencePattern(document, items).matches()
      expect(found.map((match) => indexesOf(match, items))).toEqual(expected)
      expect([matcher.partialMatches(), matcher.bytes()]).toEqual([0, 0])
    }),
    { numRuns: runs, ...seed, ignoreEqualValues: true },
  )
  console.log({ runs, matched })
})
