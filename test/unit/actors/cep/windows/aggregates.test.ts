/** Windows against what comes of computing them again from all their items. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ByteReader, ByteWriter } from "../../../../../actors/cep/bytes.ts"
import { HeldBytes } from "../../../../../actors/cep/held-bytes.ts"
import type { AggregateSpec, Aggregates, WindowSpec } from "../../../../../actors/cep/windows/aggregates.ts"
import { planAggregates } from "../../../../../actors/cep/windows/plan-aggregates.ts"
import { relativeError } from "../../../../../actors/cep/windows/quantiles.ts"
import type { AggregateFunction } from "../../../../../schemas/index.ts"
import { naive, naiveAggregates, type Seen } from "./naive-windows.ts"

const functions: ReadonlyArray<AggregateFunction> = [
  "count",
  "sum",
  "avg",
  "min",
  "max",
  "stddev",
  "percentile",
  "rate",
  "delta",
  "distinct",
  "first",
  "last",
]

const windows: ReadonlyArray<WindowSpec> = [
  { type: "tumbling", sizeMs: 60 },
  { type: "hopping", sizeMs: 60, slideMs: 10 },
  { type: "hopping", sizeMs: 100, slideMs: 45 },
  { type: "hopping", sizeMs: 300, slideMs: 6 },
  { type: "sliding", sizeMs: 80 },
  { type: "sliding", sizeMs: 1_000 },
  { type: "session", gapMs: 20, sizeMaxMs: 90 },
  { type: "count", count: 7, slide: 1 },
  { type: "count", count: 40, slide: 3 },
  { type: "count", count: 2, slide: 5 },
]

type Step =
  | { readonly type: "item"; readonly input: number; readonly item: Seen }
  | { readonly type: "advance"; readonly by: number }
  | { readonly type: "checkpoint" }

const steps = (behindMax: number, value: (at: number) => fc.Arbitrary<number>) =>
  fc
    .array(
      fc.oneof(
        {
          weight: 12,
          arbitrary: fc.record({
            type: fc.constant("item" as const),
            input: fc.integer({ min: 0, max: 1 }),
            by: fc.oneof(
              { weight: 8, arbitrary: fc.integer({ min: 0, max: 12 }) },
              { weight: 1, arbitrary: fc.integer({ min: 50, max: 400 }) },
              { weight: behindMax > 0 ? 4 : 0, arbitrary: fc.integer({ min: -behindMax, max: 0 }) },
            ),
            text: fc.constantFrom("a", "b", "c", "d", "e"),
            pick: fc.nat(1_000_000),
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({ type: fc.constant("advance" as const), by: fc.nat(150) }),
        },
        { weight: 1, arbitrary: fc.record({ type: fc.constant("checkpoint" as const) }) },
      ),
      { minLength: 1, maxLength: 160, size: "max" },
    )
    .map((raw) => {
      let time = 1_000
      return raw.map((step): Step => {
        if (step.type === "checkpoint") return step
        if (step.type === "advance") {
          time += step.by
          return step
        }
        const at = time + step.by
        time = Math.max(time, at)
        const [drawn] = fc.sample(value(at), { numRuns: 1, seed: step.pick })
        return { type: "item", input: step.input, item: { at, value: drawn!, text: step.text } }
      })
    })

const anyNumber = fc.oneof(
  fc.integer({ min: -1_000, max: 1_000 }),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((thousandths) => thousandths / 1_000),
  fc.constantFrom(0, 1e12, -1e12),
)

const closeTo = (spec: AggregateSpec, got: number, items: ReadonlyArray<Seen> | undefined): boolean => {
  if (items === undefined) return Number.isNaN(got)
  const wanted = naive(spec, items)
  if (Object.is(got, wanted) || got === wanted) return true
  const scale = items.reduce((total, { value }) => total + Math.abs(value), 0)
  switch (spec.function) {
    case "percentile":
      return Math.abs(got - wanted) <= Math.abs(wanted) * (relativeError + 1e-9)
    case "sum":
    case "avg":
      return Math.abs(got - wanted) <= scale * 1e-13
    case "stddev":
      return Math.abs(got - wanted) <= scale * 1e-7
    case "rate":
      return Math.abs(got - wanted) <= Math.abs(wanted) * 1e-9 + scale * 1e-9
    default:
      return false
  }
}

/** Runs both; every end, every result at it, and every result after each step must agree. */
const compare = (specs: ReadonlyArray<AggregateSpec>, lateness: number, script: ReadonlyArray<Step>) => {
  const plan = planAggregates(specs, lateness)
  const model = naiveAggregates(specs, lateness)
  let aggregates: Aggregates = plan.make(new HeldBytes())
  let time = Number.NEGATIVE_INFINITY
  const into = new Float64Array(specs.length)
  const check = (contents: ReadonlyArray<ReadonlyArray<Seen> | undefined>, when: string) => {
    for (const [slot, spec] of specs.entries())
      if (!closeTo(spec, into[slot]!, contents[slot]))
        throw new Error(
          `${when}: ${spec.function} of ${JSON.stringify(spec.window)} is ${into[slot]}, not ${
            contents[slot] && naive(spec, contents[slot])
          } of ${JSON.stringify(contents[slot])}`,
        )
  }
  for (const step of script) {
    if (step.type === "checkpoint") {
      const writer = new ByteWriter()
      aggregates.encode(writer)
      aggregates = plan.decode(new ByteReader(writer.finish()), new HeldBytes())
      continue
    }
    const ends: Array<number> = []
    const wanted: Array<{
      readonly end: number
      readonly contents: ReadonlyArray<ReadonlyArray<Seen> | undefined>
    }> = []
    const ours = (end: number) => {
      ends.push(end)
      aggregates.read(into)
      check(wanted[ends.length - 1]?.contents ?? [], `at the end ${end}`)
    }
    const theirs = (end: number) => wanted.push({ end, contents: model.contents.slice() })
    if (step.type === "advance") {
      const until = Math.max(time, 0) + step.by
      model.advance(until, theirs)
      aggregates.advance(until, ours)
      time = Math.max(time, until)
    } else if (step.item.at >= time) {
      const { at, value, text } = step.item
      model.add(step.input, step.item, theirs)
      aggregates.add(step.input, at, value, text, ours)
      time = at
    } else {
      const { at, value, text } = step.item
      const isTaken = model.addLate(step.input, step.item, theirs)
      expect(aggregates.addLate(step.input, at, value, text, ours)).toBe(isTaken)
    }
    expect(ends).toEqual(wanted.map(({ end }) => end))
    aggregates.read(into)
    check(model.contents, `after ${JSON.stringify(step)}`)
  }
}

