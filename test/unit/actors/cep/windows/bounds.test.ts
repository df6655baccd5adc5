/** What bounds windows, and what becomes of them when the bound is reached. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { HeldBytes } from "../../../../../actors/cep/held-bytes.ts"
import type { Aggregates, WindowSpec } from "../../../../../actors/cep/windows/aggregates.ts"
import { distinctMax } from "../../../../../actors/cep/windows/distinct.ts"
import { planAggregates, windowProblem } from "../../../../../actors/cep/windows/plan-aggregates.ts"
import { bucketsMax, Quantiles, relativeError } from "../../../../../actors/cep/windows/quantiles.ts"
import { slidingSamplesMax } from "../../../../../actors/cep/windows/samples-window.ts"
import type { AggregateFunction } from "../../../../../schemas/index.ts"

describe("a sliding window", () => {
  const sliding = (name: AggregateFunction, sizeMs: number, held = new HeldBytes()): Aggregates =>
    planAggregates(
      [{ function: name, window: { type: "sliding", sizeMs }, input: 0, quantile: 0.5 }],
      0,
    ).make(held)
  const into = new Float64Array(1)
  const result = (aggregates: Aggregates) => {
    aggregates.read(into)
    return into[0]
  }
  const never = () => expect.unreachable()

  it("is exact again after a value beside which all others vanish has left", () => {
    const sum = sliding("sum", 10)
    for (const [at, value] of [
      [0, 1e300],
      [1, 1e150],
      [2, 1],
      [10, 2],
      [11, 3],
    ] as const)
      sum.add(0, at, value, undefined, never)
    expect(result(sum)).toBe(6)
  })

  it("is looked at again without items, a sixteenth of its size after the oldest should have left", () => {
    const count = sliding("count", 160)
    for (const at of [0, 5, 100]) count.add(0, at, 1, undefined, never)
    expect(count.nextDue()).toBe(170)
    count.advance(169, never)
    const ends: Array<[number, number | undefined]> = []
    const closed = (end: number) => ends.push([end, result(count)])
    count.advance(1_000, closed)
    expect(ends).toEqual([
      [170, 1],
      [270, 0],
    ])
    expect(count.nextDue()).toBe(Number.POSITIVE_INFINITY)
  })

  it("that is full lets the oldest leave early, and counts them", () => {
    const held = new HeldBytes()
    const count = sliding("count", 1e9, held)
    for (let at = 0; at < slidingSamplesMax + 5; at++) count.add(0, at, 1, undefined, never)
    expect(result(count)).toBe(slidingSamplesMax)
    expect(held.crowdedOut).toBe(5)
  })

  it("counts different texts up to a bound, and again when some have left", () => {
    const distinct = sliding("distinct", distinctMax + 100)
    for (let at = 0; at < distinctMax + 50; at++) distinct.add(0, at, Number.NaN, `text ${at}`, never)
    expect(result(distinct)).toBe(distinctMax)
    distinct.add(0, 2 * distinctMax, Number.NaN, "last", () => {})
    expect(result(distinct)).toBe(100)
  })

  it("passes over what is no number, but for the count", () => {
    const sum = sliding("sum", 10)
    const count = sliding("count", 10)
    for (const aggregates of [sum, count])
      for (const value of [2, Number.NaN, 3]) aggregates.add(0, 1, value, undefined, never)
    expect([result(sum), result(count)]).toEqual([5, 3])
  })
})

describe("percentiles", () => {
  it("stay within their error when values of very different size come and go", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -6, max: 6 }), fc.integer({ min: -999, max: 999 })), {
          minLength: 1,
          maxLength: 400,
          size: "max",
        }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        fc.nat(300),
        (drawn, quantile, leaving) => {
          const values = drawn.map(([power, digits]) => digits * 10 ** power)
          const quantiles = new Quantiles()
          for (const value of values) quantiles.add(value)
          for (const value of values.slice(0, leaving)) quantiles.remove(value)
          const left = values.slice(leaving).toSorted((one, other) => one - other)
          const wanted = left[Math.floor(quantile * (left.length - 1))]
          const got = quantiles.at(quantile)
          if (wanted === undefined) expect(got).toBeNaN()
          else expect(Math.abs(got - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * (relativeError + 1e-9))
        },
      ),
    )
  })

  it("of more than can be told apart are exact at the high end", () => {
    const quantiles = new Quantiles()
    for (let power = -250; power <= 250; power++) quantiles.add(10 ** power)
    expect(quantiles.bytes()).toBeLessThan(4 * bucketsMax + 1_000)
    expect(quantiles.at(0.999) / 1e249).toBeCloseTo(1, 1)
  })
})

describe("a plan", () => {
  it("says how far back its results reach, and whether each item changes them", () => {
    const of = (window: WindowSpec) => planAggregates([{ function: "sum", window, input: 0 }], 10)
    expect(of({ type: "hopping", sizeMs: 60, slideMs: 20 })).toMatchObject({
      reachMs: 90,
      changesWithItems: false,
    })
    expect(of({ type: "sliding", sizeMs: 160 })).toMatchObject({ reachMs: 180, changesWithItems: true })
    expect(of({ type: "count", count: 5, slide: 5 }).changesWithItems).toBe(false)
  })

  it("refuses windows that no item or too many panes would be in", () => {
    expect(windowProblem({ type: "hopping", sizeMs: 86_400_000, slideMs: 7_001 })?.problem).toContain(
      "86400000",
    )
    expect(windowProblem({ type: "hopping", sizeMs: 10, slideMs: 20 })).toBeDefined()
    expect(windowProblem({ type: "tumbling", sizeMs: 0 })).toBeDefined()
    expect(windowProblem({ type: "hopping", sizeMs: 86_400_000, slideMs: 60_000 })).toBeUndefined()
  })

  it("puts a window with many more panes than the others on its own", () => {
    const specs = [
      { type: "hopping", sizeMs: 60_000, slideMs: 1_000 },
      { type: "tumbling", sizeMs: 86_400_000 },
    ] as const
    const plan = planAggregates(
      specs.map((window) => ({ function: "count", window, input: 0 })),
      0,
    )
    const aggregates = plan.make(new HeldBytes())
    for (let second = 0; second < 7_200; second++) aggregates.add(0, second * 1_000, 1, undefined, () => {})
    expect(aggregates.bytes()).toBeLessThan(10_000)
  })
})
