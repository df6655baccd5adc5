import * as Effect from "effect/Effect"
import { describe, expect } from "vitest"
import { groupIntervalMs, groupWaitMs } from "../../../../actors/alert-desk/limits.ts"
import type { Action } from "../../../../schemas/index.ts"
import {
  acted,
  desk,
  fingerprint,
  lines,
  notify,
  on,
  takes,
  told,
  transition,
} from "../../../support/alert-desk.ts"
import { rejectionOf } from "../../../support/product.ts"

const wait = Effect.sleep(groupWaitMs + 200)
const interval = Effect.sleep(groupIntervalMs + groupWaitMs + 200)

describe("an alert", () => {
  on("is told when it fires and when it is resolved, each once", (engine, product) =>
    Effect.gen(function* () {
      yield* takes(engine, transition(1, "pending"), transition(2, "firing"))
      yield* wait
      expect(lines(product)).toEqual(["ops new firing:a"])
      yield* takes(engine, transition(3, "resolved"))
      yield* interval
      expect(lines(product)).toEqual(["ops new firing:a", "ops resolved resolved:a"])
      const [first, second] = told(product).map(({ notification }) => notification.id)
      expect(first).not.toBe(second)
    }),
  )

  on("is not told of while it is pending, nor when it was over before anybody was told", (engine, product) =>
    Effect.gen(function* () {
      yield* takes(engine, transition(1, "pending"))
      yield* wait
      yield* takes(engine, transition(2, "firing"))
      yield* takes(engine, transition(3, "resolved"))
      yield* interval
      expect(lines(product)).toEqual([])
    }),
  )

  on("is taken once by its number, however often it is sent", (engine, product) =>
    Effect.gen(function* () {
      const life = [transition(1, "firing"), transition(2, "resolved"), transition(3, "firing")]
      yield* takes(engine, life[0]!)
      yield* wait
      yield* takes(engine, life[0]!, life[1]!)
      yield* interval
      yield* takes(engine, ...life)
      yield* takes(engine, ...life)
      yield* interval
      expect(lines(product)).toEqual(["ops new firing:a", "ops resolved resolved:a", "ops changed firing:a"])
      const alert = yield* desk(engine, { _tag: "Read", fingerprint: fingerprint() })
      expect(alert).toMatchObject({ state: "firing", number: 3, fired: 2 })
    }),
  )

  on("that becomes more severe says so only to who asked for that", (engine, product) =>
    Effect.gen(function* () {
      const policy = { actions: [notify("pager"), notify("log", ["severity"])] }
      yield* takes(engine, transition(1, "firing", { policy }))
      yield* wait
      yield* takes(engine, transition(2, "firing", { cause: "severity", severity: "critical", policy }))
      yield* interval
      expect(lines(product)).toEqual(["pager new firing:a", "log severity firing:a"])
      expect(told(product)[1]!.notification.alerts[0]!.severity).toBe("critical")
    }),
  )

  on("without data, or that cannot be evaluated, is told as that", (engine, product) =>
    Effect.gen(function* () {
      yield* takes(engine, transition(1, "no_data", { cause: "missing_data" }))
      yield* takes(engine, transition(1, "error", { cause: "error", host: "b", detail: "no such label" }))
      yield* wait
      expect([...lines(product)].sort()).toEqual(["ops new error:b", "ops new no_data:a"])
    }),
  )

  on("is said again while it fires, until somebody acknowledges it", (engine, product) =>
    Effect.gen(function* () {
      const policy = { repeatMs: 60_000 }
      yield* takes(engine, transition(1, "firing", { policy }))
      yield* Effect.sleep(125_000)
      expect(lines(product)).toEqual(["ops new firing:a", "ops repeat firing:a", "ops repeat firing:a"])
      const reply = yield* desk(engine, {
        _tag: "Acknowledge",
        fingerprint: fingerprint(),
        by: "ann",
        comment: "on it",
      })
      expect(reply).toMatchObject({ acknowledged: { by: "ann", comment: "on it" } })
      yield* Effect.sleep(300_000)
      expect(lines(product)).toHaveLength(3)
      yield* desk(engine, { _tag: "Unacknowledge", fingerprint: fingerprint(), by: "ann" })
      yield* Effect.sleep(1_000)
      expect(lines(product)).toHaveLength(4)
      yield* desk(engine, { _tag: "Acknowledge", fingerprint: fingerprint(), by: "bob" })
      yield* takes(engine, transition(2, "resolved", { policy }))
      yield* interval
      expect(lines(product).at(-1)).toBe("ops resolved resolved:a")
      const alert = yield* desk(engine, { _tag: "Read", fingerprint: fingerprint() })
      expect(alert).not.toHaveProperty("acknowledged")
    }),
  )

  on("that turns on and off is told of once as flapping, and again when it is steady", (engine, product) =>
    Effect.gen(function* () {
      for (let number = 1; number <= 12; number++) {
        yield* takes(engine, transition(number, number % 2 === 1 ? "firing" : "resolved"))
        yield* Effect.sleep(15_000)
      }
      const during = lines(product)
      expect(during.filter((line) => line.startsWith("ops flapping"))).toHaveLength(1)
      expect(during.indexOf("ops flapping resolved:a")).toBe(during.length - 1)
      yield* takes(engine, transition(13, "firing"))
      yield* Effect.sleep(11 * 60_000)
      expect(lines(product).slice(during.length)).toEqual(["ops changed firing:a"])
    }),
  )

  on(
    "leaves the desk some time after it was resolved, and is known by its number all the same",
    (engine, product) =>
      Effect.gen(function* () {
        yield* takes(engine, transition(1, "firing"))
        yield* wait
        yield* takes(engine, transition(2, "resolved"))
        yield* Effect.sleep(10 * 60_000)
        expect(yield* rejectionOf(desk(engine, { _tag: "Read", fingerprint: fingerprint() }))).toEqual({
          _tag: "AlertUnknown",
        })
        expect(yield* desk(engine, { _tag: "Status" })).toMatchObject({
          live: 0,
          held: 0,
          groups: 0,
          bytes: 0,
        })
        yield* takes(engine, transition(1, "firing"), transition(2, "resolved"))
        yield* interval
        expect(lines(product)).toHaveLength(2)
      }),
  )
})

