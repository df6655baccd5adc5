/** Nodes that share counters, under any interleaving of their requests with the store's answers. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import fc from "fast-check"
import type { KeyValueStore } from "../../../engine/key-value.ts"
import { makeKeyValue, ValueStore } from "../../../engine/memory/key-value.ts"
import { blockOf, rateLimitBounds } from "../../../resources/rate-limit/bounds.ts"
import { makeRateLimits, type RateLimitOptions } from "../../../resources/rate-limit/rate-limits.ts"

const window = 60_000
const question = (limit: number, cost = 1, identity = "acme/kim") => ({
  rateClass: "read",
  identity,
  policy: { limit, windowMs: window },
  cost,
})

/** Every operation is held back before and after it reaches the store, for as long as the scheduler likes. */
const scheduled = (store: KeyValueStore, scheduler: fc.Scheduler): KeyValueStore => {
  const late = <A, E>(operation: Effect.Effect<A, E>) => {
    const wait = Effect.promise(() => scheduler.schedule(Promise.resolve()))
    return Effect.andThen(
      wait,
      Effect.flatMap(operation, (answer) => Effect.as(wait, answer)),
    )
  }
  return {
    getMany: (keys) => late(store.getMany(keys)),
    putMany: (writes) => late(store.putMany(writes)),
    removeMany: (keys) => late(store.removeMany(keys)),
  }
}

const node = (options: RateLimitOptions) => makeRateLimits({ now: () => 0, ...options })

/** The clock of the test stands still, so that neither time-outs nor pauses pass by themselves. */
const granting = (
  nodes: number,
  asks: ReadonlyArray<{ readonly at: number; readonly cost: number }>,
  limit: number,
  scheduler: fc.Scheduler,
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function* () {
    const values = makeKeyValue(new ValueStore())
    const limiters = yield* Effect.forEach(Array.from({ length: nodes }), () =>
      node({ store: scheduled(values, scheduler) }),
    )
    let granted = 0
    const asking = yield* Effect.forkChild(
      Effect.forEach(
        asks,
        ({ at, cost }) =>
          Effect.map(
            Effect.andThen(
              Effect.promise(() => scheduler.schedule(Promise.resolve())),
              limiters[at % nodes]!.take(question(limit, cost)),
            ),
            (decision) => {
              if (decision.allowed) granted += cost
            },
          ),
        { concurrency: "unbounded" },
      ),
    )
    yield* Effect.promise(() => scheduler.waitIdle())
    // Whoever lost a round pauses before the next.
    for (let rounds = 0; rounds < 200 && asking.pollUnsafe() === undefined; rounds++) {
      yield* TestClock.adjust(rateLimitBounds.backoffMsMax)
      yield* Effect.promise(() => scheduler.waitIdle())
    }
    yield* Fiber.join(asking)
    return granted
  })

const inProperty = (effect: Effect.Effect<number, never, Scope.Scope>) =>
  Effect.runPromise(Effect.scoped(Effect.provide(effect, TestClock.layer())))

describe("rate limits across nodes", () => {
  it("never grant more than the limit, whatever the order in which answers come", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 120 }),
        fc.array(fc.record({ at: fc.nat(3), cost: fc.integer({ min: 1, max: 3 }) }), { maxLength: 60 }),
        fc.scheduler(),
        async (nodes, limit, asks, scheduler) => {
          expect(await inProperty(granting(nodes, asks, limit, scheduler))).toBeLessThanOrEqual(limit)
        },
      ),
      { numRuns: 150 },
    )
  })

  it("grant exactly the limit when requests go on coming at every node", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 40 }),
        fc.scheduler(),
        async (nodes, limit, scheduler) => {
          const asks = Array.from({ length: nodes * (limit + 1) }, (_, index) => ({ at: index, cost: 1 }))
          expect(await inProperty(granting(nodes, asks, limit, scheduler))).toBe(limit)
        },
      ),
      { numRuns: 60 },
    )
  })

  it("take blocks that leave nothing over and shrink to single grants", () => {
    for (let left = 10_000; left > 0; left -= blockOf(left)) expect(blockOf(left)).toBeLessThanOrEqual(left)
    expect([blockOf(90_000), blockOf(6_000), blockOf(500), blockOf(99), blockOf(1)]).toEqual([
      1_000, 120, 10, 1, 1,
    ])
  })
})

const never: KeyValueStore = {
  getMany: () => Effect.never,
  putMany: () => Effect.never,
  removeMany: () => Effect.never,
}

