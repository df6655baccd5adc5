import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { SenderMarks } from "../../../engine/sender-marks.ts"

interface Sent {
  readonly source: string
  readonly mark: readonly [number, number]
}

/** Sources that each send in order, one batch after another; any stored batch may be stored again at any later time. */
const traffic = fc
  .record({
    batches: fc.array(
      fc.record({
        source: fc.constantFrom("s:a", "s:b", "p:0", "p:1"),
        size: fc.integer({ min: 1, max: 4 }),
      }),
      { maxLength: 30, size: "max" },
    ),
    repeats: fc.array(fc.tuple(fc.nat(1_000), fc.nat(1_000)), { maxLength: 20, size: "max" }),
  })
  .map(({ batches, repeats }) => {
    const sent = new Map<string, number>()
    const stored = batches.map(({ source, size }) => {
      const batch = (sent.get(source) ?? 0) + 1
      sent.set(source, batch)
      return Array.from({ length: size }, (_, index): Sent => ({ source, mark: [batch, index] }))
    })
    for (const [from, distance] of repeats) {
      if (stored.length === 0) break
      const index = from % stored.length
      const later = index + 1 + (distance % (stored.length - index))
      stored.splice(later, 0, stored[index]!)
    }
    return stored.flat()
  })

describe("the marks of senders", () => {
  it("accept each message once, exactly as a set of all that was seen would", () => {
    fc.assert(
      fc.property(traffic, (messages) => {
        const marks = new SenderMarks(100)
        const seen = new Set<string>()
        for (const { source, mark } of messages) {
          const key = `${source} ${mark.join(".")}`
          expect(marks.accept(source, mark)).toBe(!seen.has(key))
          seen.add(key)
        }
      }),
      { numRuns: 500 },
    )
  })

  it("know the same after they were stored and read back at any point", () => {
    fc.assert(
      fc.property(traffic, fc.nat(200), (messages, cut) => {
        let marks = new SenderMarks(100)
        const whole = new SenderMarks(100)
        messages.forEach(({ source, mark }, index) => {
          if (index === cut) marks = new SenderMarks(100, JSON.parse(JSON.stringify(marks.toArray())))
          expect(marks.accept(source, mark)).toBe(whole.accept(source, mark))
        })
      }),
    )
  })

  it("forget the sender that was silent longest beyond the bound, also after a restart, and never a partition", () => {
    const marks = new SenderMarks(2)
    marks.accept("p:0", [7, 0])
    for (const source of ["s:a", "s:b", "s:a"]) marks.accept(source, [1, 1])
    marks.accept("s:a", [2, 0])
    const restored = new SenderMarks(2, marks.toArray())
    restored.accept("s:c", [1, 0])
    expect(restored.accept("s:a", [2, 0])).toBe(false)
    expect(restored.accept("p:0", [7, 0])).toBe(false)
    expect(restored.accept("s:b", [1, 1])).toBe(true)
    for (let index = 0; index < 100; index++) restored.accept(`p:${index + 1}`, [1, 0])
    expect(restored.accept("p:0", [6, 9])).toBe(false)
    expect(restored.toArray().filter(([source]) => source.startsWith("s:"))).toHaveLength(2)
  })
})
