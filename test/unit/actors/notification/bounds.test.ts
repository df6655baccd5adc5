/** What bounds a channel: attempts at once and in a minute, what waits, and what one notification may hold; and its list. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { describe, expect } from "vitest"
import { inFlightMax, queueMax } from "../../../../actors/notification/limits.ts"
import { notificationOf, notified } from "../../../support/notified.ts"
import { eventually } from "../../../support/product.ts"
import { answering, deliver, failed, failing, logOf, on, statuses } from "./scripted-receiver.ts"

const quarter = 15 * 60_000

describe("a channel", () => {
  on("begins no more attempts in a minute than it may", ({ receiver, engine }) =>
    Effect.gen(function* () {
      receiver.perMinuteMax = 10
      // Its limit is known from the first attempt on.
      yield* deliver(engine, notificationOf("first"))
      yield* eventually(() => receiver.arrived.length === 1)
      yield* Effect.forEach(Array.from({ length: 35 }), (_, index) =>
        deliver(engine, notificationOf(`n${index}`)),
      )
      yield* Effect.sleep(4 * 60_000)
      expect(receiver.arrived).toHaveLength(36)
      for (const { at } of receiver.arrived) {
        const within = receiver.arrived.filter((other) => other.at >= at && other.at < at + 60_000)
        expect(within.length).toBeLessThanOrEqual(10)
      }
    }),
  )

  on(`has at most ${inFlightMax} deliveries under way`, ({ receiver, engine }) =>
    Effect.gen(function* () {
      const end = yield* Latch.make()
      receiver.answer = () =>
        receiver.arrived.length === 1 ? Effect.andThen(end.await, answering()) : Effect.never
      for (let index = 0; index < 10; index++) yield* deliver(engine, notificationOf(`n${index}`))
      yield* Effect.sleep(5_000)
      expect(receiver.arrived).toHaveLength(inFlightMax)
      yield* end.open
      yield* eventually(() => receiver.arrived.length === inFlightMax + 1)
    }),
  )

  on(
    "drops repeats when too many wait, oldest first, and collapses the rest into one that says how many",
    ({ receiver, engine }) =>
      Effect.gen(function* () {
        receiver.answer = () => Effect.succeed({ ...failed, retryAfterMs: 600_000 })
        yield* deliver(engine, notificationOf("first"))
        yield* eventually(() => receiver.arrived.length === 1)
        yield* deliver(engine, notificationOf("repeat", { reason: "repeat" }))
        for (let index = 2; index < queueMax; index++) yield* deliver(engine, notificationOf(`n${index}`))
        yield* deliver(engine, notificationOf("one too many"))
        const dropped = {
          status: "given_up",
          detail: `more than ${queueMax} wait here, and it said nothing new`,
        }
        expect((yield* logOf(engine)).find(({ id }) => id === "repeat")).toMatchObject(dropped)
        yield* deliver(engine, notificationOf("repeats", { reason: "repeat" }))
        yield* deliver(engine, notificationOf("lost 1", { alerts: [notified(), notified()] }))
        yield* deliver(engine, notificationOf("lost 2", { truncated: 3 }))
        const log = yield* statuses(engine)
        expect(log).toMatchObject({
          "one too many": "waiting",
          repeats: "given_up",
          "lost 1": "given_up",
          "lost 2": "given_up",
        })
        receiver.answer = answering
        yield* Effect.sleep(2 * quarter)
        const told = receiver.arrived.map(({ notification }) => notification!)
        const collapsed = told.filter(({ reason }) => reason === "collapsed")
        expect(collapsed).toMatchObject([{ truncated: 6, alerts: [] }])
        expect(receiver.ids()).toContain("one too many")
        expect(receiver.ids()).not.toContain("lost 1")
      }),
  )

  on("keeps what fits of a notification that is too large, and counts the rest", ({ receiver, engine }) =>
    Effect.gen(function* () {
      const alerts = Array.from({ length: 30 }, () => notified({ annotations: { long: "x".repeat(6_000) } }))
      yield* deliver(engine, notificationOf("large", { alerts }))
      yield* eventually(() => receiver.arrived.length === 1)
      const notification = receiver.arrived[0]!.notification!
      expect(notification.alerts.length).toBeGreaterThan(5)
      expect(notification.alerts.length + notification.truncated).toBe(30)
    }),
  )
})

describe("the list of deliveries", () => {
  on(
    "follows every change of a delivery, also after the database was away for a while",
    ({ receiver, engine }) =>
      Effect.gen(function* () {
        receiver.answer = () => (receiver.arrived.length === 1 ? failing() : answering())
        yield* deliver(engine, notificationOf("a"))
        yield* Effect.sleep(quarter)
        const kept = receiver.kept.filter(({ id }) => id === "a")
        expect(kept.map(({ status }) => status)).toEqual(["waiting", "failed", "waiting", "delivered"])
        receiver.isDatabaseAway = true
        for (const id of ["b", "c"]) yield* deliver(engine, notificationOf(id))
        yield* Effect.sleep(quarter)
        // It is not asked all the time meanwhile.
        expect(receiver.askedToKeep).toBeLessThan(4 + 3 * 40)
        receiver.isDatabaseAway = false
        yield* Effect.sleep(2 * 60_000)
        const newest = new Map(receiver.kept.map(({ id, status }) => [id, status]))
        expect(newest).toEqual(
          new Map([
            ["a", "delivered"],
            ["b", "delivered"],
            ["c", "delivered"],
          ]),
        )
      }),
  )
})
