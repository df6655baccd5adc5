/** Bad input through JetStream: full mailboxes, payloads against the server's bound, and a damaged journal. */
import { describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { afterAll, beforeAll, expect } from "vitest"
import { Address, type EngineShape, type Limits, Log, make, type NodeOptions } from "../../engine/index.ts"
import { Nats, type StreamsConfig } from "../../streams/index.ts"
import { takeCount } from "../contract/log.ts"
import { type DeadLetter, implementation, outcomeOf, tenant } from "../support/deployment.ts"
import { contractNatsVersions, type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { Recorder, RecorderProtocol } from "../support/recorder.ts"
import { startNode, testStreamsConfig } from "../support/streams.ts"

const partitions = 2
const limits: Partial<Limits.Limits> = {
  checkpointEveryMs: 300,
  heartbeatMs: 50,
  suspectAfterMs: 500,
  joinQuietMs: 100,
}
let lives = 0

const engineOn = Effect.fnUntraced(function* (config: StreamsConfig, options: Partial<NodeOptions> = {}) {
  const services = yield* startNode(config)
  const engine = yield* make({
    partitions,
    incarnation: `life-${process.pid}-${++lives}`,
    implementations: [implementation(Recorder)],
    ...options,
    limits: { ...limits, ...options.limits },
  }).pipe(Effect.provide(services))
  return { engine, services }
})

/** Asks until it holds; the wait has an end in the time-out of the test. */
const until = <A, E, R>(effect: Effect.Effect<A, E, R>, holds: (value: A) => boolean) =>
  Effect.repeat(effect, { until: holds, schedule: Schedule.spaced("20 millis") })

const stateOf = (engine: EngineShape, partition: number, tag: string) =>
  Effect.map(
    until(engine.status, (status) => status.partitions[partition]!._tag === tag),
    (status) => status.partitions[partition]!,
  )

const keyIn = (partition: number): string => {
  for (let index = 0; ; index++) {
    const id = Address.format({ tenant, kind: "recorder", key: `k${index}` })
    if (Address.partitionOf(id, partitions) === partition) return `k${index}`
  }
}

const note = (engine: EngineShape, key: string, line: string) =>
  outcomeOf(engine.ask(RecorderProtocol, key, { _tag: "Note", line }, { tenant }))
const read = (engine: EngineShape, key: string) =>
  outcomeOf(engine.ask(RecorderProtocol, key, { _tag: "Read" }, { tenant }))

for (const version of await contractNatsVersions())
  describe(`bad input through nats-server, ${version} supported version`, () => {
    let server: TestNatsServer
    beforeAll(async () => {
      server = await testNatsServer({ version })
    })
    afterAll(() => server.stop())
    const configure = (overrides: Partial<StreamsConfig> = {}) =>
      testStreamsConfig(server.connection, { partitions, ...overrides })

    it.live(
      "a full mailbox refuses what comes on top, stores nothing of it, and takes more once worked off",
      () =>
        Effect.gen(function* () {
          const config = configure({ limits: { mailboxMessagesPerPartitionMax: 3 } })
          const key = keyIn(0)
          const { engine: sender, services } = yield* engineOn(config, {
            owns: false,
            limits: { batchCommandsMax: 1 },
          })
          const told = yield* Effect.forEach(
            Array.from({ length: 8 }, (_, index) => `line ${index}`),
            (line) => Effect.result(sender.tell(RecorderProtocol, key, { _tag: "Note", line }, { tenant })),
          )
          expect(told.map(({ _tag }) => _tag)).toEqual([
            ...["Success", "Success", "Success"],
            ...["Failure", "Failure", "Failure", "Failure", "Failure"],
          ])
          const refused = told.flatMap((result) => (result._tag === "Failure" ? [result.failure] : []))
          for (const error of refused) {
            expect(error).toMatchObject({ code: "MailboxFull", accepted: false, retryAfterMs: 1_000 })
          }
          const mailbox = Context.get(services, Log.Mailbox)
          expect(yield* takeCount(yield* mailbox.open(0, 0), 3)).toHaveLength(3)
          const { engine } = yield* engineOn(config)
          const found = yield* until(read(engine, key), (outcome) => "ok" in outcome)
          expect(found).toEqual({ ok: { lines: ["line 0", "line 1", "line 2"] } })
        }),
    )

    it.live(
      "a payload is refused by the engine's bound before the server's, and the largest that fits works",
      () =>
        Effect.gen(function* () {
          const { engine, services } = yield* engineOn(configure())
          const key = keyIn(0)
          yield* stateOf(engine, 0, "Live")
          const { info } = Context.get(services, Nats).transport
          expect(info!.max_payload).toBeGreaterThan(512 * 1024)
          const tooLarge = yield* Effect.flip(
            engine.ask(RecorderProtocol, key, { _tag: "Note", line: "x".repeat(256 * 1024) }, { tenant }),
          )
          expect(tooLarge).toMatchObject({
            code: "PayloadTooLarge",
            accepted: false,
            limit: "commandBytesMax",
          })
          const large = "x".repeat(200 * 1024)
          const counts = yield* Effect.forEach(
            ["1", "2", "3", "4", "5", "6"],
            (line) => note(engine, key, line + large),
            {
              concurrency: "unbounded",
            },
          )
          expect(counts).toEqual([1, 2, 3, 4, 5, 6].map((count) => ({ ok: { count } })))
          const decided = engine.ask(RecorderProtocol, key, { _tag: "Grow", characters: 500_000 }, { tenant })
          expect(yield* outcomeOf(decided)).toEqual({ code: "RecordTooLarge" })
        }),
    )

    it.live("what a stranger publishes into a mailbox, up to the server's bound, ends as dead letters", () =>
      Effect.gen(function* () {
        const config = configure()
        const { engine, services } = yield* engineOn(config)
        const { transport } = Context.get(services, Nats)
        const key = keyIn(0)
        yield* stateOf(engine, 0, "Live")
        const publish = (data: string) =>
          Effect.promise(() => transport.request(`${config.namespace}.mailbox.0`, data))
        const envelope = {
          id: "x",
          to: `${tenant}/recorder/${key}`,
          version: 1,
          body: { _tag: "Note", line: "" },
          source: "s:stranger",
          mark: [1, 0],
          trace: "",
        }
        const room = transport.info!.max_payload - 1_000
        yield* publish("no json")
        yield* publish(JSON.stringify([{ ...envelope, body: { _tag: "Note", line: "x".repeat(room) } }]))
        yield* publish(JSON.stringify([{ huge: "x".repeat(room) }]))
        yield* publish(JSON.stringify([envelope, { ...envelope, mark: "none" }]))
        const found = yield* until(
          read(engine, key),
          (outcome) => "ok" in outcome && outcome.ok.lines.length > 0,
        )
        expect(found).toEqual({ ok: { lines: [""] } })
        const letters = yield* takeCount(yield* Context.get(services, Log.DeadLetters).open(0, 0), 4)
        const codes = letters.map(({ data }) => {
          const letter = JSON.parse(new TextDecoder().decode(data)) as DeadLetter
          return letter.entry.dead?.code
        })
        expect(codes).toEqual(Array.from({ length: 4 }, () => "MalformedEnvelope"))
      }),
    )

    it.live("a damaged record in a journal stops its partition with its sequence, in the next life too", () =>
      Effect.gen(function* () {
        const config = configure()
        const [damagedKey, otherKey] = [keyIn(0), keyIn(1)]
        const sequence = yield* Effect.scoped(
          Effect.gen(function* () {
            const { engine, services } = yield* engineOn(config)
            yield* stateOf(engine, 0, "Live")
            yield* stateOf(engine, 1, "Live")
            expect(yield* note(engine, damagedKey, "before")).toEqual({ ok: { count: 1 } })
            const { transport } = Context.get(services, Nats)
            const answer = yield* Effect.promise(() =>
              transport.request(`${config.namespace}.journal.0`, "ffffffff\n{}"),
            )
            const published = answer.json<{ readonly seq: number }>().seq
            // Its owner meets the record with its next append.
            yield* engine.tell(RecorderProtocol, damagedKey, { _tag: "Note", line: "waits" }, { tenant })
            expect(yield* stateOf(engine, 0, "Halted")).toMatchObject({ sequence: published })
            expect(yield* note(engine, damagedKey, "x")).toEqual({ code: "PartitionHalted" })
            expect(yield* note(engine, otherKey, "goes on")).toEqual({ ok: { count: 1 } })
            return published
          }),
        )
        const { engine } = yield* engineOn(config)
        expect(yield* stateOf(engine, 0, "Halted")).toMatchObject({ sequence })
        expect(yield* note(engine, damagedKey, "x")).toEqual({ code: "PartitionHalted" })
        yield* stateOf(engine, 1, "Live")
        expect(yield* note(engine, otherKey, "again")).toEqual({ ok: { count: 2 } })
      }),
    )
  })
