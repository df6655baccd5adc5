import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { LogFull } from "../../../engine/index.ts"
import { deployed, implementation, outcomeOf, tenant } from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const recorder = implementation(Recorder)
const names = (count: number, prefix = "") => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

describe("an actor", () => {
  it(
    "handles what one caller sends it in the order of sending, over many batches",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { engine } = yield* deployment.start([recorder])
          const asked = yield* Effect.forEach(
            names(200),
            (line) => engine.ask(RecorderProtocol, "a", { _tag: "Note", line }, { tenant }),
            { concurrency: "unbounded" },
          )
          expect(asked.map(({ count }) => count)).toEqual(names(200).map((_, index) => index + 1))
          const { lines } = yield* engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant })
          expect(lines).toEqual(names(200))
        }),
      { node: { limits: { batchCommandsMax: 7, inFlightCommandsMax: 20 } } },
    ),
  )

  it(
    "hears what another actor sends it once each and in order, also from another partition",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { engine } = yield* deployment.start([recorder])
        const [from, near, far] = [0, 0, 1].map((partition, nth) =>
          deployment.keyIn(partition, "recorder", nth),
        ) as [string, string, string]
        yield* Effect.forEach(
          names(50),
          (line) =>
            Effect.forEach([near, far], (to) =>
              engine.ask(RecorderProtocol, from, { _tag: "Pass", to, line }, { tenant }),
            ),
          { concurrency: "unbounded" },
        )
        yield* Effect.sleep(1_000)
        for (const key of [near, far]) {
          const { lines } = yield* engine.ask(RecorderProtocol, key, { _tag: "Read" }, { tenant })
          expect(lines).toEqual(names(50))
        }
      }),
    ),
  )

  it(
    "hears what was sent to it even when its mailbox took nothing over a checkpoint and a crash of the sender",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const first = yield* deployment.start([recorder])
          const [from, to] = [deployment.keyIn(0, "recorder"), deployment.keyIn(1, "recorder")]
          const { mailbox } = deployment.stores
          const append = mailbox.append.bind(mailbox)
          let refusing = true
          mailbox.append = (partition, data, expected) =>
            refusing && partition === 1
              ? new LogFull({ port: "test", detail: "closed" })
              : append(partition, data, expected)
          for (const line of names(3)) {
            yield* first.engine.ask(RecorderProtocol, from, { _tag: "Pass", to, line }, { tenant })
          }
          yield* Effect.sleep(3_000)
          yield* first.crash
          const { engine } = yield* deployment.start([recorder])
          yield* Effect.sleep(3_000)
          refusing = false
          yield* Effect.sleep(3_000)
          const { lines } = yield* engine.ask(RecorderProtocol, to, { _tag: "Read" }, { tenant })
          expect(lines).toEqual(names(3))
        }),
      { node: { limits: { checkpointEveryMs: 500 } } },
    ),
  )

  it(
    "answers a rejection with its fields, and nothing of it is left in the state",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { engine } = yield* deployment.start([recorder])
        yield* engine.ask(RecorderProtocol, "a", { _tag: "Note", line: "one" }, { tenant })
        const refused = yield* Effect.flip(engine.ask(RecorderProtocol, "a", { _tag: "Refuse" }, { tenant }))
        expect(refused).toMatchObject({
          _tag: "Rejected",
          to: "t/recorder/a",
          rejection: { _tag: "Refused", count: 1 },
        })
        expect((yield* engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant })).lines).toEqual([
          "one",
        ])
        expect(deployment.deadLetters()).toEqual([])
      }),
    ),
  )

  it(
    "of one tenant is another one than that of the same name of another tenant",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { engine } = yield* deployment.start([recorder])
        yield* engine.ask(RecorderProtocol, "a", { _tag: "Note", line: "mine" }, { tenant: "one" })
        const other = yield* engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant: "two" })
        expect(other.lines).toEqual([])
      }),
    ),
  )

  it(
    "is untouched by a command that throws: it is answered, kept as a dead letter, and the next one works",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { engine } = yield* deployment.start([recorder])
        yield* engine.ask(RecorderProtocol, "a", { _tag: "Note", line: "before" }, { tenant })
        const poisoned = yield* Effect.flip(engine.ask(RecorderProtocol, "a", { _tag: "Poison" }, { tenant }))
        expect(poisoned).toMatchObject({
          code: "ActorFailed",
          kind: "defect",
          accepted: true,
          detail: "poison",
        })
        const after = yield* engine.ask(RecorderProtocol, "a", { _tag: "Note", line: "after" }, { tenant })
        expect(after.count).toBe(2)
        yield* Effect.sleep(100)
        expect(deployment.deadLetters()).toMatchObject([
          {
            entry: { to: "t/recorder/a", cause: { body: { _tag: "Poison" } }, dead: { code: "ActorFailed" } },
          },
        ])
      }),
    ),
  )

  it(
    "draws the same random numbers from a command whether it is decided now or replayed, and others from the next",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { engine } = yield* deployment.start([recorder])
        const draw = engine.ask(RecorderProtocol, "a", { _tag: "Draw" }, { tenant, idempotencyKey: "one" })
        const [first, again] = [yield* draw, yield* draw]
        const other = yield* engine.ask(RecorderProtocol, "a", { _tag: "Draw" }, { tenant })
        expect(again).toEqual(first)
        expect(other.uuid).not.toBe(first.uuid)
      }),
    ),
  )

  it(
    "is heard by listeners on every node only after what it decided is in the journal",
    deployed((deployment) =>
      Effect.gen(function* () {
        const one = yield* deployment.start([recorder])
        const two = yield* deployment.start([recorder])
        const heard: Array<string> = []
        for (const node of [one, two]) {
          yield* node.engine.listen("news", (body) => {
            const stored = deployment.entries().some(({ events }) => events !== undefined)
            heard.push(`${node.name} ${(body as { readonly line: string }).line} ${stored}`)
          })
        }
        const announce = { _tag: "Announce", topic: "news", line: "hello" } as const
        yield* one.engine.ask(RecorderProtocol, "a", announce, { tenant })
        yield* Effect.sleep(100)
        expect(heard.sort()).toEqual(["n1 hello true", "n2 hello true"])
      }),
    ),
  )
})

describe("a call", () => {
  it(
    "of a command that the protocol does not have, or whose fields do not fit, is refused before it is stored",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { engine } = yield* deployment.start([recorder])
        const ask = (command: object, key = "a", who = tenant) =>
          outcomeOf(engine.ask(RecorderProtocol, key, command as { readonly _tag: "Read" }, { tenant: who }))
        expect(yield* ask({ _tag: "Unheard" })).toEqual({ code: "UnknownCommand" })
        expect(yield* ask({ _tag: "constructor" })).toEqual({ code: "MalformedCommand" })
        expect(yield* ask({ _tag: "Note", line: 5 })).toEqual({ code: "MalformedCommand" })
        expect(yield* ask({ _tag: "Read" }, "")).toEqual({ code: "MalformedAddress" })
        expect(yield* ask({ _tag: "Read" }, "line\nbreak")).toEqual({ code: "MalformedAddress" })
        expect(yield* ask({ _tag: "Read" }, "a", "No Tenant")).toEqual({ code: "MalformedAddress" })
        expect(deployment.entries()).toEqual([])
      }),
    ),
  )
})
