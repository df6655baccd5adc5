import { expect, it } from "vitest"
import { ByteReader, ByteWriter } from "../../../../../actors/cep/bytes.ts"
import { HeldBytes } from "../../../../../actors/cep/held-bytes.ts"
import type { Item } from "../../../../../actors/cep/item.ts"
import { compilePattern } from "../../../../../actors/cep/patterns/compile-pattern.ts"
import { partialMatchesMax, patternBytesMax } from "../../../../../actors/cep/patterns/partial-matches.ts"
import type { Death } from "../../../../../actors/cep/patterns/pattern.ts"
import type { PatternDocument } from "../../../../../schemas/index.ts"
import { compileKinds, itemOf, itemsOf, planOf, wordsOf } from "./cases.ts"
import { any, consecutive, more, next, not, s } from "./stages.ts"

const noSkip = { after_match: { type: "no_skip" } } as const

const deathsOf = (document: PatternDocument, stream: string, until = 1e9) => {
  const matcher = planOf(document).make(new HeldBytes())
  const deaths: Array<Death> = []
  matcher.watch((death) => deaths.push(death))
  for (const item of itemsOf(stream)) matcher.offer(item)
  matcher.advance(until)
  return deaths
}

it("within is from the first to the last item, and what is as long is too long", () => {
  const document = { stages: [s("a"), s("b")], within: "3s", ...noSkip } as const
  const ends = (at: number) => {
    const matcher = planOf(document).make(new HeldBytes())
    return [itemOf("a1", 1_000), itemOf("b1", at)].flatMap((item) => matcher.offer(item)).map(wordsOf)
  }
  expect([ends(3_999), ends(4_000)]).toEqual([["a1 b1"], []])
})

it("items of equal times come in the order in which they arrived", () => {
  const matcher = planOf({ stages: [s("a"), s("b", next)], ...noSkip }).make(new HeldBytes())
  const matches = ["b1", "a1", "b2"].flatMap((word) => matcher.offer(itemOf(word, 1_000)))
  expect(matches.map(wordsOf)).toEqual(["a1 b2"])
})

it("an absence is sure at the deadline, neither before nor later", () => {
  const matcher = planOf({ stages: [s("a"), not("b")], within: "10s" }).make(new HeldBytes())
  matcher.offer(itemOf("a1", 1_000))
  expect(matcher.nextDue()).toBe(11_000)
  expect(matcher.advance(10_999)).toEqual([])
  const matches = matcher.advance(11_000)
  expect(matches.map(({ startAt, endAt }) => [startAt, endAt])).toEqual([[1_000, 11_000]])
  expect(matcher.advance(99_000)).toEqual([])
})

it("an absence that became sure is told with the next item", () => {
  const matcher = planOf({ stages: [s("a"), not("b")], within: "10s" }).make(new HeldBytes())
  matcher.offer(itemOf("a1", 1_000))
  expect(matcher.offer(itemOf("b1", 12_000)).map(wordsOf)).toEqual(["a1"])
})

it("a match has its items by stage and by the stage around it", () => {
  const stages = [{ name: "both", all_of: [s("a"), s("b")] }, s("c", more)] as never
  const matcher = planOf({ stages }).make(new HeldBytes())
  const [match] = itemsOf("b1 a1 c1").flatMap((item) => matcher.offer(item))
  const words = Object.entries(match!.stages).map(([stage, items]) => [
    stage,
    items.map((item) => item.attributes.id),
  ])
  expect(Object.fromEntries(words)).toEqual({ both: ["b1", "a1"], a: ["a1"], b: ["b1"], c: ["c1"] })
})

it("each death has its reason, the stage that it had come to, and when", () => {
  const reasons = (document: PatternDocument, stream: string) =>
    deathsOf(document, stream).map(({ reason, stage, startAt, at }) => `${reason} ${stage} ${startAt} ${at}`)
  expect(reasons({ stages: [s("a"), s("b")], within: "5s" }, "a1")).toEqual(["within a 1000 6000"])
  expect(reasons({ stages: [s("a"), s("b", next)] }, "a1 c1")).toEqual(["strict a 1000 2000"])
  expect(reasons({ stages: [s("a"), not("b"), s("c")] }, "a1 b1")).toEqual(["not a 1000 2000"])
  const ended = { stages: [s("ab", { times: { min: 2 }, ...consecutive, until: "b" })], ...noSkip }
  expect(reasons(ended, "a1 b1")).toEqual(["until ab 1000 2000"])
  expect(reasons({ stages: [s("a"), s("b")] }, "a1 a2 b1")).toEqual([])
  expect(reasons({ stages: [s("a"), s("b", any), s("c")] }, "a1 a2 b1 c1")).toContain("skipped a 2000 4000")
})

it("with a skip strategy a match waits for what began before it, without one it does not", () => {
  const stages = [s("ab"), s("c_after_b")]
  const toldAt = (type: "no_skip" | "skip_past_last_event") => {
    const matcher = planOf({ stages, within: "10s", after_match: { type } }).make(new HeldBytes())
    const atOnce = itemsOf("a1 b1 c1").flatMap((item) => matcher.offer(item))
    return [atOnce, matcher.advance(11_000)].map((matches) => matches.map(wordsOf))
  }
  expect(toldAt("no_skip")).toEqual([["b1 c1"], []])
  expect(toldAt("skip_past_last_event")).toEqual([[], ["b1 c1"]])
})

