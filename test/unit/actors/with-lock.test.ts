import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { LockNotHeld, withLock } from "../../../actors/index.ts"
import { LockProtocol } from "../../../schemas/index.ts"
import { ask, tenant, withProduct } from "../../support/product.ts"

const call = { tenant }
const options = (owner: string) => ({ lock: "door", owner, waitMs: 60_000, ttlMs: 3_000 })

describe("work under a named lock", () => {
  it(
    "is done by one at a time, longer than the lock lives by itself, and the lock is free afterwards",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        let inside = 0
        let most = 0
        const fences: Array<number> = []
        const work = (fence: number) =>
          Effect.gen(function* () {
            inside += 1
            most = Math.max(most, inside)
            fences.push(fence)
            yield* Effect.sleep(7_000)
            inside -= 1
          })
        yield* Effect.forEach(["a", "b", "c"], (owner) => withLock(engine, options(owner), call, work), {
          concurrency: "unbounded",
        })
        expect(most).toBe(1)
        expect(fences).toEqual([1, 2, 3])
        expect(yield* ask(engine, LockProtocol, "door", { _tag: "Read" })).toEqual({ fence: 3, waiting: [] })
      }),
    ),
  )

  it(
    "releases when it fails, ends when the lock is lost, and does not begin when the wait is over",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        expect(yield* Effect.flip(withLock(engine, options("a"), call, () => Effect.fail("broken")))).toBe(
          "broken",
        )
        const taken = withLock(engine, options("b"), call, (fence) =>
          Effect.andThen(
            engine.ask(LockProtocol, "door", { _tag: "Release", owner: "b", fence }, call),
            Effect.never,
          ),
        )
        expect(yield* Effect.flip(taken)).toEqual(new LockNotHeld({ lock: "door", reason: "lost" }))
        const waits = withLock(engine, options("c"), call, () =>
          withLock(engine, { ...options("d"), waitMs: 100 }, call, () => Effect.succeed("never")),
        )
        expect(yield* Effect.flip(waits)).toEqual(new LockNotHeld({ lock: "door", reason: "timed out" }))
      }),
    ),
  )
})
