import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { type Deployment, deployed, implementation, tenant } from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const recorder = implementation(Recorder)
const notes = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}`)

/** All at once; answers how each one ended. */
const sendAll = (deployment: Deployment, count: number, owns: boolean, how: "ask" | "tell") =>
  Effect.gen(function* () {
    const { engine } = yield* deployment.start([recorder], { owns, ready: owns })
    const results = yield* Effect.forEach(
      notes(count),
      (line) => {
        const note = { _tag: "Note", line } as const
        return Effect.result(
          how === "ask"
            ? Effect.asVoid(engine.ask(RecorderProtocol, "a", note, { tenant }))
            : engine.tell(RecorderProtocol, "a", note, { tenant }),
        )
      },
      { concurrency: "unbounded" },
    )
    const refused = results.flatMap((result) => (result._tag === "Failure" ? [result.failure] : []))
    return { stored: results.length - refused.length, refused, engine }
  })

describe("a caller is refused early", () => {
  it(
    "when the mailbox is full: told when to come again, and nothing of it is stored",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { stored, refused } = yield* sendAll(deployment, 10, false, "tell")
          expect([stored, refused.length]).toEqual([3, 7])
          for (const error of refused) {
            expect(error).toMatchObject({
              code: "MailboxFull",
              kind: "retryable",
              accepted: false,
              retryAfterMs: 1_000,
            })
          }
          expect(deployment.stores.mailbox.messages(0)).toHaveLength(3)
          // As soon as somebody works the mailbox off, there is room again, and just the accepted ones were done.
          const { engine } = yield* deployment.start([recorder])
          yield* Effect.sleep(1_000)
          const { lines } = yield* engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant })
          expect(lines).toEqual(["line 0", "line 1", "line 2"])
        }),
      {
        partitions: 1,
        mailboxMax: 3,
        node: { limits: { batchCommandsMax: 1, checkpointEveryMs: 300, checkpointEntries: 1 } },
      },
    ),
  )

  it(
    "when too many wait in the node for one mailbox",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { refused, stored } = yield* sendAll(deployment, 40, true, "tell")
          expect(refused.length).toBeGreaterThan(0)
          for (const error of refused) {
            expect(error).toMatchObject({ code: "Overloaded", accepted: false, retryAfterMs: 1_000 })
            expect(error.message).toContain("senderQueueMax (5)")
          }
          const events = deployment.entries().flatMap((entry) => entry.events ?? [])
          yield* Effect.sleep(1_000)
          expect(events.length).toBeLessThanOrEqual(stored)
          const done = deployment.entries().flatMap((entry) => entry.events ?? [])
          expect(done).toHaveLength(stored)
        }),
      { partitions: 1, node: { limits: { senderQueueMax: 5, batchCommandsMax: 2 } } },
    ),
  )

  it(
    "when too many asks of the node wait for answers, and is served again when they have ended",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { refused, stored, engine } = yield* sendAll(deployment, 12, true, "ask")
          expect([stored, refused.length]).toEqual([8, 4])
          for (const error of refused) {
            expect(error).toMatchObject({ code: "Overloaded", accepted: false, retryAfterMs: 1_000 })
            expect(error.message).toContain("pendingAsksMax (8)")
          }
          const { count } = yield* engine.ask(RecorderProtocol, "a", { _tag: "Note", line: "x" }, { tenant })
          expect(count).toBe(9)
          expect((yield* engine.status).pendingAsks).toBe(0)
        }),
      { partitions: 1, node: { limits: { pendingAsksMax: 8 } } },
    ),
  )

  it(
    "never when it only has to wait: bounds of what is under way slow the partition down and lose nothing",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { stored, engine } = yield* sendAll(deployment, 60, true, "ask")
          expect(stored).toBe(60)
          yield* Effect.forEach(
            notes(30),
            (line) => engine.ask(RecorderProtocol, "a", { _tag: "Pass", to: "b", line }, { tenant }),
            { concurrency: "unbounded" },
          )
          yield* Effect.sleep(2_000)
          const { lines } = yield* engine.ask(RecorderProtocol, "b", { _tag: "Read" }, { tenant })
          expect(lines).toEqual(notes(30))
        }),
      {
        partitions: 1,
        node: { limits: { inFlightCommandsMax: 2, batchCommandsMax: 2, outboxMax: 1, writesInFlightMax: 1 } },
      },
    ),
  )

  it(
    "and told that its command is stored when only the answer is late",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { engine } = yield* deployment.start([recorder])
        const wait = { _tag: "Await", id: "w" } as const
        const late = yield* Effect.flip(
          engine.ask(RecorderProtocol, "a", wait, { tenant, timeoutMs: 2_000, idempotencyKey: "k" }),
        )
        expect(late).toMatchObject({ code: "ReplyTimeout", accepted: true })
        yield* engine.ask(RecorderProtocol, "a", { _tag: "Resolve", id: "w", value: "v" }, { tenant })
        const again = engine.ask(RecorderProtocol, "a", wait, { tenant, idempotencyKey: "k" })
        expect(yield* again).toEqual({ value: "v" })
      }),
    ),
  )
})
