import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { groupIntervalMs, groupWaitMs } from "../../../../actors/alert-desk/limits.ts"
import type { EngineShape } from "../../../../engine/index.ts"
import type { ForeignAlert } from "../../../../schemas/index.ts"
import { desk, notify, told } from "../../../support/alert-desk.ts"
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

const policy = { name: "Alerts from elsewhere", actions: [notify()], annotations: {} }
const says = (engine: EngineShape, more: Partial<ForeignAlert>) =>
  desk(engine, { _tag: "TakeForeign", alerts: [alert(more)], policy })
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
})
