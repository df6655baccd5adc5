import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { laneDefaults } from "../../../../actors/cep/lane/limits.ts"
import { Outlet } from "../../../../actors/cep/lane/outlet.ts"
import { type EngineShape, LogFull } from "../../../../engine/index.ts"
import type { CepEvent } from "../../../../schemas/index.ts"
import { makeMemoryEventStream } from "../../../support/memory-event-stream.ts"

const event: CepEvent = { id: "r/0/1", type: "seen", at: 0, attributes: {} }

/** Gives an event to an outlet whose stream refuses it twice, and waits until it is durable or given up. */
const offered = (tooLarge: boolean) =>
  Effect.gen(function* () {
    const memory = makeMemoryEventStream(() => 0)
    let refusals = 0
    const stream: typeof memory = {
      ...memory,
      append: (...given) =>
        Effect.suspend(() => {
          if (++refusals > 2) return memory.append(...given)
          return Effect.fail(
            new LogFull({ port: "test", detail: "full", ...(tooLarge ? { tooLarge: true } : {}) }),
          )
        }),
    }
    const limits = { ...laneDefaults, retryMs: 1 }
    const engine: Partial<EngineShape> = {}
    const outlet = yield* Outlet.make({ engine: engine as EngineShape, stream, lane: 0, limits })
    outlet.push([{ type: "event", tenant: "acme", event }])
    yield* outlet.mark()
    const { last } = yield* stream.bounds
    return { lost: outlet.lost, stored: last }
  }).pipe(Effect.scoped, Effect.runPromise)

describe("what a lane hands on", () => {
  it("waits while there is no room for it", async () => {
    expect(await offered(false)).toEqual({ lost: 0, stored: 1 })
  })

  it("is given up and counted when no server takes it", async () => {
    expect(await offered(true)).toEqual({ lost: 1, stored: 0 })
  })
})
