import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { fold } from "../../../../actors/alert-desk/fold.ts"
import { takeForeign } from "../../../../actors/alert-desk/foreign.ts"
import { groupIntervalMs, groupWaitMs } from "../../../../actors/alert-desk/limits.ts"
import { look } from "../../../../actors/alert-desk/look.ts"
import { initial } from "../../../../actors/alert-desk/state.ts"
import type { EngineShape } from "../../../../engine/index.ts"
import { type ForeignAlert, foreignRule } from "../../../../schemas/index.ts"
import { desk, lines, notify, told } from "../../../support/alert-desk.ts"
import { withProduct } from "../../../support/product.ts"

const alert = (more: Partial<ForeignAlert>): ForeignAlert => ({
  fingerprint: "f1",
  name: "Disk is full",
  severity: "critical",
  status: "firing",
  labels: { alertname: "Disk is full" },
  annotations: {},
  startsAt: 1_000,
  ...more,
})

const says = (engine: EngineShape, more: Partial<ForeignAlert>, ...channels: ReadonlyArray<string>) => {
  const actions = (channels.length === 0 ? ["ops"] : channels).map((channel) => notify(channel))
  const policy = { name: "Alerts from elsewhere", actions, annotations: {} }
  return desk(engine, { _tag: "TakeForeign", alerts: [alert(more)], policy })
}
const untilTold = Effect.sleep(groupWaitMs + groupIntervalMs + 500)

