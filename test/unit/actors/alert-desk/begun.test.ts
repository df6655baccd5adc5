import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { Transition } from "../../../../schemas/index.ts"
import { desk, fingerprint, lines, takes, transition } from "../../../support/alert-desk.ts"
import { withProduct } from "../../../support/product.ts"

const settled = Effect.sleep(15_000)

/** What a lane says whose rule began anew at `number`: what holds, and then that it began. */
const begins = (number: number, ...transitions: ReadonlyArray<Transition>) => ({
  _tag: "Take" as const,
  transitions,
  began: [{ rule: "cpu", number, storedAt: number * 1_000 }],
})

const stateOf = (engine: Parameters<typeof desk>[0], host: string, rule = "cpu") =>
  Effect.map(desk(engine, { _tag: "Read", fingerprint: fingerprint(host, rule) }), ({ state }) => state)

describe("a rule that began anew", () => {
  it(
    "ends what it said before and does not say again, and people are told so",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        const firing = [
          transition(1, "firing", { host: "a" }),
          transition(1, "firing", { host: "b" }),
          transition(1, "pending", { host: "c" }),
          transition(1, "firing", { host: "a", rule: "disk" }),
        ]
        yield* takes(engine, ...firing)
        yield* settled
        yield* desk(engine, begins(100, transition(100, "firing", { host: "b" })))
        yield* Effect.sleep(1_000)
        expect(yield* stateOf(engine, "a")).toBe("resolved")
        expect(yield* stateOf(engine, "b")).toBe("firing")
        expect(yield* stateOf(engine, "a", "disk")).toBe("firing")
        expect((yield* desk(engine, { _tag: "Status" })).live).toBe(2)
        yield* settled
        expect(lines(product).at(-1)).toBe("ops resolved resolved:a")
        expect(lines(product).join()).not.toContain("resolved:b")
      }),
    ),
  )

  it(
    "passes over what it said before and what comes late",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* takes(engine, transition(1, "firing", { host: "a" }))
        yield* desk(engine, begins(100))
        yield* takes(engine, transition(50, "firing", { host: "a" }), transition(50, "firing", { host: "b" }))
        yield* settled
        expect(yield* stateOf(engine, "a")).toBe("resolved")
        expect((yield* desk(engine, { _tag: "Status" })).live).toBe(0)
        yield* takes(engine, transition(101, "firing", { host: "a" }))
        expect(yield* stateOf(engine, "a")).toBe("firing")
      }),
    ),
  )

  it(
    "ends many more alerts than one entry of the journal holds",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        const hosts = Array.from({ length: 600 }, (_, index) => `h${index}`)
        for (let from = 0; from < hosts.length; from += 100)
          yield* takes(
            engine,
            ...hosts.slice(from, from + 100).map((host) => transition(1, "firing", { host })),
          )
        expect((yield* desk(engine, { _tag: "Status" })).live).toBe(600)
        yield* desk(engine, begins(100))
        yield* settled
        expect((yield* desk(engine, { _tag: "Status" })).live).toBe(0)
        const ended = product
          .entries()
          .flatMap(({ events = [] }) => events as ReadonlyArray<{ _tag: string }>)
        expect(ended.filter(({ _tag }) => _tag === "StaleEnded")).toHaveLength(1)
      }),
    ),
  )
})
