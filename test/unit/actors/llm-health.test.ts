/** That models are checked on time, once per round, whichever nodes die and however a round ends. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { EngineShape } from "../../../engine/index.ts"
import { LlmHealthProtocol, llmHealthKey } from "../../../schemas/index.ts"
import { ask, withProduct } from "../../support/product.ts"

const watch = (engine: EngineShape, everyMs = 60_000) =>
  ask(engine, LlmHealthProtocol, llmHealthKey, { _tag: "Watch", everyMs })
const read = (engine: EngineShape) => ask(engine, LlmHealthProtocol, llmHealthKey, { _tag: "Read" })

describe("the schedule of health checks", () => {
  it(
    "checks a tenant's models once per round, and goes on when the node dies",
    withProduct((product) =>
      Effect.gen(function* () {
        const rounds: Array<string> = []
        product.checkHealth = (tenant) =>
          Effect.sync(() => {
            rounds.push(tenant)
            return { checked: 3, unhealthy: 1 }
          })
        const first = yield* product.start()
        yield* watch(first.engine)
        yield* watch(first.engine)
        yield* Effect.sleep(130_000)
        expect(rounds).toEqual(["t", "t"])
        yield* first.crash
        const { engine } = yield* product.start()
        yield* Effect.sleep(180_000)
        const view = yield* read(engine)
        expect(rounds.length).toBe(view.rounds)
        expect(view.rounds).toBeGreaterThanOrEqual(4)
        expect(view.last).toMatchObject({ checked: 3, unhealthy: 1 })
        expect([view.everyMs, view.failures]).toEqual([60_000, 0])
      }),
    ),
  )

  it(
    "leaves out a round that is due while one runs, and follows a new interval",
    withProduct((product) =>
      Effect.gen(function* () {
        let [running, most, begun] = [0, 0, 0]
        product.checkHealth = () =>
          Effect.gen(function* () {
            begun += 1
            running += 1
            most = Math.max(most, running)
            yield* Effect.sleep(90_000)
            running -= 1
            return { checked: 1, unhealthy: 0 }
          })
        const { engine } = yield* product.start()
        yield* watch(engine, 24 * 60 * 60_000)
        yield* watch(engine, 60_000)
        yield* Effect.sleep(245_000)
        expect([most, begun]).toEqual([1, 2])
      }),
    ),
  )

  it(
    "survives a round that fails, and says nothing of why in its journal",
    withProduct((product) =>
      Effect.gen(function* () {
        product.checkHealth = () => Effect.die(new Error("secret-of-the-database"))
        const { engine } = yield* product.start()
        yield* watch(engine)
        yield* Effect.sleep(130_000)
        const view = yield* read(engine)
        expect([view.rounds, view.failures]).toEqual([0, 2])
        product.checkHealth = () => Effect.succeed({ checked: 0, unhealthy: 0 })
        yield* Effect.sleep(60_000)
        expect((yield* read(engine)).rounds).toBe(1)
        const events = product
          .entries()
          .flatMap(({ to, events }) => (to.includes("llm-health") ? (events ?? []) : []))
        expect(events.length).toBeGreaterThan(0)
        expect(JSON.stringify(events)).not.toContain("secret-of-the-database")
      }),
    ),
  )
})