describe("a node's rate limits", () => {
  const drain = Effect.fnUntraced(function* (
    take: Effect.Effect<{ readonly allowed: boolean }>,
    times: number,
  ) {
    const decisions = yield* Effect.forEach(Array.from({ length: times }), () => take)
    return decisions.filter(({ allowed }) => allowed).length
  })

  it.effect("are decided without a round trip for all but one request of a block", () =>
    Effect.gen(function* () {
      const limits = yield* node({ store: makeKeyValue(new ValueStore()) })
      expect(yield* drain(limits.take(question(6_000)), 7_000)).toBe(6_000)
      const { exchanges, granted, refused } = limits.figures()
      expect({ granted, refused }).toEqual({ granted: 6_000, refused: 1_000 })
      expect(exchanges).toBeLessThan(400)
    }),
  )

  it.effect("let requests that come together share one round trip", () =>
    Effect.gen(function* () {
      const values = makeKeyValue(new ValueStore())
      const slow: KeyValueStore["putMany"] = (writes) =>
        Effect.andThen(Effect.yieldNow, values.putMany(writes))
      const limits = yield* node({ store: { ...values, putMany: slow } })
      const decisions = yield* Effect.all(
        Array.from({ length: 30 }, () => limits.take(question(20))),
        { concurrency: "unbounded" },
      )
      expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(20)
      expect(limits.figures().exchanges).toBeLessThanOrEqual(3)
    }),
  )

  it.effect("begin anew with the next window, and say when that is", () =>
    Effect.gen(function* () {
      let now = 10_000
      const limits = yield* node({ store: makeKeyValue(new ValueStore()), now: () => now })
      expect(yield* limits.take(question(1))).toEqual({
        allowed: true,
        limit: 1,
        remaining: 0,
        resetMs: 50_000,
      })
      expect((yield* limits.take(question(1))).allowed).toBe(false)
      now = window
      expect((yield* limits.take(question(1))).allowed).toBe(true)
    }),
  )

  it.effect("keep identities and classes apart", () =>
    Effect.gen(function* () {
      const limits = yield* node({ store: makeKeyValue(new ValueStore()) })
      expect((yield* limits.take(question(1, 1, "acme/kim"))).allowed).toBe(true)
      expect((yield* limits.take(question(1, 1, "acme/lee"))).allowed).toBe(true)
      expect((yield* limits.take({ ...question(1), rateClass: "write" })).allowed).toBe(true)
      expect((yield* limits.take(question(1, 1, "acme/kim"))).allowed).toBe(false)
    }),
  )

  it.effect("are counted by the node alone when the store does not answer, up to the limit", () =>
    Effect.gen(function* () {
      const limits = yield* node({ store: never })
      const first = yield* Effect.forkChild(limits.take(question(5)))
      yield* TestClock.adjust(rateLimitBounds.answerMsMax)
      expect((yield* Fiber.join(first)).allowed).toBe(true)
      expect(yield* drain(limits.take(question(5)), 10)).toBe(4)
      expect(limits.figures()).toMatchObject({ alone: 5, failures: 1, exchanges: 1 })
    }),
  )

  it.effect("tell the shared counter afterwards what was granted without it", () =>
    Effect.gen(function* () {
      let [now, away] = [0, true]
      const values = makeKeyValue(new ValueStore())
      const store = {
        ...values,
        putMany: (writes) => (away ? Effect.never : values.putMany(writes)),
      } as KeyValueStore
      const limits = yield* node({ store, now: () => now })
      const other = yield* node({ store: values, now: () => now })
      const first = yield* Effect.forkChild(limits.take(question(10)))
      yield* TestClock.adjust(rateLimitBounds.answerMsMax)
      yield* Fiber.join(first)
      expect(yield* drain(limits.take(question(10)), 5)).toBe(5)
      away = false
      now += rateLimitBounds.aloneMs
      expect((yield* limits.take(question(10))).allowed).toBe(true)
      expect(yield* drain(other.take(question(10)), 10)).toBe(3)
    }),
  )

  it.effect("take nothing for a request that went away while it waited", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const values = makeKeyValue(new ValueStore())
      const store = { ...values, putMany: (writes) => gate.whenOpen(values.putMany(writes)) } as KeyValueStore
      const limits = yield* node({ store })
      const gone = yield* Effect.forkChild(limits.take(question(1)))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(gone)
      yield* gate.open
      expect((yield* limits.take(question(1))).allowed).toBe(true)
    }),
  )

  it.effect("know a bounded number of identities, and stay exact for those they forgot", () =>
    Effect.gen(function* () {
      const limits = yield* node({ store: makeKeyValue(new ValueStore()), identitiesMax: 2 })
      for (const identity of ["a", "b", "c", "a", "b", "c"]) yield* limits.take(question(1, 1, identity))
      expect(limits.figures()).toMatchObject({ identities: 2, granted: 3, refused: 3 })
    }),
  )

  it.effect("refuse a window that the shared counters would not outlive", () =>
    Effect.gen(function* () {
      const limits = yield* node({ store: makeKeyValue(new ValueStore()) })
      const policy = { limit: 1, windowMs: rateLimitBounds.windowMsMax + 1 }
      expect(() => limits.takeHeld({ ...question(1), policy })).toThrow("windowMs at most")
    }),
  )
})
