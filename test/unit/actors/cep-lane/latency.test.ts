import { describe, expect, it } from "vitest"
import { Latency } from "../../../../actors/cep/lane/latency.ts"

const second = 1_000

describe("the latency of a lane", () => {
  it("is nothing before anything was evaluated", () => {
    expect(new Latency(0).figures(0)).toBeUndefined()
    expect(new Latency(0).microsPerItem(0)).toBe(0)
  })

  it("is near the truth for half and for nearly all of the messages, and true for the longest", () => {
    const latency = new Latency(0)
    for (let index = 1; index <= 1_000; index++) latency.note(second, index, 10, 0.5)
    latency.note(second, 77_777, 10, 0.5)
    const { p50, p99, max } = latency.figures(second)!
    expect(p50).toBeGreaterThanOrEqual(500)
    expect(p50).toBeLessThanOrEqual(600)
    expect(p99).toBeGreaterThanOrEqual(990)
    expect(p99).toBeLessThanOrEqual(1_200)
    expect(max).toBe(77_777)
    expect(latency.microsPerItem(second)).toBeCloseTo(50, 6)
  })

  it("takes a message that a faster clock stored for one that was evaluated at once", () => {
    const latency = new Latency(0)
    latency.note(0, -5, 1, 0)
    expect(latency.figures(0)).toEqual({ p50: 0, p99: 0, max: 0 })
  })

  it("forgets what is minutes old, also when nothing comes any more", () => {
    const latency = new Latency(0)
    latency.note(0, 9_000, 1, 0)
    latency.note(200 * second, 1, 1, 0)
    expect(latency.figures(200 * second)).toMatchObject({ max: 9_000 })
    expect(latency.figures(400 * second)).toMatchObject({ max: 1 })
    expect(latency.figures(1_000 * second)).toBeUndefined()
  })
})
