import * as Effect from "effect/Effect"
import { describe, expect } from "vitest"
import { groupWaitMs } from "../../../../actors/alert-desk/limits.ts"
import type { EngineShape } from "../../../../engine/index.ts"
import type { Grouping, NotificationRoute } from "../../../../schemas/index.ts"
import { desk, lines, on, takes, transition } from "../../../support/alert-desk.ts"
import { rejectionOf } from "../../../support/product.ts"

const put = (engine: EngineShape, grouping: Partial<Grouping>, expected?: number) =>
  desk(engine, {
    _tag: "PutGrouping",
    grouping: { routes: [], ...grouping },
    by: "ann",
    ...(expected === undefined ? {} : { expected }),
  })
const second = 1_000
const pages: NotificationRoute = {
  name: "pages",
  matchers: [{ name: "severity", value: "critical", operator: "=" }],
}

describe("how a tenant groups its alerts", () => {
  on("is by default each alone, a second after it fires", (engine, product) =>
    Effect.gen(function* () {
      expect(yield* desk(engine, { _tag: "ReadGrouping" })).toEqual({ routes: [], version: 0 })
      yield* takes(engine, transition(1, "firing"), transition(1, "firing", { host: "b" }))
      yield* Effect.sleep(groupWaitMs + 200)
      expect(lines(product).toSorted()).toEqual(["ops new firing:a", "ops new firing:b"])
    }),
  )

  on(
    "says how long a group waits, how far its notifications are apart, and how often it is repeated",
    (engine, product) =>
      Effect.gen(function* () {
        yield* put(engine, {
          groupBy: ["alertname"],
          groupWaitMs: 30 * second,
          groupIntervalMs: 300 * second,
          repeatMs: 3_600 * second,
        })
        yield* takes(engine, transition(1, "firing"))
        yield* Effect.sleep(20 * second)
        yield* takes(engine, transition(1, "firing", { host: "b" }))
        yield* Effect.sleep(9 * second)
        expect(lines(product)).toEqual([])
        yield* Effect.sleep(2 * second)
        expect(lines(product)).toEqual(["ops new firing:a,firing:b"])
        yield* takes(engine, transition(2, "resolved"))
        yield* Effect.sleep(298 * second)
        expect(lines(product)).toHaveLength(1)
        yield* Effect.sleep(3 * second)
        expect(lines(product)[1]).toBe("ops changed resolved:a,firing:b")
        yield* Effect.sleep(3_601 * second)
        expect(lines(product).slice(2)).toEqual(["ops repeat firing:b"])
      }),
  )

  on("is another for what fits a route; a rule's own word goes before both", (engine, product) =>
    Effect.gen(function* () {
      yield* put(engine, {
        groupBy: ["alertname"],
        groupWaitMs: 30 * second,
        routes: [{ ...pages, groupWaitMs: 0, repeatMs: 60 * second }],
      })
      const critical = { severity: "critical" } as const
      yield* takes(
        engine,
        transition(1, "firing", { ...critical }),
        transition(1, "firing", { host: "b" }),
        transition(1, "firing", { host: "c", ...critical, rule: "own", policy: { repeatMs: 120 * second } }),
      )
      yield* Effect.sleep(second)
      expect(lines(product).toSorted()).toEqual(["ops new firing:a", "ops new firing:c"])
      yield* Effect.sleep(30 * second)
      expect(lines(product).slice(2)).toEqual(["ops new firing:b"])
      yield* Effect.sleep(31 * second)
      expect(lines(product).slice(3)).toEqual(["ops repeat firing:a"])
    }),
  )

  on(
    "takes hold at once of alerts that are there, and nobody is told again of what they know",
    (engine, product) =>
      Effect.gen(function* () {
        yield* takes(engine, transition(1, "firing"), transition(1, "firing", { host: "b" }))
        yield* Effect.sleep(2 * second)
        expect(lines(product)).toHaveLength(2)
        yield* put(engine, { groupBy: [], repeatMs: 60 * second })
        yield* Effect.sleep(50 * second)
        expect(lines(product)).toHaveLength(2)
        yield* Effect.sleep(10 * second)
        expect(lines(product).slice(2)).toEqual(["ops repeat firing:a,firing:b"])
      }),
  )

  on("is refused field by field where it cannot work, and by who read another version", (engine) =>
    Effect.gen(function* () {
      const refused = yield* rejectionOf(
        put(engine, {
          groupWaitMs: 3_600_001,
          groupIntervalMs: 1,
          repeatMs: 1,
          routes: [
            { ...pages, matchers: [{ name: "host", value: "(", operator: "=~" }] },
            { ...pages, groupIntervalMs: 120 * second, repeatMs: 60 * second },
          ],
        }),
      )
      expect(refused).toMatchObject({
        _tag: "BadGrouping",
        problems: [
          "group_wait",
          "group_interval",
          "repeat_interval",
          "routes.0.matchers.0.value",
          "routes.1.name",
          "routes.1.repeat_interval",
        ].map((field) => ({ field })),
      })
      expect(yield* put(engine, { routes: [pages] }, 0)).toEqual({ routes: [pages], version: 1 })
      expect(yield* rejectionOf(put(engine, {}, 0))).toEqual({ _tag: "GroupingConflict", version: 1 })
      expect((yield* desk(engine, { _tag: "ReadGrouping" })).version).toBe(1)
    }),
  )
})
