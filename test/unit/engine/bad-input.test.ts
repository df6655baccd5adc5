import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { command, protocol } from "../../../schemas/index.ts"
import {
  type Deployment,
  deployed,
  eventually,
  implementation,
  outcomeOf,
  tenant,
} from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const recorder = implementation(Recorder)
/** What somebody else takes the recorder for. */
const foreign = (kind: string, version: number) =>
  protocol({
    kind,
    version,
    commands: {
      Note: command({ line: Schema.Unknown, more: Schema.optionalKey(Schema.Int) }),
      Unheard: command({}),
    },
  })

const encoder = new TextEncoder()
/** Writes straight into the mailbox, as a foreign process could. */
const put = (deployment: Deployment, partition: number, data: string | Uint8Array) =>
  deployment.stores.mailbox.append(
    partition,
    typeof data === "string" ? encoder.encode(data) : data,
    undefined,
  )
const envelope = (changes: object = {}) => ({
  id: "x",
  to: "t/recorder/a",
  version: 1,
  body: { _tag: "Note", line: "direct" },
  source: "s:stranger",
  mark: [1, 0],
  trace: "",
  ...changes,
})

describe("a command for", () => {
  it(
    "a kind that nobody has is answered so and kept as a dead letter",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { engine } = yield* deployment.start([recorder])
        const asked = engine.ask(foreign("nothing", 1), "a", { _tag: "Unheard" }, { tenant })
        expect(yield* Effect.flip(asked)).toMatchObject({
          code: "UnknownKind",
          kind: "terminal",
          accepted: true,
        })
        yield* Effect.sleep(100)
        expect(deployment.deadLetters()).toMatchObject([
          {
            entry: { to: "t/nothing/a", dead: { code: "UnknownKind" }, cause: { body: { _tag: "Unheard" } } },
          },
        ])
      }),
    ),
  )

  it.each([
    ["a command that its kind does not have", 1, { _tag: "Unheard" }, "UnknownCommand"],
    ["a newer version of its kind", 2, { _tag: "Note", line: "x" }, "UnknownVersion"],
    ["no version at all", 0, { _tag: "Note", line: "x" }, "UnknownVersion"],
    ["a field of another type", 1, { _tag: "Note", line: 5 }, "MalformedCommand"],
    ["a field that does not belong there", 1, { _tag: "Note", line: "x", more: 1 }, "MalformedCommand"],
  ] as const)("%s is answered so, kept, and the actor goes on", (_title, version, sent, code) =>
    deployed((deployment) =>
      Effect.gen(function* () {
        const { engine } = yield* deployment.start([recorder])
        const asked = engine.ask(foreign("recorder", version), "a", sent as never, { tenant })
        expect(yield* outcomeOf(asked)).toEqual({ code })
        yield* Effect.sleep(100)
        expect(deployment.deadLetters()).toMatchObject([{ entry: { dead: { code }, cause: { body: sent } } }])
        const next = yield* engine.ask(RecorderProtocol, "a", { _tag: "Note", line: "next" }, { tenant })
        expect(next).toEqual({ count: 1 })
      }),
    )(),
  )
})

