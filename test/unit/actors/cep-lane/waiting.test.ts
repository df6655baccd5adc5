import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it } from "vitest"
import { whileWaiting } from "../../../../actors/cep/lane/waiting.ts"

describe("a question to another node", () => {
  it.each(["is answered", "fails to be asked", "is given up by whoever asked"])(
    "leaves its place when it %s",
    (how) =>
      Effect.gen(function* () {
        const places = new Map<string, Deferred.Deferred<number>>()
        const place = Deferred.makeUnsafe<number>()
        const asked = Deferred.makeUnsafe<void>()
        const wait = Effect.suspend(() => {
          if (how === "fails to be asked") throw new Error("no connection")
          Deferred.doneUnsafe(asked, Effect.void)
          return Deferred.await(place)
        })
        const asking = yield* Effect.forkChild(whileWaiting(places, "q", place, wait))
        if (how !== "fails to be asked") {
          yield* Deferred.await(asked)
          expect(places.size).toBe(1)
        }
        if (how === "is answered") yield* Deferred.succeed(place, 1)
        if (how === "is given up by whoever asked") yield* Fiber.interrupt(asking)
        yield* Fiber.await(asking)
        expect(places.size).toBe(0)
      }).pipe(Effect.runPromise),
  )
})
