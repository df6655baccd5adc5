import { describe, expect, it } from "vitest"
import * as DeterministicRandom from "../../../engine/deterministic-random.ts"

const draws = (seed: string, count: number) => {
  const random = DeterministicRandom.make(seed)
  return Array.from({ length: count }, () => random.next())
}

describe("randomness for a decision", () => {
  // What actors drew is in journals and in other systems: a change here makes a re-run decide otherwise.
  it("gives the same numbers and ids for a seed for ever", () => {
    expect(draws("t/account/a 1700000000000 5.0", 4)).toEqual([
      0.6532920363824815, 0.6357877540867776, 0.5779854231514037, 0.4505296617280692,
    ])
    expect(DeterministicRandom.make("t/account/a 1700000000000 5.0").uuid()).toBe(
      "a73e259b-a2c2-4c7b-93f6-da4a7355e973",
    )
    expect(draws("", 2)).toEqual([0.08037928072735667, 0.29302925569936633])
  })

  it("gives other numbers for seeds that differ in one character", () => {
    const seeds = Array.from({ length: 1_000 }, (_, index) => `seed ${index}`)
    expect(new Set(seeds.map((seed) => draws(seed, 1)[0])).size).toBe(1_000)
  })

  it("is uniform between 0 and 1", () => {
    const tenths = new Array<number>(10).fill(0)
    for (const value of draws("uniform", 10_000)) {
      expect(value >= 0 && value < 1).toBe(true)
      tenths[Math.floor(value * 10)]! += 1
    }
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })

  it("makes ids of version 4 that do not repeat", () => {
    const random = DeterministicRandom.make("ids")
    const ids = Array.from({ length: 1_000 }, () => random.uuid())
    expect(new Set(ids).size).toBe(1_000)
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
