import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it } from "vitest"
import { deployed, implementation, outcomeOf, type TestNode, tenant } from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const recorder = implementation(Recorder)
const note = (node: TestNode, key: string, line: string) =>
  outcomeOf(node.engine.ask(RecorderProtocol, key, { _tag: "Note", line }, { tenant, idempotencyKey: line }))
const owned = (node: TestNode) =>
  Effect.map(node.engine.status, ({ partitions }) =>
    partitions.flatMap(({ _tag }, partition) => (_tag === "Live" ? [partition] : [])),
  )

describe("a node that is drained", () => {
  it(
    "refuses what is new, answers all that it took, and the next one has it in milliseconds, not by silence",
    deployed((deployment) =>
      Effect.gen(function* () {
        const first = yield* deployment.start([recorder])
        const second = yield* deployment.start([recorder])
        const lines = Array.from({ length: 100 }, (_, index) => `line ${index}`)
        const calls = yield* Effect.forEach(lines, (line) => Effect.forkChild(note(first, line, line)))
        yield* Effect.sleep(1)
        const leaving = yield* Effect.forkChild(first.engine.drain)
        yield* Effect.sleep(1)
        expect(yield* note(first, "late", "late")).toEqual({ code: "Draining" })
        const outcomes = yield* Effect.forEach(calls, Fiber.join)
        const begun = deployment.time.now
        yield* Fiber.join(leaving)
        expect(deployment.time.now - begun).toBeLessThan(1_000)
        yield* Effect.sleep(300)
        expect(yield* owned(first)).toEqual([])
        expect(yield* owned(second)).toEqual([0, 1])
        // Whatever it said it took is there exactly once.
        for (const [index, line] of lines.entries()) {
          const read = yield* second.engine.ask(RecorderProtocol, line, { _tag: "Read" }, { tenant })
          if ("ok" in outcomes[index]!) expect(read.lines).toEqual([line])
          else expect(outcomes[index]).toEqual({ code: "Draining" })
          expect(yield* note(second, line, line)).toEqual({ ok: { count: 1 } })
        }
        yield* first.engine.drain
      }),
    ),
  )

  it(
    "leaves a checkpoint, so that its successor reads no tail",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const first = yield* deployment.start([recorder])
          for (let index = 0; index < 20; index++) yield* note(first, "a", `${index}`)
          const before = deployment.stores.journal.messages(0).length
          yield* first.leave
          // Everything up to here may be gone and nothing is missed.
          deployment.stores.journal.trim(0, deployment.stores.journal.messages(0).at(-2)!.sequence)
          expect(before).toBeGreaterThan(10)
          const second = yield* deployment.start([recorder])
          expect(yield* note(second, "a", "next")).toEqual({ ok: { count: 21 } })
        }),
      { partitions: 1 },
    ),
  )
})

describe("nodes that share a deployment", () => {
  it(
    "share the partitions, take over from one that dies, and give back to one that comes",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const first = yield* deployment.start([recorder])
          expect(yield* owned(first)).toHaveLength(8)
          const second = yield* deployment.start([recorder])
          yield* Effect.sleep(3_000)
          expect((yield* owned(first)).length).toBe(4)
          expect((yield* owned(second)).length).toBe(4)
          for (let index = 0; index < 40; index++) yield* note(first, `k${index}`, `${index}`)
          yield* first.crash
          const begun = deployment.time.now
          for (let index = 0; index < 40; index++) {
            expect(yield* note(second, `k${index}`, `${index}`)).toEqual({ ok: { count: 1 } })
          }
          expect(deployment.time.now - begun).toBeLessThan(3_000)
          expect(yield* owned(second)).toHaveLength(8)
        }),
      { partitions: 8 },
    ),
  )

  it(
    "do not lose or double anything when the clock of one stands still and it then goes on",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const first = yield* deployment.start([recorder])
          yield* note(first, "a", "before")
          first.faults.freeze()
          const second = yield* deployment.start([recorder])
          yield* Effect.sleep(5_000)
          expect(yield* note(second, "a", "meanwhile")).toEqual({ ok: { count: 2 } })
          first.faults.unfreeze()
          yield* Effect.sleep(5_000)
          for (const node of [first, second]) {
            const read = yield* node.engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant })
            expect(read.lines).toEqual(["before", "meanwhile"])
          }
        }),
      { partitions: 1 },
    ),
  )
})

describe("a node that owns nothing", () => {
  it(
    "sends commands and hears answers, never takes a partition, and what it sends waits for an owner",
    deployed((deployment) =>
      Effect.gen(function* () {
        const sender = yield* deployment.start([], { owns: false, ready: false })
        yield* sender.engine.tell(RecorderProtocol, "a", { _tag: "Note", line: "early" }, { tenant })
        yield* Effect.sleep(10_000)
        expect(yield* owned(sender)).toEqual([])
        const owner = yield* deployment.start([recorder])
        expect(yield* owned(owner)).toEqual([0, 1])
        expect(yield* note(sender, "a", "asked")).toEqual({ ok: { count: 2 } })
        yield* owner.crash
        yield* Effect.sleep(10_000)
        expect(yield* owned(sender)).toEqual([])
      }),
    ),
  )
})
