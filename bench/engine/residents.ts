/** Many actors at once: memory of a resident actor, time to wake cold ones, time to take over a long tail. */
import * as Effect from "effect/Effect"
import type { EngineShape } from "../../engine/index.ts"
import { node, type Server } from "./deployment.ts"
import { closedLoop, spread } from "./load.ts"

const actors = 100_000

const heapAfterCollection = Effect.sync(() => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
})

/** Touches every actor once. */
const touchAll = (engine: EngineShape) =>
  Effect.callback<number>((resume) => {
    const started = performance.now()
    let next = 0
    let answered = 0
    const one = () => {
      if (next >= actors) return
      engine.submit(
        `bench/counter/r${next++}`,
        1,
        { _tag: "Add", amount: 1 } as never,
        { tenant: "bench" },
        () => {
          answered += 1
          if (answered === actors) resume(Effect.succeed(performance.now() - started))
          else one()
        },
      )
    }
    for (let index = 0; index < 4_000; index++) one()
  })

export const residents = Effect.fnUntraced(function* (server: Server, engine: EngineShape) {
  const before = yield* heapAfterCollection
  const first = yield* touchAll(engine)
  const after = yield* heapAfterCollection
  const measured: Array<readonly [string, object]> = [
    [
      "100,000 new actors",
      {
        perSecond: Math.round((actors / first) * 1_000),
        bytesPerActor: Math.round((after - before) / actors),
      },
    ],
  ]
  yield* closedLoop(engine, spread(10_000), 4_000, 5_000)
  yield* engine.drain
  const cold = yield* Effect.scoped(
    Effect.gen(function* () {
      const started = performance.now()
      const { engine: second } = yield* node(server)
      const live = performance.now() - started
      const woken = yield* touchAll(second)
      return { nodeReadyMs: Math.round(live), coldActorsPerSecond: Math.round((actors / woken) * 1_000) }
    }),
  )
  measured.push(["start after a clean drain, then 100,000 cold", cold])
  return measured
})
