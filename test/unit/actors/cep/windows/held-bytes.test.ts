/** What becomes of windows when all groups of their rule hold too much together. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ByteReader, ByteWriter } from "../../../../../actors/cep/bytes.ts"
import { HeldBytes } from "../../../../../actors/cep/held-bytes.ts"
import type {
  AggregateSpec,
  Aggregates,
  AggregatesPlan,
  WindowSpec,
} from "../../../../../actors/cep/windows/aggregates.ts"
import { planAggregates } from "../../../../../actors/cep/windows/plan-aggregates.ts"
import type { AggregateFunction } from "../../../../../schemas/index.ts"
import { naive, type Seen } from "./naive-windows.ts"

const nobody = () => {}

/** Groups of one rule. */
class Groups {
  held: HeldBytes
  private all = new Map<string, Aggregates>()
  private readonly plan: AggregatesPlan
  private readonly most: number

  constructor(plan: AggregatesPlan, most: number) {
    this.plan = plan
    this.most = most
    this.held = new HeldBytes(most)
  }

  of(key: string): Aggregates {
    const group = this.all.get(key) ?? this.plan.make(this.held)
    this.all.set(key, group)
    return group
  }

  forget(key: string): void {
    this.all.get(key)?.release()
    this.all.delete(key)
  }

  reopen(): void {
    const held = new HeldBytes(this.most)
    held.crowdedOut = this.held.crowdedOut
    const read = ([key, group]: [string, Aggregates]): [string, Aggregates] => {
      const writer = new ByteWriter()
      group.encode(writer)
      return [key, this.plan.decode(new ByteReader(writer.finish()), held)]
    }
    this.all = new Map(Array.from(this.all, read))
    expect(held).toEqual(this.held)
    this.held = held
  }

  results(slots: number): ReadonlyArray<readonly [string, ReadonlyArray<number>]> {
    const into = new Float64Array(slots)
    return Array.from(this.all, ([key, group]) => {
      group.read(into)
      return [key, [...into]] as const
    })
  }
}

type Step =
  | { readonly type: "item"; readonly key: string; readonly item: Seen }
  | { readonly type: "pass"; readonly key: string; readonly at: number }
  | { readonly type: "forget"; readonly key: string }

const scripts = fc
  .array(
    fc.record({
      type: fc.oneof(
        { weight: 30, arbitrary: fc.constant("item" as const) },
        { weight: 2, arbitrary: fc.constant("pass" as const) },
        { weight: 1, arbitrary: fc.constant("forget" as const) },
      ),
      // Most come to one group.
      key: fc.constantFrom("a", "a", "a", "a", "b", "b", "c", "d"),
      by: fc.oneof(
        { weight: 9, arbitrary: fc.integer({ min: 0, max: 8 }) },
        { weight: 1, arbitrary: fc.integer({ min: 50, max: 300 }) },
      ),
      value: fc.integer({ min: -50, max: 50 }).map((sevenths) => sevenths / 7),
      text: fc.integer({ min: 0, max: 30 }).map((number) => "text".repeat(1 + (number % 7)) + number),
    }),
    { minLength: 20, maxLength: 250, size: "max" },
  )
  .map((raw) => {
    let at = 1_000
    return raw.map(({ type, key, by, value, text }): Step => {
      at += by
      if (type === "item") return { type, key, item: { at, value, text } }
      return type === "pass" ? { type, key, at } : { type, key }
    })
  })

const specsOf = (window: WindowSpec, functions: ReadonlyArray<AggregateFunction>) =>
  functions.map((name): AggregateSpec => ({ function: name, window, input: 0, quantile: 0.5 }))

