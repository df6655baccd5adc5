import * as fc from "fast-check"
import { expect, it } from "vitest"
import { ByteReader, ByteWriter } from "../../../../../actors/cep/bytes.ts"
import { HeldBytes } from "../../../../../actors/cep/held-bytes.ts"
import type { Item } from "../../../../../actors/cep/item.ts"
import { compilePattern } from "../../../../../actors/cep/patterns/compile-pattern.ts"
import type { Death, Match, Matcher, PatternPlan } from "../../../../../actors/cep/patterns/pattern.ts"
import type { PatternDocument } from "../../../../../schemas/index.ts"
import { patterns, streams } from "./arbitraries.ts"
import { compileKinds, wordsOf } from "./cases.ts"
import { ReferencePattern } from "./reference.ts"

/** `PATTERN_RUNS=40000 PATTERN_SEED=7 npx vitest run …` for more, or for one again. */
const runs = Number(process.env.PATTERN_RUNS ?? 2_000)
const seed = process.env.PATTERN_SEED === undefined ? {} : { seed: Number(process.env.PATTERN_SEED) }
const most = 500_000

const compiled = (document: PatternDocument): PatternPlan => {
  const result = compilePattern(document, { event: "e", where: {} }, compileKinds)
  fc.pre("plan" in result)
  return (result as { plan: PatternPlan }).plan
}

const never = 1e9
const told = (document: PatternDocument, items: ReadonlyArray<Item>) => {
  const deaths: Array<Death> = []
  const matcher = compiled(document).make(new HeldBytes())
  matcher.watch((death) => deaths.push(death))
  return {
    matches: [...items.flatMap((item) => matcher.offer(item)), ...matcher.advance(never)],
    deaths,
    matcher,
  }
}

const indexesOf = (match: Match, items: ReadonlyArray<Item>) =>
  [...new Set(Object.values(match.stages).flat())]
    .map((item) => items.findIndex((one) => one.attributes.id === item.attributes.id))
    .sort((left, right) => left - right)

it("a pattern matches what trying every choice of items finds, in the same order", () => {
  fc.assert(
    fc.property(patterns, streams, (document, items) => {
      const { matches, matcher } = told(document, items)
      expect(matches.map((match) => indexesOf(match, items))).toEqual(
        new ReferencePattern(document, items).matches(),
      )
      expect([matcher.partialMatches(), matcher.bytes(), matcher.nextDue()]).toEqual([
        0,
        0,
        Number.POSITIVE_INFINITY,
      ])
    }),
    { numRuns: runs, maxSkipsPerRun: most, ...seed },
  )
}, 600_000)

const written = (matcher: Matcher): Uint8Array => {
  const writer = new ByteWriter()
  matcher.encode(writer)
  return writer.finish().slice()
}

it("a matcher that is written and read before each item gives the same matches and deaths", () => {
  fc.assert(
    fc.property(patterns, streams, (document, items) => {
      const plan = compiled(document)
      const deaths: Array<Death> = []
      const matches: Array<Match> = []
      let matcher = plan.make(new HeldBytes())
      for (const item of [...items, undefined]) {
        const before = { partials: matcher.partialMatches(), bytes: matcher.bytes(), due: matcher.nextDue() }
        const bytes = written(matcher)
        matcher = plan.decode(new ByteReader(bytes), new HeldBytes())
        expect(written(matcher)).toEqual(bytes)
        const after = { partials: matcher.partialMatches(), bytes: matcher.bytes(), due: matcher.nextDue() }
        expect(after).toEqual(before)
        matcher.watch((death) => deaths.push(death))
        matches.push(...(item === undefined ? matcher.advance(never) : matcher.offer(item)))
      }
      const uninterrupted = told(document, items)
      expect([matches, deaths]).toEqual([uninterrupted.matches, uninterrupted.deaths])
    }),
    { numRuns: runs / 4, maxSkipsPerRun: most, ...seed },
  )
}, 600_000)

it("time that is told before the next item changes when matches are told, not which", () => {
  fc.assert(
    fc.property(patterns, streams, fc.integer({ min: 0, max: 2_000 }), (document, items, early) => {
      const matcher = compiled(document).make(new HeldBytes())
      const matches = items.flatMap((item) => {
        const due = matcher.nextDue()
        const sooner = matcher.advance(item.at - early)
        if (due > item.at - early) expect(sooner).toEqual([])
        return [...sooner, ...matcher.offer(item)]
      })
      const expected = told(document, items).matches
      expect([...matches, ...matcher.advance(never)].map(wordsOf)).toEqual(expected.map(wordsOf))
    }),
    { numRuns: runs / 4, maxSkipsPerRun: most, ...seed },
  )
}, 600_000)
