/** What becomes of partial matches when all groups of their rule hold too much together. */
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { ByteReader, ByteWriter } from "../../../../../actors/cep/bytes.ts"
import { HeldBytes } from "../../../../../actors/cep/held-bytes.ts"
import { compilePattern } from "../../../../../actors/cep/patterns/compile-pattern.ts"
import type { Death, Matcher, PatternPlan } from "../../../../../actors/cep/patterns/pattern.ts"
import { patterns, streams } from "./arbitraries.ts"
import { compileKinds, itemOf, planOf } from "./cases.ts"
import { s } from "./stages.ts"

/** Matchers of one rule, by group. */
class Groups {
  held: HeldBytes
  readonly deaths: Array<readonly [number, Death]> = []
  private readonly plan: PatternPlan
  private readonly most: number
  private matchers: ReadonlyArray<Matcher>

  constructor(plan: PatternPlan, most: number, count: number) {
    this.plan = plan
    this.most = most
    this.held = new HeldBytes(most)
    this.matchers = Array.from({ length: count }, () => plan.make(this.held))
    this.watch()
  }

  private watch(): void {
    for (const [group, matcher] of this.matchers.entries())
      matcher.watch((death) => this.deaths.push([group, death]))
  }

  of(group: number): Matcher {
    return this.matchers[group]!
  }

  reopen(): void {
    const held = new HeldBytes(this.most)
    this.matchers = this.matchers.map((matcher) => {
      const writer = new ByteWriter()
      matcher.encode(writer)
      return this.plan.decode(new ByteReader(writer.finish()), held)
    })
    expect(held).toEqual(this.held)
    this.held = held
    this.watch()
  }
}

it("matches and deaths are the same whenever partial matches are stored, and the bound holds", () => {
  let limits = 0
  fc.assert(
    fc.property(
      patterns,
      streams,
      fc.array(fc.nat(2), { minLength: 1, maxLength: 9 }),
      fc.integer({ min: 0, max: 6_000 }),
      (document, items, groupOf, most) => {
        const compiled = compilePattern(document, { event: "e", where: {} }, compileKinds)
        fc.pre("plan" in compiled)
        const { plan } = compiled as { plan: PatternPlan }
        const [whole, cut] = [new Groups(plan, most, 3), new Groups(plan, most, 3)]
        for (const [index, item] of items.entries()) {
          const group = groupOf[index % groupOf.length]!
          expect(cut.of(group).offer(item)).toEqual(whole.of(group).offer(item))
          expect(cut.deaths).toEqual(whole.deaths)
          cut.reopen()
          expect(cut.held).toEqual(whole.held)
        }
        limits += whole.deaths.filter(([, { reason }]) => reason === "limit").length
      },
    ),
    { numRuns: 500, maxSkipsPerRun: 100_000 },
  )
  expect(limits).toBeGreaterThan(100)
})

it("what began first ends first where a group has more than its share, and each group has its share", () => {
  const plan = planOf({ stages: [s("a"), s("b")], within: "24h", after_match: { type: "no_skip" } })
  const one = new HeldBytes()
  plan.make(one).offer(itemOf("a", 0))
  const groups = new Groups(plan, 100 * one.bytes, 4)
  for (let at = 0; at < 300; at++) groups.of(0).offer(itemOf("a", at))
  expect(groups.of(0).partialMatches()).toBe(100)
  expect(groups.deaths.slice(0, 2)).toMatchObject([
    [0, { reason: "limit", startAt: 0, at: 100 }],
    [0, { reason: "limit", startAt: 1, at: 101 }],
  ])
  for (let at = 300; at < 400; at++) for (const group of [0, 1, 2, 3]) groups.of(group).offer(itemOf("a", at))
  const counts = [0, 1, 2, 3].map((group) => groups.of(group).partialMatches())
  expect(Math.min(...counts)).toBeGreaterThanOrEqual(25)
  expect(counts.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(104)
  expect(groups.of(0).limited()).toBe(400 - counts[0]!)
  for (const group of [0, 1, 2, 3]) groups.of(group).release()
  expect(groups.held).toMatchObject({ bytes: 0, holders: 0 })
})