it("no group holds more partial matches than the bound: the oldest dies, and says so", () => {
  const matcher = planOf({ stages: [s("a"), s("b")], within: "24h", ...noSkip }).make(new HeldBytes())
  const deaths: Array<Death> = []
  matcher.watch((death) => deaths.push(death))
  for (let at = 0; at < partialMatchesMax + 3; at++) matcher.offer(itemOf(`a${at}`, at))
  expect([matcher.partialMatches(), matcher.limited()]).toEqual([partialMatchesMax, 3])
  expect(deaths.map(({ reason, startAt }) => [reason, startAt])).toEqual([
    ["limit", 0],
    ["limit", 1],
    ["limit", 2],
  ])
  expect(matcher.offer(itemOf("b", 5_000))).toHaveLength(partialMatchesMax)
  expect([matcher.partialMatches(), matcher.bytes()]).toEqual([0, 0])
})

it("what died of the bounds, and what dies next, is the same after a checkpoint", () => {
  const plan = planOf({ stages: [s("a", more), s("b")], within: "24h", ...noSkip })
  const deathsAfter = (isInterrupted: boolean) => {
    const writer = new ByteWriter()
    const first = plan.make(new HeldBytes())
    for (let at = 0; at < 60; at++) first.offer(itemOf(`a${at}`, at))
    first.encode(writer)
    const matcher = isInterrupted ? plan.decode(new ByteReader(writer.finish()), new HeldBytes()) : first
    const deaths: Array<Death> = []
    matcher.watch((death) => deaths.push(death))
    for (let at = 60; at < 90; at++) matcher.offer(itemOf(`a${at}`, at))
    return [deaths, matcher.limited(), matcher.offer(itemOf("b", 99)).map(wordsOf)]
  }
  expect(deathsAfter(true)).toEqual(deathsAfter(false))
  expect(deathsAfter(true)[1]).toBeGreaterThan(1_000)
})

it("combinations that double with each item stay within the bound", () => {
  const stages = [s("a", { ...more, repetition: "allow_combinations" }), s("b")] as const
  const matcher = planOf({ stages, within: "24h", ...noSkip }).make(new HeldBytes())
  for (let at = 0; at < 40; at++) matcher.offer(itemOf(`a${at}`, at))
  expect(matcher.partialMatches()).toBe(partialMatchesMax)
})

it("no group holds more bytes than the bound, however large events are", () => {
  const matcher = planOf({ stages: [s("a"), s("b")], within: "24h", ...noSkip }).make(new HeldBytes())
  const large = (at: number): Item => ({
    ...itemOf(`a${at}`, at),
    attributes: { kind: "a", text: "x".repeat(100_000) },
  })
  for (let at = 0; at < 50; at++) matcher.offer(large(at))
  expect(matcher.bytes()).toBeLessThanOrEqual(patternBytesMax)
  expect(matcher.partialMatches()).toBeGreaterThan(5)
})

it("a condition that throws leaves everything as it was before the item", () => {
  let broken = true
  const compile = (source: string) => ({
    ...compileKinds(source),
    evaluate: (scope: Parameters<ReturnType<typeof compileKinds>["evaluate"]>[0]) => {
      if (source === "c" && broken && scope.event.kind === "c") throw new Error("no such label")
      return compileKinds(source).evaluate(scope)
    },
  })
  const document = { stages: [s("a"), s("b"), s("c", next)], ...noSkip }
  const result = compilePattern(document, { event: "e", where: {} }, compile)
  if ("problems" in result) throw new Error("refused")
  const matcher = result.plan.make(new HeldBytes())
  for (const item of itemsOf("a1 b1")) matcher.offer(item)
  const held = [matcher.partialMatches(), matcher.bytes()]
  expect(() => matcher.offer(itemOf("c1", 3_000))).toThrow("no such label")
  expect([matcher.partialMatches(), matcher.bytes()]).toEqual(held)
  broken = false
  expect(matcher.offer(itemOf("c1", 3_000)).map(wordsOf)).toEqual(["a1 b1 c1"])
})

it("an item asks each condition once, however many partial matches wait", () => {
  let asked = 0
  const compile = (source: string) => ({
    ...compileKinds(source),
    evaluate: (scope: Parameters<ReturnType<typeof compileKinds>["evaluate"]>[0]) => {
      asked += 1
      return compileKinds(source).evaluate(scope)
    },
  })
  const result = compilePattern(
    { stages: [s("a"), s("b")], within: "24h", ...noSkip },
    { event: "e", where: {} },
    compile,
  )
  if ("problems" in result) throw new Error("refused")
  const matcher = result.plan.make(new HeldBytes())
  for (let at = 0; at < 500; at++) matcher.offer(itemOf(`a${at}`, at))
  asked = 0
  matcher.offer(itemOf("d1", 1_000))
  expect(asked).toBe(2)
})