describe("what a stranger writes into a mailbox", () => {
  it(
    "is kept as dead letters where it is no envelope, and what is one beside it is handled",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { engine } = yield* deployment.start([recorder])
          put(deployment, 0, "not json {")
          put(deployment, 0, new Uint8Array([0xff, 0xfe, 0x00]))
          put(deployment, 0, '{"an":"object"}')
          put(deployment, 0, "[]")
          put(
            deployment,
            0,
            JSON.stringify([
              null,
              "text",
              envelope({ to: "nowhere" }),
              envelope({ mark: "no mark" }),
              envelope({ body: {} }),
              envelope({ id: "" }),
              envelope(),
            ]),
          )
          const { lines } = yield* engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant })
          expect(lines).toEqual(["direct"])
          yield* Effect.sleep(200)
          const letters = deployment.deadLetters()
          expect(letters.map(({ entry }) => entry.dead?.code)).toEqual(
            Array.from({ length: 9 }, () => "MalformedEnvelope"),
          )
          expect(letters[5]!.entry.cause).toMatchObject({ raw: { to: "nowhere" } })
        }),
      { partitions: 1 },
    ),
  )

  it(
    "is handled once however often it is delivered, and also after a restart",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const first = yield* deployment.start([recorder])
          for (let copy = 0; copy < 3; copy++) put(deployment, 0, JSON.stringify([envelope()]))
          yield* first.engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant })
          yield* first.crash
          put(deployment, 0, JSON.stringify([envelope(), envelope({ mark: [1, 1] })]))
          const { engine } = yield* deployment.start([recorder])
          const { lines } = yield* engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant })
          expect(lines).toEqual(["direct", "direct"])
        }),
      { partitions: 1 },
    ),
  )

  it(
    "and is larger than any sender may write does not stop the partition: it is cut and kept as a dead letter",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { engine } = yield* deployment.start([recorder])
          const huge = "x".repeat(20_000)
          put(deployment, 0, JSON.stringify([{ huge }]))
          put(deployment, 0, JSON.stringify([envelope({ body: { _tag: "Note", line: huge } })]))
          put(deployment, 0, huge)
          yield* engine.ask(RecorderProtocol, "a", { _tag: "Note", line: "next" }, { tenant })
          yield* Effect.sleep(200)
          expect(deployment.deadLetters().map(({ entry }) => entry.dead?.code)).toEqual(
            Array.from({ length: 3 }, () => "MalformedEnvelope"),
          )
          for (const { data } of deployment.stores.journal.messages(0)) {
            expect(data.length).toBeLessThan(3 * 4_096)
          }
        }),
      {
        partitions: 1,
        node: { limits: { commandBytesMax: 2_048, entryBytesMax: 3_000, batchBytesMax: 4_096 } },
      },
    ),
  )
})

describe("a payload", () => {
  const limits = { commandBytesMax: 2_048, entryBytesMax: 3_000, batchBytesMax: 4_096 }
  it(
    "that is too large is refused by the name of its limit, counted in bytes, and nothing is stored",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { engine } = yield* deployment.start([recorder])
          const note = (line: string) =>
            Effect.flip(engine.ask(RecorderProtocol, "a", { _tag: "Note", line }, { tenant }))
          const before = deployment.stores.mailbox.messages(0).length
          for (const line of ["x".repeat(2_048), "ß".repeat(1_024)]) {
            expect(yield* note(line)).toMatchObject({
              code: "PayloadTooLarge",
              kind: "terminal",
              accepted: false,
              limit: "commandBytesMax",
            })
          }
          expect(deployment.stores.mailbox.messages(0)).toHaveLength(before)
          const fits = { _tag: "Note", line: "ß".repeat(500) } as const
          expect(yield* engine.ask(RecorderProtocol, "a", fits, { tenant })).toEqual({ count: 1 })
        }),
      { partitions: 1, node: { limits } },
    ),
  )

  it(
    "of a decision that is too large for the journal is refused by its limit, kept, and leaves the actor as it was",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { engine } = yield* deployment.start([recorder])
          const grown = engine.ask(RecorderProtocol, "a", { _tag: "Grow", characters: 3_000 }, { tenant })
          const failed = yield* Effect.flip(grown)
          expect(failed).toMatchObject({ code: "RecordTooLarge", kind: "terminal", accepted: true })
          expect(failed.message).toContain("entryBytesMax (3000 bytes)")
          yield* engine.ask(RecorderProtocol, "a", { _tag: "Grow", characters: 2_000 }, { tenant })
          const { lines } = yield* engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant })
          expect(lines).toEqual(["x".repeat(2_000)])
          yield* eventually(() => deployment.deadLetters().length === 1)
        }),
      { partitions: 1, node: { limits } },
    ),
  )
})