describe("an alert from elsewhere", () => {
  it(
    "that was taken for over because nobody said it again fires again when its sender is back",
    withProduct(
      Effect.fnUntraced(function* (product) {
        const { engine } = yield* product.start()
        const read = desk(engine, { _tag: "Read", fingerprint: "am-f1" })
        const now = Clock.currentTimeMillis
        yield* says(engine, { endsAt: (yield* now) + 20_000 })
        yield* untilTold
        yield* Effect.sleep("20 seconds")
        expect(yield* read).toMatchObject({ state: "resolved" })
        yield* says(engine, { endsAt: (yield* now) + 60_000 })
        expect(yield* read).toMatchObject({ state: "firing", fired: 2 })
        yield* untilTold
        expect(told(product).map(({ notification }) => notification.reason)).toEqual([
          "new",
          "resolved",
          "changed",
        ])
      }),
    ),
  )

  it.each([
    ["its sender", "resolved"],
    ["a person", "resolved"],
  ])("that %s resolved is not begun again by somebody who has not heard of it", (who) =>
    withProduct(
      Effect.fnUntraced(function* (product) {
        const { engine } = yield* product.start()
        const read = desk(engine, { _tag: "Read", fingerprint: "am-f1" })
        const endsAt = (yield* Clock.currentTimeMillis) + 60_000
        yield* says(engine, { endsAt })
        yield* who === "a person"
          ? desk(engine, { _tag: "Resolve", fingerprint: "am-f1", by: "ada" })
          : says(engine, { status: "resolved", endsAt: yield* Clock.currentTimeMillis })
        yield* says(engine, { endsAt })
        expect(yield* read).toMatchObject({ state: "resolved", fired: 1 })
      }),
    )(),
  )

  it("goes to the channels that it was said with, whatever others are said with", () =>
    withProduct(
      Effect.fnUntraced(function* (product) {
        const { engine } = yield* product.start()
        const of = (team: string) => ({ fingerprint: team, labels: { host: team } })
        yield* says(engine, of("a"), "wh")
        yield* says(engine, of("b"), "am")
        yield* untilTold
        yield* says(engine, { ...of("a"), status: "resolved" }, "wh")
        yield* says(engine, { ...of("b"), status: "resolved" }, "am")
        yield* untilTold
        expect(lines(product).toSorted()).toEqual([
          "am new firing:b",
          "am resolved resolved:b",
          "wh new firing:a",
          "wh resolved resolved:a",
        ])
        // What nothing needs any more is not kept.
        yield* Effect.sleep("10 minutes")
        yield* says(engine, of("c"), "wh")
        yield* Effect.sleep("10 minutes")
        expect((yield* desk(engine, { _tag: "Status" })).held).toBe(1)
      }),
    )())

  it("is told of its end where it was said that it fires, when others say the same alert elsewhere", () =>
    withProduct(
      Effect.fnUntraced(function* (product) {
        const { engine } = yield* product.start()
        const host = { labels: { host: "a" } }
        yield* says(engine, host, "wh")
        yield* untilTold
        yield* says(engine, host, "am")
        yield* says(engine, { ...host, status: "resolved" }, "am")
        yield* untilTold
        expect(lines(product).toSorted()).toEqual([
          "am resolved resolved:a",
          "wh new firing:a",
          "wh resolved resolved:a",
        ])
        yield* says(engine, { ...host, startsAt: yield* Clock.currentTimeMillis }, "am")
        yield* untilTold
        expect(lines(product).slice(3)).toEqual(["am changed firing:a"])
      }),
    )())

  it("that a person resolved stays so as long as its sender says that it fires since then", () =>
    withProduct(
      Effect.fnUntraced(function* (product) {
        const { engine } = yield* product.start()
        const posted = (more: Partial<ForeignAlert> = {}) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => says(engine, { endsAt: now + 240_000, ...more }))
        yield* posted()
        yield* desk(engine, { _tag: "Resolve", fingerprint: "am-f1", by: "ada" })
        for (let minute = 0; minute < 20; minute++) {
          yield* Effect.sleep("1 minute")
          yield* posted()
        }
        expect((yield* desk(engine, { _tag: "Status" })).live).toBe(0)
        yield* posted({ status: "resolved", endsAt: 2_000 })
        yield* posted({ startsAt: 3_000 })
        expect((yield* desk(engine, { _tag: "Status" })).live).toBe(1)
      }),
    )())

  it("that does not say when it ends is over after the time that its tenant set, unless it is said again", () =>
    withProduct(
      Effect.fnUntraced(function* (product) {
        const { engine } = yield* product.start()
        const stateAfter = (duration: Duration.Input) =>
          Effect.andThen(
            Effect.sleep(duration),
            Effect.map(desk(engine, { _tag: "Read", fingerprint: "am-f1" }), ({ state }) => state),
          )
        yield* says(engine, { timesOut: true })
        expect(yield* stateAfter("4 minutes")).toBe("firing")
        yield* says(engine, { timesOut: true })
        expect(yield* stateAfter("4 minutes")).toBe("firing")
        expect(yield* stateAfter("61 seconds")).toBe("resolved")
        yield* desk(engine, {
          _tag: "PutGrouping",
          grouping: { routes: [], resolveTimeoutMs: 60_000 },
          by: "ann",
        })
        yield* says(engine, { timesOut: true })
        expect(yield* stateAfter("59 seconds")).toBe("firing")
        expect(yield* stateAfter("2 seconds")).toBe("resolved")
        // What somebody said of its end holds, when it is the later time.
        yield* says(engine, { endsAt: (yield* Clock.currentTimeMillis) + 600_000 })
        yield* says(engine, { timesOut: true })
        expect(yield* stateAfter("9 minutes")).toBe("firing")
        // What another Alertmanager sends is over when that says so.
        yield* says(engine, { fingerprint: "f2" })
        yield* Effect.sleep("1 hour")
        expect(yield* desk(engine, { _tag: "Read", fingerprint: "am-f2" })).toMatchObject({ state: "firing" })
      }),
    )())

  it("that a desk of 0.4.0 holds goes on: its channels are told of its end", () => {
    const policy = { name: "Alerts from elsewhere", actions: [notify("wh")], annotations: {} }
    const given = [alert({})]
    const [event] = takeForeign(initial(), given, policy, 100_000)
    if (event?._tag !== "Changed") throw new Error("it changed nothing")
    // As that version recorded it: one policy for all of them.
    const [{ alert: now, ...how }] = event.alerts as [(typeof event.alerts)[number]]
    const { policyKey: _, ...old } = now
    const policies = [{ rule: foreignRule, version: 1, policy }]
    const before = fold(initial(), [{ ...event, policies, alerts: [{ ...how, alert: old }] }])
    expect(Object.keys(before.policies)).toEqual([foreignRule])
    const ops = { ...policy, actions: [notify("ops")] }
    const told = fold(before, look(before, { now: 110_000 }).events)
    const over = fold(told, takeForeign(told, [alert({ status: "resolved" })], ops, 160_000))
    expect(Object.keys(over.policies)).toEqual([`${foreignRule}/wh`])
    expect(look(over, { now: 180_000 }).send.map(({ key }) => key)).toEqual(["wh"])
    const other = fold(over, takeForeign(over, [alert({ fingerprint: "f2" })], ops, 190_000))
    expect(Object.keys(other.policies)).toEqual([`${foreignRule}/wh`, `${foreignRule}/ops`])
  })
})
