import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it } from "vitest"
import { type Deployment, deployed, implementation, outcomeOf, tenant } from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const recorder = implementation(Recorder)
const options = { tenant, idempotencyKey: "key" }
const limits = { checkpointEveryMs: 500, passivateAfterMs: 500 }

const restarted = (deployment: Deployment, how: "crash" | "leave") =>
  Effect.gen(function* () {
    const node = yield* deployment.start([recorder])
    const next = Effect.andThen(node[how], deployment.start([recorder]))
    return { node, next }
  })

describe("an idempotency key", () => {
  for (const how of ["crash", "leave"] as const) {
    it(
      `gives the same answer again, also when the node has meanwhile been replaced (${how})`,
      deployed((deployment) =>
        Effect.gen(function* () {
          const { node, next } = yield* restarted(deployment, how)
          const note = { _tag: "Note", line: "once" } as const
          expect(yield* node.engine.ask(RecorderProtocol, "a", note, options)).toEqual({ count: 1 })
          yield* node.engine.ask(RecorderProtocol, "a", { _tag: "Note", line: "other" }, { tenant })
          expect(yield* node.engine.ask(RecorderProtocol, "a", note, options)).toEqual({ count: 1 })
          const { engine } = yield* next
          expect(yield* engine.ask(RecorderProtocol, "a", note, options)).toEqual({ count: 1 })
          const { lines } = yield* engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant })
          expect(lines).toEqual(["once", "other"])
        }),
      ),
    )

    it(
      `gives a rejection and a failure again, whatever the state has become (${how})`,
      deployed((deployment) =>
        Effect.gen(function* () {
          const { node, next } = yield* restarted(deployment, how)
          const refuse = (engine: typeof node.engine) =>
            Effect.flip(engine.ask(RecorderProtocol, "a", { _tag: "Refuse" }, options))
          const poison = (engine: typeof node.engine) =>
            outcomeOf(
              engine.ask(RecorderProtocol, "a", { _tag: "Poison" }, { tenant, idempotencyKey: "poison" }),
            )
          const rejection = { rejection: { _tag: "Refused", count: 0 } }
          expect(yield* refuse(node.engine)).toMatchObject(rejection)
          expect(yield* poison(node.engine)).toEqual({ code: "ActorFailed" })
          yield* node.engine.ask(RecorderProtocol, "a", { _tag: "Note", line: "x" }, { tenant })
          expect(yield* refuse(node.engine)).toMatchObject(rejection)
          const { engine } = yield* next
          expect(yield* refuse(engine)).toMatchObject(rejection)
          expect(yield* poison(engine)).toEqual({ code: "ActorFailed" })
          yield* Effect.sleep(100)
          // Written again after a crash, under the same id.
          expect(new Set(deployment.deadLetters().map(({ id }) => id)).size).toBe(1)
        }),
      ),
    )
  }

  it(
    "of a command that is not answered yet joins those who wait, and finds the answer afterwards",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { node, next } = yield* restarted(deployment, "crash")
        const wait = (engine: typeof node.engine) =>
          engine.ask(RecorderProtocol, "a", { _tag: "Await", id: "w" }, options)
        const first = yield* Effect.forkChild(wait(node.engine))
        yield* Effect.sleep(100)
        const second = yield* Effect.forkChild(wait(node.engine))
        yield* Effect.sleep(100)
        yield* node.engine.ask(RecorderProtocol, "a", { _tag: "Resolve", id: "w", value: "v" }, { tenant })
        expect(yield* Fiber.join(first)).toEqual({ value: "v" })
        expect(yield* Fiber.join(second)).toEqual({ value: "v" })
        const { engine } = yield* next
        expect(yield* wait(engine)).toEqual({ value: "v" })
      }),
    ),
  )

  it(
    "still waits after a restart, is answered by what comes then, and a caller that asked before asks again",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { node, next } = yield* restarted(deployment, "crash")
          const wait = { _tag: "Await", id: "w" } as const
          yield* Effect.forkChild(Effect.exit(node.engine.ask(RecorderProtocol, "a", wait, options)))
          // Long enough for a checkpoint and for the actor to leave memory.
          yield* Effect.sleep(3_000)
          const { engine } = yield* next
          const again = yield* Effect.forkChild(engine.ask(RecorderProtocol, "a", wait, options))
          yield* Effect.sleep(100)
          yield* engine.ask(RecorderProtocol, "a", { _tag: "Resolve", id: "w", value: "v" }, { tenant })
          expect(yield* Fiber.join(again)).toEqual({ value: "v" })
          expect(yield* engine.ask(RecorderProtocol, "a", wait, options)).toEqual({ value: "v" })
          const awaited = deployment.entries().flatMap(({ events }) => events ?? [])
          expect(awaited.filter(({ _tag }) => _tag === "Awaited")).toHaveLength(1)
        }),
      { node: { limits } },
    ),
  )

  it(
    "is kept while it is young, and forgotten beyond the number kept and beyond its time, oldest first",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { engine } = yield* deployment.start([recorder])
          const note = (key: string) =>
            Effect.map(
              engine.ask(RecorderProtocol, "a", { _tag: "Note", line: key }, { tenant, idempotencyKey: key }),
              ({ count }) => count,
            )
          for (const key of ["one", "two", "three"]) yield* note(key)
          expect(yield* note("one")).toBe(1)
          yield* Effect.sleep(20_000)
          expect(yield* note("four")).toBe(4)
          expect(yield* note("three")).toBe(3)
          expect(yield* note("two")).toBe(5)
          yield* Effect.sleep(60_000)
          yield* note("later")
          expect(yield* note("four")).toBe(7)
        }),
      {
        node: {
          limits: { idempotencyKeysMax: 2, idempotencyMinimumMs: 16_000, idempotencyRetentionMs: 30_000 },
        },
      },
    ),
  )

  it(
    "is refused as overload when too many young ones would have to be forgotten for it",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { engine } = yield* deployment.start([recorder])
          const note = (key: string) =>
            engine.ask(RecorderProtocol, "a", { _tag: "Note", line: key }, { tenant, idempotencyKey: key })
          for (const key of ["one", "two", "three"]) yield* note(key)
          expect(yield* Effect.flip(note("four"))).toMatchObject({ code: "Overloaded", kind: "retryable" })
          expect(yield* note("one")).toEqual({ count: 1 })
          expect(deployment.deadLetters()).toEqual([])
        }),
      { node: { limits: { idempotencyKeysMax: 2, idempotencyYoungMax: 3 } } },
    ),
  )
})