describe("alerts of a group", () => {
  const policy = { groupBy: ["rule_label"] }

  on("are told of in one notification for each channel, whatever their rules", (engine, product) =>
    Effect.gen(function* () {
      yield* takes(
        engine,
        transition(1, "firing", { policy }),
        transition(1, "firing", { host: "b", policy }),
        transition(1, "firing", {
          host: "c",
          rule: "disk",
          policy: { ...policy, actions: [notify(), notify("disk")] },
        }),
      )
      yield* wait
      expect(lines(product)).toEqual(["ops new firing:a,firing:b,firing:c", "disk new firing:c"])
      yield* takes(engine, transition(2, "resolved", { policy }))
      yield* interval
      expect(lines(product).slice(2)).toEqual(["ops changed resolved:a,firing:b,firing:c"])
    }),
  )

  on("gather for the group's interval after a notification", (engine, product) =>
    Effect.gen(function* () {
      yield* takes(engine, transition(1, "firing", { policy }))
      yield* wait
      yield* takes(engine, transition(1, "firing", { host: "b", policy }))
      yield* Effect.sleep(5_000)
      yield* takes(engine, transition(1, "firing", { host: "c", policy }))
      expect(lines(product)).toHaveLength(1)
      yield* interval
      expect(lines(product).slice(1)).toEqual(["ops changed firing:b,firing:c,firing:a"])
    }),
  )

  on("say how many did not fit", (engine, product) =>
    Effect.gen(function* () {
      const many = Array.from({ length: 150 }, (_, index) =>
        transition(1, "firing", { host: `h${index}`, policy }),
      )
      yield* takes(engine, ...many)
      yield* wait
      const [{ notification }] = told(product) as [ReturnType<typeof told>[number]]
      expect(notification.alerts.length + notification.truncated).toBe(150)
      expect(notification.alerts.length).toBeLessThanOrEqual(100)
    }),
  )
})

