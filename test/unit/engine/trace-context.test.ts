import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { TraceContext } from "../../../engine/index.ts"

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const spanId = "00f067aa0ba902b7"

describe("a trace context", () => {
  it("reads and writes the example of the W3C recommendation", () => {
    expect(TraceContext.format({ traceId, spanId })).toBe(`00-${traceId}-${spanId}-01`)
    expect(TraceContext.parse(`00-${traceId}-${spanId}-00`)).toEqual({ traceId, spanId })
  })

  it.each([
    "",
    `01-${traceId}-${spanId}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId.slice(1)}-${spanId}-01`,
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-extra`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
  ])("is not made of %j", (header) => {
    expect(TraceContext.parse(header)).toBeUndefined()
  })
})

describe("the span of a journal entry", () => {
  it("has the same id for ever", () => {
    expect(TraceContext.spanIdOf(3, 17, 2)).toBe("0003000000110002")
    expect(TraceContext.spanIdOf(1_023, 0xffff_ffff, 0xffff)).toBe("03ffffffffffffff")
  })

  it("is another one for another partition, sequence or index", () => {
    const place = fc.tuple(fc.nat(1_023), fc.integer({ min: 1, max: 2 ** 32 - 1 }), fc.nat(65_535))
    fc.assert(
      fc.property(place, place, (left, right) => {
        fc.pre(left.join() !== right.join())
        const [one, other] = [TraceContext.spanIdOf(...left), TraceContext.spanIdOf(...right)]
        expect(one).toMatch(/^[0-9a-f]{16}$/)
        expect(one).not.toBe(other)
      }),
    )
  })
})
