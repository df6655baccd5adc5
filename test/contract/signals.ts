/** What every `SignalBus` must do between live nodes. That signals may be lost is no excuse on a quiet machine. */
import { describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { expect } from "vitest"
import type { SignalBus } from "../../engine/signals.ts"
import { bytes, text } from "./log.ts"

/** Collects what arrives; `until(n)` waits for the n-th. */
const collector = () => {
  const received: Array<string> = []
  const waiting: Array<{ readonly count: number; readonly done: Deferred.Deferred<void> }> = []
  return {
    received,
    handle: (data: Uint8Array) => {
      received.push(text(data)!)
      for (const { count, done } of waiting)
        if (received.length >= count) Effect.runSync(Deferred.succeed(done, undefined))
    },
    until: (count: number) =>
      Effect.suspend(() => {
        if (received.length >= count) return Effect.void
        const done = Deferred.makeUnsafe<void>()
        waiting.push({ count, done })
        return Deferred.await(done)
      }),
  }
}

/** `fresh` gives two nodes' ends of one bus. */
export const signalsContract = (
  title: string,
  fresh: Effect.Effect<readonly [SignalBus, SignalBus], unknown, Scope.Scope>,
) =>
  describe(`the signals contract on ${title}`, () => {
    it.live("reaches every subscriber of the topic on every node, in order, and nobody else", () =>
      Effect.gen(function* () {
        const [here, there] = yield* fresh
        const local = collector()
        const remote = collector()
        const other = collector()
        yield* here.subscribe("node.1 up/*", local.handle)
        yield* there.subscribe("node.1 up/*", remote.handle)
        yield* there.subscribe("node.1 up", other.handle)
        for (const value of ["a", "b", "c"]) here.publish("node.1 up/*", bytes(value))
        here.publish("node.1 up", bytes("other"))
        yield* Effect.all([local.until(3), remote.until(3), other.until(1)])
        expect(local.received).toEqual(["a", "b", "c"])
        expect(remote.received).toEqual(["a", "b", "c"])
        expect(other.received).toEqual(["other"])
      }),
    )

    it.live("stops calling when the scope closes", () =>
      Effect.gen(function* () {
        const [here, there] = yield* fresh
        const stopped = collector()
        const staying = collector()
        const scope = yield* Scope.make()
        yield* Effect.provideService(there.subscribe("t", stopped.handle), Scope.Scope, scope)
        yield* there.subscribe("t", staying.handle)
        here.publish("t", bytes("first"))
        yield* Effect.all([stopped.until(1), staying.until(1)])
        yield* Scope.close(scope, Exit.void)
        here.publish("t", bytes("second"))
        yield* staying.until(2)
        expect(stopped.received).toEqual(["first"])
      }),
    )

    it.live("lets a signal to nobody pass", () =>
      Effect.gen(function* () {
        const [here] = yield* fresh
        expect(here.publish("nobody listens", bytes("x"))).toBeUndefined()
      }),
    )
  })
