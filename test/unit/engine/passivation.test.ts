import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { deployed, implementation, type TestNode, tenant } from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const recorder = implementation(Recorder)

const resident = (node: TestNode) =>
  Effect.map(node.engine.status, ({ partitions }) =>
    partitions.reduce((sum, state) => sum + (state._tag === "Live" ? state.partition.cells.size : 0), 0),
  )

const fill = (node: TestNode, count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => `actor-${index}`),
    (key) => node.engine.ask(RecorderProtocol, key, { _tag: "Note", line: key }, { tenant }),
    { concurrency: "unbounded" },
  )

describe("an idle actor", () => {
  it(
    "leaves memory after its time, and comes back with its state, timers and answers",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const node = yield* deployment.start([recorder])
          const ask = (command: (typeof RecorderProtocol)["Command"], idempotencyKey?: string) =>
            node.engine.ask(RecorderProtocol, "actor-7", command, {
              tenant,
              ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
            })
          yield* fill(node, 100)
          const answer = yield* ask({ _tag: "Note", line: "kept" }, "k")
          yield* ask({ _tag: "Arm", id: "r", due: { afterMs: 20_000 } })
          expect(yield* resident(node)).toBe(100)
          yield* Effect.sleep(10_000)
          expect(yield* resident(node)).toBe(0)
          expect(yield* ask({ _tag: "Note", line: "kept" }, "k")).toEqual(answer)
          expect(yield* resident(node)).toBe(1)
          yield* Effect.sleep(30_000)
          const read = yield* ask({ _tag: "Read" })
          expect(read as unknown).toEqual({ lines: ["actor-7", "kept", "rang r"] })
        }),
      { node: { limits: { passivateAfterMs: 2_000, checkpointEveryMs: 1_000 } } },
    ),
  )

  it(
    "leaves memory early when there are too many, those first that were not used for longest",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const node = yield* deployment.start([recorder])
          yield* fill(node, 30)
          yield* Effect.sleep(100)
          yield* node.engine.ask(RecorderProtocol, "actor-3", { _tag: "Note", line: "x" }, { tenant })
          yield* Effect.sleep(3_000)
          expect(yield* resident(node)).toBe(5)
          const { partitions } = yield* node.engine.status
          const cells = partitions.flatMap((state) =>
            state._tag === "Live" ? [...state.partition.cells.keys()] : [],
          )
          expect(cells).toContain("t/recorder/actor-3")
        }),
      { partitions: 1, node: { limits: { residentActorsMax: 5, checkpointEveryMs: 1_000 } } },
    ),
  )
})