describe("windows of samples whose rule holds too much", () => {
  const windows: ReadonlyArray<WindowSpec> = [
    { type: "sliding", sizeMs: 60 },
    { type: "sliding", sizeMs: 400 },
    { type: "count", count: 30, slide: 1 },
  ]
  const specs = windows.flatMap((window) => specsOf(window, ["count", "sum", "min", "first", "rate"]))

  /** The rule, written down again: samples of each group and window, in the order in which groups came. */
  const model = (most: number, sampleBytes: number) => {
    const groups = new Map<string, ReadonlyArray<Array<Seen>>>()
    let crowdedOut = 0
    const bytes = () => [...groups.values()].flat().reduce((sum, { length }) => sum + length * sampleBytes, 0)
    const isCrowded = (window: ReadonlyArray<Seen>) =>
      bytes() > most && window.length * sampleBytes * groups.size * windows.length > most
    const young = (items: Array<Seen>, spec: WindowSpec, now: number) => {
      while (spec.type === "sliding" && items.length > 0 && items[0]!.at <= now - spec.sizeMs) items.shift()
    }
    const add = (key: string, item: Seen) => {
      const its = groups.get(key) ?? windows.map(() => [])
      groups.set(key, its)
      // A sliding window that is overdue is looked at before the item comes to any of them.
      pass(key, item.at)
      for (const [index, window] of windows.entries()) {
        const items = its[index]!
        const before = items.length
        young(items, window, item.at)
        if (window.type === "count" && items.length === window.count) items.shift()
        items.push(item)
        for (; isCrowded(items) && items.length >= before && items.length > 1; crowdedOut++) items.shift()
      }
    }
    /** When one of a group's windows is overdue, all of them are looked at. */
    const pass = (key: string, now: number) => {
      const its = groups.get(key) ?? []
      for (;;) {
        const dues = windows.map((window, index) => {
          const oldest = its[index]?.[0]
          return window.type !== "sliding" || oldest === undefined
            ? Number.POSITIVE_INFINITY
            : oldest.at + window.sizeMs + Math.ceil(window.sizeMs / 16)
        })
        const due = Math.min(...dues)
        if (due > now) return
        for (const [index, window] of windows.entries()) young(its[index]!, window, due)
      }
    }
    return { groups, add, pass, bytes, crowdedOut: () => crowdedOut }
  }

  it("hold what the rule written down again holds, whenever they are stored and read between", () => {
    let crowdedOut = 0
    const plan = planAggregates(specs, 0)
    const one = new HeldBytes()
    plan.make(one).add(0, 1, 1, undefined, nobody)
    const sampleBytes = one.bytes / windows.length
    fc.assert(
      fc.property(scripts, fc.integer({ min: 0, max: 120 }), fc.nat(3), (script, samples, every) => {
        const most = samples * sampleBytes
        const [groups, wanted] = [new Groups(plan, most), model(most, sampleBytes)]
        for (const [index, step] of script.entries()) {
          if (step.type === "item") {
            groups.of(step.key).add(0, step.item.at, step.item.value, undefined, nobody)
            wanted.add(step.key, step.item)
          } else if (step.type === "pass") {
            groups.of(step.key).advance(step.at, nobody)
            if (!wanted.groups.has(step.key))
              wanted.groups.set(
                step.key,
                windows.map(() => []),
              )
            wanted.pass(step.key, step.at)
          } else {
            groups.forget(step.key)
            wanted.groups.delete(step.key)
          }
          if (every > 0 && index % every === 0) groups.reopen()
          expect(groups.held.bytes).toBe(wanted.bytes())
          expect(groups.held.crowdedOut).toBe(wanted.crowdedOut())
        }
        for (const [key, results] of groups.results(specs.length))
          for (const [slot, spec] of specs.entries()) {
            const items = wanted.groups.get(key)![Math.floor(slot / 5)]!
            if (items.length > 0) expect(results[slot]! - naive(spec, items) || 0).toBeCloseTo(0, 9)
          }
        crowdedOut += groups.held.crowdedOut
      }),
      { numRuns: 100 },
    )
    expect(crowdedOut).toBeGreaterThan(1_000)
  })

  it("leave each group its share: one that has much does not keep the others from theirs", () => {
    const plan = planAggregates(specsOf({ type: "sliding", sizeMs: 1e9 }, ["count"]), 0)
    const one = new HeldBytes()
    plan.make(one).add(0, 1, 1, undefined, nobody)
    const groups = new Groups(plan, 1_000 * one.bytes)
    for (let at = 0; at < 3_000; at++) groups.of("greedy").add(0, at, 1, undefined, nobody)
    for (let at = 0; at < 9 * 150; at++) groups.of(`g${at % 9}`).add(0, at, 1, undefined, nobody)
    for (let at = 3_000; at < 4_000; at++) groups.of("greedy").add(0, at, 1, undefined, nobody)
    const counts = new Map(groups.results(1))
    expect(counts.get("greedy")![0]).toBeGreaterThanOrEqual(99)
    for (let group = 0; group < 9; group++) expect(counts.get(`g${group}`)![0]).toBeGreaterThanOrEqual(99)
    expect(groups.held.bytes).toBeLessThanOrEqual(1_001 * one.bytes + 9 * 51 * one.bytes)
  })
})

