import { describe, expect, it } from "vitest"
import { Timers } from "../../../../../actors/cep/group/timers.ts"

const waiting = () => ({ wakesAt: Number.POSITIVE_INFINITY, isAlive: true, touch: () => undefined })

describe("what waits for time", () => {
  it("is let go when it is gone, long before its time", () => {
    const timers = new Timers<ReturnType<typeof waiting>>()
    const living = Array.from({ length: 500 }, waiting)
    for (const [index, one] of living.entries()) timers.schedule(one, 2_000 + index)
    for (let edit = 0; edit < 50; edit++) {
      const group = Array.from({ length: 500 }, waiting)
      for (const one of group) timers.schedule(one, 1_000_000)
      for (const one of group) one.isAlive = false
    }
    expect(timers.size).toBeLessThan(3_000)
    expect(timers.due(2_000 + 500)).toEqual(living)
  })

  it("counts once, at the time that was said last", () => {
    const timers = new Timers<ReturnType<typeof waiting>>()
    const one = waiting()
    for (let at = 9_000; at > 5_000; at--) timers.schedule(one, at)
    expect(timers.nextDue()).toBe(5_001)
    expect(timers.due(10_000)).toEqual([one])
    expect(timers.nextDue()).toBe(Number.POSITIVE_INFINITY)
  })
})
