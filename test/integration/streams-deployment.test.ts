/** How a deployment is created, checked and refused, and what its event streams and bounds do. */
import { describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { afterAll, beforeAll, expect } from "vitest"
import { Journal, Mailbox } from "../../engine/log.ts"
import { Durability, encodeToken, MetricStream, Nats } from "../../streams/index.ts"
import { bytes, takeCount, text } from "../contract/log.ts"
import { contractNatsVersions, type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startNode, testStreamsConfig } from "../support/streams.ts"

for (const version of await contractNatsVersions())
  describe(`a deployment on nats-server, ${version} supported version`, () => {
    let server: TestNatsServer
    beforeAll(async () => {
      server = await testNatsServer({ version })
    })
    afterAll(() => server.stop())
    const configure = (overrides: Parameters<typeof testStreamsConfig>[1] = {}) =>
      testStreamsConfig(server.connection, overrides)

    it.live("is created once by several nodes that start together, and found again", () =>
      Effect.gen(function* () {
        const config = configure()
        const nodes = yield* Effect.all(
          Array.from({ length: 5 }, () => startNode(config)),
          {
            concurrency: "unbounded",
          },
        )
        const [first, ...others] = nodes.map((services) => Context.get(services, Journal))
        const sequence = yield* first!.append(0, bytes("seen by all"), { id: "a", expectedLast: 0 })
        for (const journal of others) expect((yield* journal.last(0))?.sequence).toBe(sequence)
      }),
    )

    it.live("refuses another number of partitions, even from nodes that race to create it", () =>
      Effect.gen(function* () {
        const config = configure()
        const results = yield* Effect.all(
          [8, 12, 16, 24].map((partitions) => Effect.result(startNode({ ...config, partitions }))),
          { concurrency: "unbounded" },
        )
        expect(results.map(({ _tag }) => _tag).sort()).toEqual(["Failure", "Failure", "Failure", "Success"])
        const failures = results.flatMap((result) => (result._tag === "Failure" ? [result.failure._tag] : []))
        expect(new Set(failures)).toEqual(new Set(["PartitionCountChanged"]))
      }),
    )

    it.live("takes over limits that changed and names a field that can not change", () =>
      Effect.gen(function* () {
        const config = configure()
        yield* startNode(config)
        yield* startNode({ ...config, storageBudgetBytes: 32 * 1024 * 1024 })
        const refused = yield* Effect.flip(startNode({ ...config, storage: "memory" }))
        expect(refused).toMatchObject({ _tag: "TopologyMismatch", field: "storage", found: '"file"' })
      }),
    )

    it.live(
      "names the limit when the streams do not fit into the server, and foreign subjects in its way",
      () =>
        Effect.gen(function* () {
          const tooMuch = yield* Effect.flip(startNode(configure({ storageBudgetBytes: 2 ** 52 })))
          expect(tooMuch).toMatchObject({ _tag: "TopologyMismatch", field: "max_bytes" })
          const config = configure()
          const { transport } = Context.get(yield* startNode(configure()), Nats)
          const foreign = { name: `foreign-${config.namespace}`, subjects: [`${config.namespace}.journal.7`] }
          yield* Effect.promise(() =>
            transport.request(`$JS.API.STREAM.CREATE.${foreign.name}`, JSON.stringify(foreign)),
          )
          const overlap = yield* Effect.flip(startNode(config))
          expect(overlap).toMatchObject({ _tag: "TopologyMismatch", field: "subjects" })
        }),
    )

    it.live("refuses replicas that the server would not keep", () =>
      Effect.gen(function* () {
        const refused = yield* Effect.flip(startNode(configure({ replicas: 3 })))
        expect(refused).toMatchObject({ _tag: "UnsupportedByServer", feature: "replicas 3" })
      }),
    )

    it.live("refuses a wrong password at once, and a configuration that contradicts itself", () =>
      Effect.gen(function* () {
        const stranger = yield* Effect.flip(startNode(configure({ password: Redacted.make("wrong") })))
        expect(stranger._tag).toBe("ConnectFailed")
        const wrong = yield* Effect.flip(startNode(configure({ namespace: "No Spaces" })))
        expect(wrong).toMatchObject({ _tag: "InvalidConfig", field: "namespace" })
      }),
    )

    it.live("says what stored means", () =>
      Effect.gen(function* () {
        const report = Context.get(yield* startNode(configure({ syncInterval: "always" })), Durability)
        expect(report).toMatchObject({
          replicas: 1,
          survives: { processKill: true, operatingSystemCrash: true, diskLoss: false },
        })
        const unknown = Context.get(yield* startNode(configure()), Durability)
        expect(unknown.survives.operatingSystemCrash).toBe("unknown")
      }),
    )

    it.live("stores a repeated append once and answers its first sequence", () =>
      Effect.gen(function* () {
        const services = yield* startNode(configure())
        const mailbox = Context.get(services, Mailbox)
        const journal = Context.get(services, Journal)
        const command = { id: "command-1" }
        const once = yield* mailbox.append(0, bytes("x"), command)
        expect(yield* mailbox.append(0, bytes("x"), command)).toBe(once)
        // The same id in another partition is another message.
        expect(yield* mailbox.append(1, bytes("x"), command)).toBeGreaterThan(once)
        const record = { id: "record-1", expectedLast: 0 }
        const stored = yield* journal.append(0, bytes("r"), record)
        expect(yield* journal.append(0, bytes("r"), record)).toBe(stored)
        expect(yield* takeCount(yield* mailbox.open(0, 0), 1)).toHaveLength(1)
      }),
    )

    it.live("gives the same id from two nodes to one of them only", () =>
      Effect.gen(function* () {
        const config = configure()
        const [here, there] = [yield* startNode(config), yield* startNode(config)].map((services) =>
          Context.get(services, Journal),
        )
        const record = { id: "record-1", expectedLast: 0 }
        yield* here!.append(0, bytes("of here"), record)
        const lost = yield* Effect.flip(there!.append(0, bytes("of there"), record))
        expect(lost._tag).toBe("Conflict")
      }),
    )

    it.live("stops asking for messages when nobody takes, and goes on when somebody does", () =>
      Effect.gen(function* () {
        const readerMessagesMax = 100
        const services = yield* startNode(configure({ limits: { readerMessagesMax } }))
        const mailbox = Context.get(services, Mailbox)
        const { transport } = Context.get(services, Nats)
        const reader = yield* mailbox.open(0, 0)
        const total = 1_000
        yield* Effect.forEach(
          Array.from({ length: total }, (_, index) => index),
          (index) => mailbox.append(0, bytes(String(index)), { id: `m${index}` }),
          { concurrency: 100, discard: true },
        )
        const delivered = Effect.promise(async () => {
          const names = (await transport.request("$JS.API.STREAM.NAMES")).json<{ streams: Array<string> }>()
          const stream = names.streams.filter((name) => name.endsWith("_MAILBOX"))
          let count = 0
          for (const name of stream) {
            const list = await transport.request(`$JS.API.CONSUMER.LIST.${name}`)
            const reply = list.json<{
              consumers: Array<{ delivered: { consumer_seq: number }; num_waiting: number }> | null
            }>()
            for (const consumer of reply.consumers ?? []) count += consumer.delivered.consumer_seq
          }
          return count
        })
        const full = yield* delivered.pipe(
          Effect.repeat({
            until: (count) => count >= readerMessagesMax,
            schedule: Schedule.spaced("5 millis"),
          }),
        )
        expect(full).toBe(readerMessagesMax)
        const taken = yield* takeCount(reader, total)
        expect(taken.map(({ data }) => Number(text(data)))).toHaveLength(total)
        expect(
          taken.every(({ sequence }, index) => index === 0 || sequence > taken[index - 1]!.sequence),
        ).toBe(true)
      }),
    )

    it.live("reads events by token, from a sequence or a time, up to now, and follows what arrives", () =>
      Effect.gen(function* () {
        const metrics = Context.get(yield* startNode(configure()), MetricStream)
        const host = encodeToken("host a.b")
        const sequences = yield* Effect.forEach(
          Array.from({ length: 40 }, (_, index) => index),
          (index) => metrics.append(`${index % 2 === 0 ? host : "other"}.cpu`, bytes(String(index))),
        )
        const read = Effect.fnUntraced(function* (filter: string, start: Parameters<typeof metrics.read>[1]) {
          const values: Array<number> = []
          yield* metrics.read(filter, start, (event) => values.push(Number(text(event.data))))
          return values
        })
        const even = Array.from({ length: 20 }, (_, index) => index * 2)
        expect(yield* read(`${host}.>`, { sequence: 0 })).toEqual(even)
        expect(yield* read(">", { sequence: sequences[30]! })).toHaveLength(10)
        expect(yield* read(">", { timeMs: 0 })).toHaveLength(40)
        expect(yield* read("nothing.here", { timeMs: 0 })).toEqual([])
        const tail = yield* metrics.tail(`${host}.*`, { sequence: sequences[39]! })
        const later = yield* metrics.append(`${host}.cpu`, bytes("40"))
        const [event] = yield* tail.take
        expect(event).toMatchObject({ token: `${host}.cpu`, sequence: later })
      }),
    )
  })