const every = (window: WindowSpec, input: number, names = functions): ReadonlyArray<AggregateSpec> =>
  names.map((name) => ({ function: name, window, input, ...(name === "percentile" && { quantile: 0.9 }) }))

/** Where every item is in many windows, comparing with all items takes long. */
const runsOf = (window: WindowSpec): number =>
  window.type === "hopping" && window.sizeMs > 10 * window.slideMs ? 12 : 40

describe("every function comes to what all items of its window come to", () => {
  it.each(windows)("in order of time: $type $sizeMs $slideMs $count $slide", (window) => {
    fc.assert(
      fc.property(
        steps(0, () => anyNumber),
        (script) => compare([...every(window, 0), ...every(window, 1)], 0, script),
      ),
      { numRuns: runsOf(window) },
    )
  })

  it.each(windows)("with late items: $type $sizeMs $slideMs $count $slide", (window) => {
    const withoutRate = functions.filter((name) => name !== "rate")
    fc.assert(
      fc.property(
        steps(150, () => anyNumber),
        fc.constantFrom(0, 30, 100),
        (script, lateness) => compare(every(window, 0, withoutRate), lateness, script),
      ),
      { numRuns: runsOf(window) },
    )
  })

  it("with late items of a counter that never begins again", () => {
    fc.assert(
      fc.property(
        steps(150, (at) => fc.constant(at * 3)),
        fc.constantFrom(...windows),
        (script, window) => compare(every(window, 0, ["rate", "delta"]), 50, script),
      ),
      { numRuns: 100 },
    )
  })

  it("when several windows share panes, and others stand beside them", () => {
    const spec = fc.record({
      function: fc.constantFrom(...functions.filter((name) => name !== "rate")),
      window: fc.constantFrom(...windows),
      input: fc.integer({ min: 0, max: 1 }),
      quantile: fc.constantFrom(0.1, 0.5, 0.99),
    })
    fc.assert(
      fc.property(
        fc.array(spec, { minLength: 1, maxLength: 8 }),
        steps(150, () => anyNumber),
        fc.constantFrom(0, 60),
        (specs, script, lateness) => compare(specs, lateness, script),
      ),
      { numRuns: 80 },
    )
  })

  it("through so many items that all that is kept has moved on many times", () => {
    const specs = [
      ...every({ type: "sliding", sizeMs: 3_000 }, 0),
      ...every({ type: "count", count: 300, slide: 1 }, 0, ["stddev", "max", "percentile", "rate"]),
    ]
    const script = Array.from({ length: 4_000 }, (_, index): Step => {
      if (index % 501 === 500) return { type: "checkpoint" }
      const value = ((index * 7_919) % 1_009) - 300 + (index % 700 === 0 ? 1e12 : 0)
      return { type: "item", input: 0, item: { at: index * 5, value, text: String(index % 1_300) } }
    })
    compare(specs, 0, script)
  })
})

describe("the same items come to the same, to the last digit", () => {
  it.each(windows)("whenever windows are stored and read: $type $sizeMs $slideMs $count $slide", (window) => {
    const specs = every(window, 0, ["sum", "avg", "stddev", "rate"])
    const plan = planAggregates(specs, 20)
    const whole = plan.make(new HeldBytes())
    let cut = plan.make(new HeldBytes())
    const [wanted, got] = [new Float64Array(4), new Float64Array(4)]
    for (let at = 0, step = 0; step < 2_000; step++) {
      at += 1 + ((step * 7) % 5)
      const value = Math.sin(step) * 1_000
      for (const aggregates of [whole, cut]) {
        aggregates.add(0, at, value, undefined, () => {})
        if (step % 50 === 0) aggregates.addLate(0, at - 15, value, undefined, () => {})
      }
      const writer = new ByteWriter()
      cut.encode(writer)
      cut = plan.decode(new ByteReader(writer.finish()), new HeldBytes())
      whole.read(wanted)
      cut.read(got)
      expect(got).toEqual(wanted)
    }
  })
})
