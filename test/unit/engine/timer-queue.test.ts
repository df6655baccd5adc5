import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type PendingTimer, splitTimerKey, TimerQueue, timerKey } from "../../../engine/timer-queue.ts"

type Step =
  | { readonly _tag: "set"; readonly key: string; readonly at: number }
  | { readonly _tag: "clear"; readonly key: string }
  | { readonly _tag: "due"; readonly now: number; readonly max: number }

const key = fc.nat(12).map((number) => `ring:${number}`)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ _tag: fc.constant("set" as const), key, at: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("clear" as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({
      _tag: fc.constant("due" as const),
      now: fc.nat(110),
      max: fc.constantFrom(1, 3, 50),
    }),
  },
)

describe("the queue of timers", () => {
  it("hands out what a sorted list would, through settings, replacements and cancellations", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
        const queue = new TimerQueue()
        const naive = new Map<string, number>()
        for (const one of steps) {
          if (one._tag === "set") {
            queue.set({ address: "a", key: one.key, at: one.at })
            naive.set(one.key, one.at)
          } else if (one._tag === "clear") {
            queue.clear("a", one.key)
            naive.delete(one.key)
          } else {
            const expected = [...naive]
              .filter(([, at]) => at <= one.now)
              .sort((left, right) => left[1] - right[1])
              .slice(0, one.max)
            const due = queue.due(one.now, one.max)
            expect(due.map(({ at }) => at)).toEqual(expected.map(([, at]) => at))
            for (const { key: fired, at } of due) {
              expect(naive.get(fired)).toBe(at)
              naive.delete(fired)
              queue.clear("a", fired)
            }
          }
          expect(queue.size).toBe(naive.size)
          expect(queue.nextAt()).toBe(naive.size === 0 ? undefined : Math.min(...naive.values()))
        }
        const left = queue.values().map(({ key: one, at }) => [one, at] as const)
        expect(new Map(left)).toEqual(naive)
      }),
      { numRuns: 200 },
    )
  })

  it("keeps timers of the same key of several actors apart", () => {
    const queue = new TimerQueue()
    queue.set({ address: "a", key: "ring", at: 1 })
    queue.set({ address: "b", key: "ring", at: 2 })
    queue.clear("a", "ring")
    expect(queue.due(10, 10)).toEqual([{ address: "b", key: "ring", at: 2 }])
  })

  it("knows a timer that was handed out until it is cleared, so that a checkpoint does not forget it", () => {
    const queue = new TimerQueue()
    const timer = { address: "a", key: "ring", at: 1 }
    queue.set(timer)
    expect(queue.due(1, 10)).toEqual([timer])
    expect(queue.due(1, 10)).toEqual([])
    expect(queue.values()).toEqual([timer])
    queue.clear("a", "ring")
    expect(queue.values()).toEqual([])
  })

  it("touches only what is due among 100,000 timers", () => {
    let looks = 0
    const watched = (number: number, at: number): PendingTimer => ({
      address: `actor ${number}`,
      key: "ring",
      get at() {
        looks += 1
        return at
      },
    })
    const queue = new TimerQueue()
    // A permutation of 0 … 99,999, so that neither order of arrival is the order of time.
    for (let number = 0; number < 100_000; number++) queue.set(watched(number, (number * 7_919) % 100_000))
    const comparisonsPerSetting = looks / 100_000
    expect(comparisonsPerSetting).toBeLessThan(2 * 17)

    looks = 0
    expect(queue.due(-1, 1_000)).toEqual([])
    expect(queue.nextAt()).toBe(0)
    expect(looks).toBeLessThan(5)

    looks = 0
    const due = queue.due(9, 1_000)
    expect(due).toHaveLength(10)
    // Each removal sinks one timer through at most 17 levels, with two comparisons of two timers each.
    expect(looks).toBeLessThan(10 * (17 * 4 + 10))

    looks = 0
    for (const { address, key: one } of due) queue.clear(address, one)
    expect(looks).toBe(0)
  })

  it("neither grows nor loses its order with timers that are replaced over and over", () => {
    let looks = 0
    const queue = new TimerQueue()
    const latest = new Map<string, number>()
    for (let round = 0; round < 50_000; round++) {
      const [key, at] = [`ring:${round % 10}`, 1 + ((round * 7_919) % 100_003)]
      latest.set(key, at)
      queue.set({
        address: "a",
        key,
        get at() {
          looks += 1
          return at
        },
      })
      if (round % 7 === 0) expect(queue.nextAt()).toBe(Math.min(...latest.values()))
    }
    expect(queue.size).toBe(10)
    looks = 0
    const due = queue.due(1_000_000, 100)
    expect(looks).toBeLessThan(3_000)
    expect(due.map(({ at }) => at)).toEqual([...latest.values()].sort((left, right) => left - right))
  })
})

describe("the key of a timer", () => {
  it("is taken apart again, also when the id holds colons or is empty", () => {
    for (const id of [undefined, "", "a", "a:b", ":"]) {
      expect(splitTimerKey(timerKey("ring", id))).toEqual({ timer: "ring", id })
    }
  })
})