describe("actions besides notifications", () => {
  const question: Action = { type: "ask_ops", question: "Why is a busy?" }
  const call: Action = { type: "call_api", api: "restart", on: ["firing", "resolved"], body: "{}" }

  on("are done once for each time that the alert fires, or as they ask for", (engine, product) =>
    Effect.gen(function* () {
      const policy = { actions: [question, call], owner: "ann" }
      yield* takes(engine, transition(1, "firing", { policy }))
      yield* takes(engine, transition(1, "firing", { policy }))
      yield* wait
      expect(acted(product).map(({ action }) => action.type)).toEqual(["ask_ops", "call_api"])
      expect(acted(product)[0]).toMatchObject({ owner: "ann", action: { question: "Why is a busy?" } })
      yield* takes(engine, transition(2, "resolved", { policy }))
      yield* interval
      expect(acted(product).map(({ action }) => action.type)).toEqual(["ask_ops", "call_api", "call_api"])
      expect(new Set(acted(product).map(({ id }) => id)).size).toBe(3)
    }),
  )

  on("of a rule without states follow each of its matches, which are no alerts", (engine, product) =>
    Effect.gen(function* () {
      const policy = { actions: [question, notify("log")] }
      const matched = (number: number) => transition(number, "firing", { cause: "matched", policy })
      yield* takes(engine, matched(1), matched(2))
      yield* takes(engine, matched(2))
      yield* wait
      expect(acted(product)).toHaveLength(2)
      expect(lines(product)).toEqual(["log new matched:a", "log new matched:a"])
      expect(acted(product).map(({ alert }) => alert.status)).toEqual(["matched", "matched"])
      expect(yield* desk(engine, { _tag: "Status" })).toMatchObject({ live: 0, held: 0, bytes: 0 })
      yield* takes(engine, matched(3))
      yield* wait
      expect(new Set(acted(product).map(({ id }) => id)).size).toBe(3)
      expect(new Set(told(product).map(({ notification }) => notification.id)).size).toBe(3)
    }),
  )

  on("of a rule that moved are done once when its old lane says late that it fired", (engine, product) =>
    Effect.gen(function* () {
      const policy = { actions: [question, notify()] }
      const old = (number: number, to: "firing" | "resolved", cause: "condition" | "rule_changed") =>
        transition(number, to, { lane: 1, cause, policy })
      const next = { actions: [{ ...question, question: "Why is it busy now?" }, notify()] }
      yield* takes(engine, old(1, "firing", "condition"), old(2, "resolved", "condition"))
      yield* wait
      expect(acted(product)).toHaveLength(1)
      // The lane in which it lives now is faster.
      yield* takes(engine, transition(7, "pending", { lane: 2, policy: next, version: 2 }))
      yield* takes(engine, old(3, "firing", "condition"), old(5, "resolved", "rule_changed"))
      yield* takes(engine, old(1, "firing", "condition"), old(3, "firing", "condition"))
      const alert = yield* desk(engine, { _tag: "Read", fingerprint: fingerprint() })
      expect(alert).toMatchObject({ state: "pending", number: 7, version: 2 })
      yield* wait
      expect(acted(product).map(({ action }) => action)).toMatchObject([question, question])
      yield* takes(engine, transition(8, "firing", { lane: 2, policy: next, version: 2 }))
      yield* takes(engine, old(3, "firing", "condition"))
      yield* wait
      expect(acted(product).map(({ action }) => action)).toMatchObject([question, question, next.actions[0]!])
    }),
  )

  on(
    "of a rule that moved are taken from each of its lanes, and leave the alert it had to its end",
    (engine) =>
      Effect.gen(function* () {
        const matched = (number: number, lane: number) =>
          transition(number, "firing", { cause: "matched", lane })
        yield* takes(engine, transition(1, "firing"))
        yield* takes(engine, matched(5, 2))
        yield* takes(
          engine,
          transition(2, "resolved", { cause: "rule_changed" }),
          matched(3, 1),
          matched(4, 1),
        )
        yield* takes(engine, matched(4, 1), matched(5, 2))
        const alert = yield* desk(engine, { _tag: "Read", fingerprint: fingerprint() })
        expect(alert).toMatchObject({ state: "resolved", number: 2 })
        yield* wait
        expect(yield* desk(engine, { _tag: "Status" })).toMatchObject({ live: 0 })
      }),
  )
})
