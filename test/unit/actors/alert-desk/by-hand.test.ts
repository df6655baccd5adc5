import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { groupIntervalMs, groupWaitMs, resolvedKeptMs } from "../../../../actors/alert-desk/limits.ts"
import { desk, fingerprint, lines, on, takes, transition } from "../../../support/alert-desk.ts"
import { rejectionOf, withProduct } from "../../../support/product.ts"

const wait = Effect.sleep(groupWaitMs + 200)
const interval = Effect.sleep(groupIntervalMs + groupWaitMs + 200)

describe("an alert that a person resolved", () => {
  on("comes back when its rule fires anew", (engine, product) =>
    Effect.gen(function* () {
      yield* takes(engine, transition(1, "firing"))
      yield* wait
      yield* desk(engine, { _tag: "Resolve", fingerprint: fingerprint(), by: "ann" })
      yield* interval
      yield* takes(engine, transition(2, "firing", { cause: "severity", severity: "critical" }))
      yield* takes(engine, transition(3, "resolved"))
      yield* interval
      expect(lines(product)).toEqual(["ops new firing:a", "ops resolved resolved:a"])
      expect(
        yield* rejectionOf(desk(engine, { _tag: "Resolve", fingerprint: fingerprint(), by: "ann" })),
      ).toEqual({ _tag: "AlertOver" })
      yield* takes(engine, transition(4, "firing"))
      yield* interval
      expect(lines(product).at(-1)).toBe("ops changed firing:a")
    }),
  )

  on("stays so however long its rule fires on, more or less severe", (engine, product) =>
    Effect.gen(function* () {
      yield* takes(engine, transition(1, "firing"))
      yield* wait
      yield* desk(engine, { _tag: "Resolve", fingerprint: fingerprint(), by: "ann" })
      yield* Effect.sleep(resolvedKeptMs + 60_000)
      expect((yield* desk(engine, { _tag: "Status" })).held).toBe(0)
      const more = { cause: "severity", severity: "critical" } as const
      yield* takes(engine, transition(2, "firing", more))
      yield* Effect.sleep(resolvedKeptMs + 60_000)
      yield* takes(engine, transition(3, "firing", { cause: "severity" }))
      yield* interval
      expect(lines(product)).toEqual(["ops new firing:a", "ops resolved resolved:a"])
      yield* takes(engine, transition(4, "resolved"), transition(5, "firing"))
      yield* interval
      yield* takes(engine, transition(6, "firing", more))
      yield* interval
      expect(lines(product).slice(2)).toEqual(["ops new firing:a"])
      const alert = yield* desk(engine, { _tag: "Read", fingerprint: fingerprint() })
      expect(alert).toMatchObject({ state: "firing", severity: "critical" })
    }),
  )

  it(
    "stays so when the node dies and another one takes the desk over",
    withProduct(
      Effect.fnUntraced(function* (product) {
        const first = yield* product.start()
        yield* takes(first.engine, transition(1, "firing"))
        yield* desk(first.engine, { _tag: "Resolve", fingerprint: fingerprint(), by: "ann" })
        yield* Effect.sleep(resolvedKeptMs + 60_000)
        yield* first.crash
        const { engine } = yield* product.start()
        yield* takes(engine, transition(2, "firing", { cause: "severity", severity: "critical" }))
        expect((yield* desk(engine, { _tag: "Status" })).held).toBe(0)
        yield* takes(engine, transition(3, "resolved"), transition(4, "firing"))
        expect((yield* desk(engine, { _tag: "Status" })).held).toBe(1)
      }),
    ),
  )
})