describe("windows of every kind whose rule holds too much", () => {
  const windows: ReadonlyArray<WindowSpec> = [
    { type: "tumbling", sizeMs: 60 },
    { type: "hopping", sizeMs: 200, slideMs: 4 },
    { type: "sliding", sizeMs: 80 },
    { type: "session", gapMs: 20, sizeMaxMs: 90 },
    { type: "count", count: 20, slide: 3 },
  ]
  const functions: ReadonlyArray<AggregateFunction> = [
    "count",
    "sum",
    "max",
    "last",
    "distinct",
    "percentile",
  ]

  it.each(windows)(
    "come to the same whenever they are stored, and hold twice the bound at most: $type",
    (window) => {
      const specs = specsOf(window, functions)
      const plan = planAggregates(specs, 30)
      let crowdedOut = 0
      fc.assert(
        fc.property(scripts, fc.integer({ min: 0, max: 20_000 }), fc.nat(30), (script, most, late) => {
          const [whole, cut] = [new Groups(plan, most), new Groups(plan, most)]
          const largest = 4_000
          for (const [index, step] of script.entries()) {
            for (const groups of [whole, cut]) {
              if (step.type === "forget") groups.forget(step.key)
              else if (step.type === "pass") groups.of(step.key).advance(step.at, nobody)
              else {
                const { at, value, text } = step.item
                const group = groups.of(step.key)
                group.add(0, at, value, text, nobody)
                if (index % 7 === 0) group.addLate(0, at - late - 1, value, text, nobody)
              }
            }
            cut.reopen()
            expect(cut.held).toEqual(whole.held)
            expect(cut.results(specs.length)).toEqual(whole.results(specs.length))
            expect(whole.held.bytes).toBeLessThanOrEqual(2 * most + whole.held.holders * largest)
          }
          crowdedOut += whole.held.crowdedOut
        }),
        { numRuns: 40 },
      )
      expect(crowdedOut).toBeGreaterThan(20)
    },
  )

  it("lose their oldest panes, and count the items in them", () => {
    const plan = planAggregates(specsOf({ type: "hopping", sizeMs: 1_000, slideMs: 1 }, ["count"]), 0)
    const groups = new Groups(plan, 200 * 32)
    const results: Array<number> = []
    for (let at = 0; at < 1_000; at++) groups.of("a").add(0, at, 1, undefined, nobody)
    groups.of("a").advance(1_000, () => results.push(groups.results(1)[0]![1][0]!))
    expect(results.at(-1)).toBeGreaterThan(150)
    expect(results.at(-1)! + groups.held.crowdedOut).toBe(1_000)
  })

  it("pass over texts that there is no room for, and say so", () => {
    const plan = planAggregates(specsOf({ type: "tumbling", sizeMs: 1_000 }, ["distinct"]), 0)
    const groups = new Groups(plan, 5_000)
    const results: Array<number> = []
    for (let at = 0; at < 500; at++) groups.of("a").add(0, at, 1, `text ${at % 250}`, nobody)
    groups.of("a").advance(1_000, () => results.push(groups.results(1)[0]![1][0]!))
    expect(results).toEqual([expect.toSatisfy((count: number) => count > 30 && count < 60)])
    expect(groups.held.crowdedOut).toBe(2 * (250 - results[0]!))
  })

  it("tell percentiles of high values exactly, and of the low ones as too high", () => {
    const specs = [0.01, 0.99].map(
      (quantile): AggregateSpec => ({
        function: "percentile",
        window: { type: "session", gapMs: 5_000, sizeMaxMs: 9_000 },
        input: 0,
        quantile,
      }),
    )
    const groups = new Groups(planAggregates(specs, 0), 0)
    const results: Array<ReadonlyArray<number>> = []
    for (let at = 0; at < 1_000; at++) groups.of("a").add(0, at, 1.02 ** at, undefined, nobody)
    groups.of("a").advance(9_000, () => results.push(groups.results(2)[0]![1]))
    expect(results[0]![1]! / 1.02 ** 989).toBeCloseTo(1, 1)
    expect(results[0]![0]! / 1.02 ** 10).toBeGreaterThan(1_000)
    expect(groups.held.bytes).toBe(0)
  })
})
