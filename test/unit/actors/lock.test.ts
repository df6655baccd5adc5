import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { EngineShape } from "../../../engine/index.ts"
import { LockProtocol } from "../../../schemas/index.ts"
import { ask, type Product, rejectionOf, withProduct } from "../../support/product.ts"

const acquire = (engine: EngineShape, owner: string, waitMs: number, ttlMs: number) =>
  ask(engine, LockProtocol, "door", { _tag: "Acquire", owner, waitMs, ttlMs }, { timeoutMs: waitMs + 10_000 })
const release = (engine: EngineShape, owner: string, fence: number) =>
  ask(engine, LockProtocol, "door", { _tag: "Release", owner, fence })
const read = (engine: EngineShape) => ask(engine, LockProtocol, "door", { _tag: "Read" })

describe("a named lock", () => {
  it(
    "is granted at once when it is free, and to the next in line when it is released",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        const first = yield* acquire(engine, "a", 0, 60_000)
        expect(first).toMatchObject({ _tag: "Granted", fence: 1 })
        const second = yield* Effect.forkChild(acquire(engine, "b", 30_000, 60_000))
        yield* Effect.sleep(1_000)
        const third = yield* Effect.forkChild(acquire(engine, "c", 30_000, 60_000))
        yield* Effect.sleep(1_000)
        expect((yield* read(engine)).waiting.map(({ owner }) => owner)).toEqual(["b", "c"])
        yield* release(engine, "a", 1)
        expect(yield* Fiber.join(second)).toMatchObject({ _tag: "Granted", fence: 2 })
        yield* release(engine, "b", 2)
        expect(yield* Fiber.join(third)).toMatchObject({ _tag: "Granted", fence: 3 })
      }),
    ),
  )

  it(
    "answers that the wait is over, and does not grant to who gave up",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* acquire(engine, "a", 0, 60_000)
        expect(yield* acquire(engine, "b", 0, 1_000)).toEqual({ _tag: "TimedOut" })
        const before = product.time.now
        expect(yield* acquire(engine, "b", 5_000, 1_000)).toEqual({ _tag: "TimedOut" })
        expect(product.time.now - before).toBeGreaterThanOrEqual(5_000)
        yield* release(engine, "a", 1)
        expect(yield* read(engine)).toEqual({ fence: 1, waiting: [] })
      }),
    ),
  )

  it(
    "frees itself when its holder dies, also when the node died meanwhile",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine, crash } = yield* product.start()
        yield* acquire(engine, "a", 0, 5_000)
        yield* crash
        const { engine: after } = yield* product.start()
        expect(yield* acquire(after, "b", 20_000, 5_000)).toMatchObject({ _tag: "Granted", fence: 2 })
        yield* Effect.sleep(6_000)
        expect(yield* read(after)).toEqual({ fence: 2, waiting: [] })
      }),
    ),
  )

  it(
    "lives longer when its holder extends it",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* acquire(engine, "a", 0, 2_000)
        yield* Effect.sleep(1_500)
        yield* ask(engine, LockProtocol, "door", { _tag: "Extend", owner: "a", fence: 1, ttlMs: 5_000 })
        yield* Effect.sleep(3_000)
        expect((yield* read(engine)).holder).toMatchObject({ owner: "a", fence: 1 })
        yield* Effect.sleep(3_000)
        expect((yield* read(engine)).holder).toBeUndefined()
      }),
    ),
  )

  it(
    "is released and extended by its holder alone, with the holder's token",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* acquire(engine, "a", 0, 60_000)
        expect(yield* rejectionOf(release(engine, "b", 1))).toEqual({ _tag: "NotHolder", holder: "a" })
        expect(yield* rejectionOf(release(engine, "a", 2))).toEqual({ _tag: "NotHolder", holder: "a" })
        const again = acquire(engine, "a", 1_000, 1_000)
        expect(yield* rejectionOf(again)).toEqual({ _tag: "AlreadyAcquiring", owner: "a" })
        yield* release(engine, "a", 1)
        expect(yield* rejectionOf(release(engine, "a", 1))).toEqual({ _tag: "NotHolder" })
      }),
    ),
  )
})

interface Held {
  readonly owner: string
  readonly fence: number
  readonly from: number
  readonly to: number
}

/** Each client takes the lock a few times and holds it for a while, or dies holding it. */
const contend = Effect.fnUntraced(function* (product: Product, plan: ReadonlyArray<ReadonlyArray<number>>) {
  const { engine } = yield* product.start()
  const held: Array<Held> = []
  const client = Effect.fnUntraced(function* (owner: string, holds: ReadonlyArray<number>) {
    for (const [round, holdMs] of holds.entries()) {
      const name = `${owner}-${round}`
      const answer = yield* acquire(engine, name, 8_000, 1_000)
      if (answer._tag === "TimedOut") continue
      const from = product.time.now
      yield* Effect.sleep(Math.min(holdMs, 900))
      // Held for at most what was promised; who holds longer than its time never releases.
      held.push({ owner: name, fence: answer.fence, from, to: product.time.now })
      if (holdMs < 900) yield* Effect.ignore(release(engine, name, answer.fence))
    }
  })
  yield* Effect.forEach(plan, (holds, index) => client(`c${index}`, holds), { concurrency: "unbounded" })
  return held
})

describe("mutual exclusion", () => {
  it("has one holder at a time and strictly growing fencing tokens, whatever clients do", () => {
    const holds = fc.array(fc.integer({ min: 0, max: 1_500 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(holds, { minLength: 2, maxLength: 5 }), fc.string(), (plan, seed) => {
        withProduct(
          (product) =>
            Effect.map(contend(product, plan), (held) => {
              const ordered = held.toSorted((a, b) => a.from - b.from || a.fence - b.fence)
              for (const [index, one] of ordered.entries()) {
                const next = ordered[index + 1]
                if (next === undefined) continue
                expect(next.fence).toBeGreaterThan(one.fence)
                expect(next.from).toBeGreaterThanOrEqual(one.to)
              }
              expect(held.length).toBeGreaterThan(0)
            }),
          seed,
        )()
      }),
      { numRuns: 25 },
    )
  })
})
