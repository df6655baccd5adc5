import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { deployed, eventually, implementation, tenant } from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const recorder = implementation(Recorder)
const note = (line: string) => ({ _tag: "Note", line }) as const
const grow = { _tag: "Grow", characters: 200_000 } as const
const limits = { checkpointEveryMs: 500, passivateAfterMs: 300 }

describe("what is too large for one message", () => {
  it(
    "ends an activity as failed, and neither its actor nor its neighbours wait for it",
    deployed((deployment) =>
      Effect.gen(function* () {
        const boundless = implementation(Recorder, { work: () => Effect.succeed("x".repeat(1_200_000)) })
        const { engine, leave } = yield* deployment.start([boundless])
        yield* engine.ask(RecorderProtocol, "a", { _tag: "Run", id: "r", task: "" }, { tenant })
        const settled = () => deployment.entries().some(({ cause }) => cause.t === "settled")
        yield* eventually(settled)
        const { lines } = yield* engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant })
        expect(lines.join()).toContain("may give")
        yield* engine.ask(RecorderProtocol, "b", note("next"), { tenant })
        yield* leave
      }),
    ),
  )

  it(
    "is stored in parts when it is a snapshot: the state survives, and former parts go",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const first = yield* deployment.start([recorder])
          for (let times = 0; times < 8; times++) {
            yield* first.engine.ask(RecorderProtocol, "a", grow, { tenant })
            yield* Effect.sleep(1_000)
          }
          const parts = () =>
            [...deployment.stores.values.values.keys()].filter((key) => key.startsWith("snapshot-part/"))
          expect(parts()).toHaveLength(4)
          yield* first.crash
          const second = yield* deployment.start([recorder])
          expect(yield* second.engine.ask(RecorderProtocol, "a", note("more"), { tenant })).toEqual({
            count: 9,
          })
          yield* second.leave
        }),
      { partitions: 1, node: { limits } },
    ),
  )

  it(
    "makes an actor fail beyond snapshotBytesMax, alone, and checkpoints go on",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { engine } = yield* deployment.start([recorder])
          for (let times = 0; times < 4; times++) {
            yield* Effect.exit(engine.ask(RecorderProtocol, "a", grow, { tenant }))
            yield* Effect.sleep(1_000)
          }
          const refused = yield* Effect.flip(engine.ask(RecorderProtocol, "a", note("more"), { tenant }))
          expect(refused).toMatchObject({ code: "ActorFailed" })
          expect(yield* engine.ask(RecorderProtocol, "b", note("fine"), { tenant })).toEqual({ count: 1 })
          yield* Effect.sleep(1_000)
          expect(deployment.stores.mailbox.messages(0)).toEqual([])
        }),
      { partitions: 1, node: { limits: { ...limits, snapshotBytesMax: 500_000 } } },
    ),
  )
})

describe("an activity that was cancelled and started again under its id", () => {
  it(
    "is settled by its own run, whenever the cancelled one ends",
    deployed((deployment) =>
      Effect.gen(function* () {
        let runs = 0
        const counting = implementation(Recorder, {
          work: () =>
            Effect.suspend(() => {
              const run = ++runs
              return Effect.as(Effect.sleep(1_000), `run ${run}`)
            }),
        })
        const { engine } = yield* deployment.start([counting])
        const run = { _tag: "Run", id: "r", task: "" } as const
        // The cancelled run ends before, while and after the cancellation is on its way into the journal.
        for (let waited = 960; waited <= 1_010; waited += 2) {
          const actor = `a${waited}`
          runs = 0
          yield* engine.ask(RecorderProtocol, actor, run, { tenant })
          yield* Effect.sleep(waited)
          yield* Effect.all(
            [
              engine.ask(RecorderProtocol, actor, { _tag: "Cancel", id: "r" }, { tenant }),
              engine.ask(RecorderProtocol, actor, run, { tenant }),
            ],
            { concurrency: "unbounded" },
          )
          yield* Effect.sleep(3_000)
          const { lines } = yield* engine.ask(RecorderProtocol, actor, { _tag: "Read" }, { tenant })
          const cancelled = lines.findIndex((line) => line.startsWith("cancelled"))
          expect(lines.slice(cancelled + 1), `after ${waited} ms`).toEqual(["settled r: run 2"])
        }
      }),
    ),
  )
})

describe("a partition whose mailbox is full", () => {
  it(
    "keeps neither callers nor actors of other partitions waiting",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { engine } = yield* deployment.start([recorder], { owns: true })
          const [here, there] = [deployment.keyIn(0, "recorder"), deployment.keyIn(1, "recorder")]
          // A store that takes nothing for partition 1 stands for an owner that has stopped.
          const append = deployment.stores.mailbox.append.bind(deployment.stores.mailbox)
          const full = append(0, new Uint8Array(2 * 1024 * 1024), undefined)
          deployment.stores.mailbox.append = (partition, ...rest) =>
            partition === 1 ? (full as ReturnType<typeof append>) : append(partition, ...rest)
          for (let times = 0; times < 5; times++) {
            const passed = { _tag: "Pass", to: there, line: `${times}` } as const
            yield* engine.ask(RecorderProtocol, here, passed, { tenant })
          }
          yield* Effect.sleep(10_000)
          expect(yield* engine.ask(RecorderProtocol, here, note("still"), { tenant })).toEqual({ count: 6 })
          deployment.stores.mailbox.append = append
          yield* Effect.sleep(5_000)
          const { lines } = yield* engine.ask(RecorderProtocol, there, { _tag: "Read" }, { tenant })
          expect(lines).toEqual(["0", "1", "2", "3", "4"])
        }),
      { partitions: 2, node: { limits: { writesInFlightMax: 1 } } },
    ),
  )
})
