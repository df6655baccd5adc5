/** The deliveries of a channel in virtual time: once, in order, again after failures, and within bounds. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import {
  giveUpActionAfterMs,
  giveUpAfterMs,
  inFlightMax,
  pausesMs,
  testsMax,
} from "../../../../actors/notification/limits.ts"
import { againAt } from "../../../../actors/notification/next.ts"
import type { Waiting } from "../../../../actors/notification/state.ts"
import type { DecideContext } from "../../../../engine/index.ts"
import { NotificationProtocol } from "../../../../schemas/index.ts"
import { actionOf, notificationOf } from "../../../support/notified.ts"
import { ask, eventually, rejectionOf, withProduct } from "../../../support/product.ts"
import {
  answering,
  deliver,
  failed,
  failing,
  logOf,
  on,
  ScriptedReceiver,
  statuses,
} from "./scripted-receiver.ts"

const hour = 60 * 60_000
const quarter = 15 * 60_000

describe("a channel", () => {
  on("delivers what it is told once, whoever says it again and however often", ({ receiver, engine }) =>
    Effect.gen(function* () {
      for (const id of ["a", "b", "a", "a", "b"]) yield* deliver(engine, notificationOf(id))
      yield* eventually(() => receiver.arrived.length === 2)
      yield* deliver(engine, notificationOf("a"))
      yield* Effect.sleep(quarter)
      expect(receiver.ids()).toEqual(["a", "b"])
      expect(yield* logOf(engine)).toMatchObject([
        { id: "b", status: "delivered", attempts: 1, what: "Firing, warning: CPU is busy (host=web)" },
        { id: "a", status: "delivered", attempts: 1 },
      ])
    }),
  )

  on(
    "tries again what failed with growing pauses and the same id, until it goes through",
    ({ receiver, engine }) =>
      Effect.gen(function* () {
        receiver.answer = () => (receiver.arrived.length < 5 ? failing() : answering())
        yield* deliver(engine, notificationOf("a"))
        yield* Effect.sleep(100)
        expect(yield* logOf(engine)).toMatchObject([
          { id: "a", status: "failed", attempts: 1, detail: "the receiver answered 500" },
        ])
        yield* Effect.sleep(quarter)
        const pauses = receiver.arrived.slice(1).map(({ at }, index) => at - receiver.arrived[index]!.at)
        for (const [index, pause] of pauses.entries()) {
          expect(pause).toBeGreaterThanOrEqual(pausesMs[index]! * 0.9)
          expect(pause).toBeLessThanOrEqual(pausesMs[index]! * 1.1 + 100)
        }
        expect(receiver.ids()).toEqual(["a", "a", "a", "a", "a"])
        expect(yield* logOf(engine)).toMatchObject([{ id: "a", status: "delivered", attempts: 5 }])
      }),
  )

  on("gives up an action that did not go through for an hour, and says why", ({ receiver, engine }) =>
    Effect.gen(function* () {
      receiver.answer = failing
      const action = actionOf("a", { type: "ask_ops", question: "what is it?" })
      yield* ask(engine, NotificationProtocol, "ops", { _tag: "Act", action })
      yield* ask(engine, NotificationProtocol, "ops", { _tag: "Act", action })
      yield* Effect.sleep(giveUpActionAfterMs + hour)
      const [given] = yield* logOf(engine)
      expect(given).toMatchObject({ id: "a", status: "given_up", what: "ask_ops: what is it?" })
      expect(given?.detail).toBe("tried for long enough; the receiver answered 500")
      const took = receiver.arrived.at(-1)!.at - receiver.arrived[0]!.at
      expect(took).toBeGreaterThan(giveUpActionAfterMs - 16 * 60_000)
      expect(took).toBeLessThanOrEqual(giveUpActionAfterMs)
    }),
  )

  it("gives up a notification that did not go through for a day", () => {
    const entry = { attempts: 30, queuedAt: 0, action: undefined } as unknown as Waiting
    const random = { next: () => 0.5 } as DecideContext["random"]
    const again = (now: number) => againAt(entry, undefined, { now, random })
    expect(again(giveUpAfterMs - 2 * quarter)).toBe(giveUpAfterMs - quarter)
    expect(again(giveUpAfterMs - quarter + 1)).toBeUndefined()
  })

  on("gives up at once what its receiver will refuse again", ({ receiver, engine }) =>
    Effect.gen(function* () {
      receiver.answer = () => Effect.succeed({ status: "given_up", detail: "the receiver answered 404" })
      yield* deliver(engine, notificationOf("a"))
      yield* Effect.sleep(quarter)
      expect(yield* logOf(engine)).toMatchObject([
        { status: "given_up", attempts: 1, detail: "the receiver answered 404" },
      ])
    }),
  )

  on("rests for as long as its receiver asks for, though not for days", ({ receiver, engine }) =>
    Effect.gen(function* () {
      const asked = [60_000, 10 * 24 * hour]
      receiver.answer = () => {
        const retryAfterMs = asked[receiver.arrived.length - 1]
        return retryAfterMs === undefined ? answering() : Effect.succeed({ ...failed, retryAfterMs })
      }
      yield* deliver(engine, notificationOf("a"))
      yield* Effect.sleep(1_000)
      yield* deliver(engine, notificationOf("b"))
      yield* Effect.sleep(2 * quarter)
      const [first, second, third] = receiver.arrived
      expect(second!.at - first!.at).toBeGreaterThanOrEqual(60_000)
      expect(second!.at - first!.at).toBeLessThan(62_000)
      expect(third!.at - second!.at).toBeLessThanOrEqual(15 * 60_000 + 1_000)
      expect(yield* statuses(engine)).toEqual({ a: "delivered", b: "delivered" })
    }),
  )

  on(
    "tells of one group in order, also when the first attempt failed, and lets other groups pass",
    ({ receiver, engine }) =>
      Effect.gen(function* () {
        receiver.answer = ({ id }) => (id === "a1" && receiver.arrived.length < 4 ? failing() : answering())
        yield* deliver(engine, notificationOf("a1", { groupKey: "a" }))
        yield* deliver(engine, notificationOf("a2", { groupKey: "a", reason: "resolved" }))
        yield* deliver(engine, notificationOf("b1", { groupKey: "b" }))
        yield* Effect.sleep(quarter)
        expect(receiver.ids().filter((id) => id === "b1")).toHaveLength(1)
        expect(receiver.ids().indexOf("b1")).toBeLessThan(receiver.ids().lastIndexOf("a1"))
        expect(receiver.ids().at(-1)).toBe("a2")
        expect(receiver.ids().filter((id) => id === "a2")).toHaveLength(1)
      }),
  )

  on("answers a test with how it went, after one attempt, and takes few at a time", ({ receiver, engine }) =>
    Effect.gen(function* () {
      const test = ask(
        engine,
        NotificationProtocol,
        "ops",
        { _tag: "Test", by: "ann" },
        { timeoutMs: 60_000 },
      )
      expect(yield* test).toMatchObject({ status: "delivered", attempts: 1 })
      receiver.answer = failing
      expect(yield* test).toMatchObject({ status: "given_up", detail: "the receiver answered 500" })
      yield* Effect.sleep(quarter)
      expect(receiver.arrived).toHaveLength(2)
      receiver.answer = () => Effect.never
      for (let index = 0; index < testsMax; index++) yield* Effect.forkChild(test)
      yield* Effect.sleep(100)
      expect(yield* rejectionOf(test)).toEqual({ _tag: "TooManyTests", max: testsMax })
    }),
  )
})

describe("a node that dies", () => {
  on(
    "in the middle of a delivery has it made again with the same id; what was over is not made again",
    ({ receiver, node: first, product }) =>
      Effect.gen(function* () {
        yield* deliver(first.engine, notificationOf("over"))
        yield* eventually(() => receiver.arrived.length === 1)
        yield* Effect.sleep(1_000)
        receiver.answer = () => Effect.never
        yield* deliver(first.engine, notificationOf("cut off"))
        yield* eventually(() => receiver.arrived.length === 2)
        yield* first.crash
        receiver.answer = answering
        const { engine } = yield* receiver.start(product)
        yield* eventually(() => receiver.arrived.length === 3)
        yield* deliver(engine, notificationOf("over"))
        yield* Effect.sleep(quarter)
        expect(receiver.ids()).toEqual(["over", "cut off", "cut off"])
        expect(yield* statuses(engine)).toEqual({ over: "delivered", "cut off": "delivered" })
      }),
  )

  for (const afterMs of [0, 1, 3, 10, 30, 60, 100, 200, 400, 1_000])
    it(
      `after ${afterMs} ms leaves nothing untold, and only what was on its way is told twice`,
      withProduct(
        (product) =>
          Effect.gen(function* () {
            const receiver = new ScriptedReceiver(() => product.time.now)
            receiver.answer = () => Effect.delay(answering(), 50)
            const first = yield* receiver.start(product)
            const ids = Array.from({ length: 12 }, (_, index) => `n${index}`)
            for (const [index, id] of ids.entries())
              yield* deliver(first.engine, notificationOf(id, { groupKey: `g${index % 6}` }))
            yield* Effect.sleep(afterMs)
            yield* first.crash
            const { engine } = yield* receiver.start(product)
            yield* Effect.sleep(60_000)
            expect(new Set(receiver.ids())).toEqual(new Set(ids))
            expect(receiver.arrived.length - ids.length).toBeLessThanOrEqual(inFlightMax)
            expect(yield* statuses(engine)).toEqual(Object.fromEntries(ids.map((id) => [id, "delivered"])))
            for (const group of [0, 1, 2, 3, 4, 5])
              expect(receiver.ids().lastIndexOf(`n${group}`)).toBeLessThan(
                receiver.ids().indexOf(`n${group + 6}`),
              )
          }),
        `crash ${afterMs}`,
      ),
    )

  on(
    "while a delivery waits for its next attempt has it made when that is due",
    ({ receiver, node: first, product }) =>
      Effect.gen(function* () {
        receiver.answer = failing
        yield* deliver(first.engine, notificationOf("a"))
        yield* eventually(() => receiver.arrived.length === 2)
        yield* Effect.sleep(100)
        yield* first.crash
        receiver.answer = answering
        const { engine } = yield* receiver.start(product)
        yield* Effect.sleep(60_000)
        expect(receiver.ids()).toEqual(["a", "a", "a"])
        expect(yield* logOf(engine)).toMatchObject([{ status: "delivered", attempts: 3 }])
      }),
  )
})
