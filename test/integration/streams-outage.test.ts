/** What happens to the ports when the server dies, stays away and comes back, without making a new layer. */
import { describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { afterAll, beforeAll, expect } from "vitest"
import { KeyValue } from "../../engine/key-value.ts"
import { Journal, type Log, type LogReader } from "../../engine/log.ts"
import { Signals } from "../../engine/signals.ts"
import { Nats } from "../../streams/index.ts"
import { bytes, takeCount, text } from "../contract/log.ts"
import { contractNatsVersions, type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startNode, testStreamsConfig } from "../support/streams.ts"

/** Repeats until the port can be reached again. */
const persist = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: Schedule.spaced("10 millis") })

/** Appends under compare-and-set through outages, as an owner does: after a failure it looks what is last. */
const appendThrough = Effect.fnUntraced(function* (
  log: Log,
  partition: number,
  names: ReadonlyArray<string>,
) {
  const sequences: Array<number> = []
  let expectedLast = (yield* persist(log.last(partition)))?.sequence ?? 0
  for (const name of names) {
    expectedLast = yield* persist(log.append(partition, bytes(name), { id: name, expectedLast }))
    sequences.push(expectedLast)
  }
  return sequences
})

const takeThrough = (reader: LogReader, count: number) => takeCount({ take: persist(reader.take) }, count)

const names = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)

for (const version of await contractNatsVersions())
  describe(`an outage of nats-server, ${version} supported version`, () => {
    let server: TestNatsServer
    beforeAll(async () => {
      server = await testNatsServer({ version })
    })
    afterAll(() => server.stop())

    const node = Effect.suspend(() =>
      startNode(
        testStreamsConfig(server.connection, {
          limits: { readerRecoveryMs: 300, requestTimeoutMs: 3_000, retryDelayMaxMs: 100 },
        }),
      ),
    )

    it.live("loses no acknowledged append, doubles none, and keeps a reader's order across kill -9", () =>
      Effect.gen(function* () {
        const journal = Context.get(yield* node, Journal)
        const reader = yield* journal.open(1, 0)
        const total = 2_000
        const writer = yield* Effect.forkChild(appendThrough(journal, 1, names(total, "m")))
        const read: Array<string | undefined> = []
        const sequences: Array<number> = []
        for (const killAt of [200, 700, 1_400]) {
          for (const message of yield* takeThrough(reader, killAt - read.length)) {
            read.push(text(message.data))
            sequences.push(message.sequence)
          }
          yield* Effect.promise(async () => {
            await server.kill("SIGKILL")
            await server.restart()
          })
        }
        for (const message of yield* takeThrough(reader, total - read.length)) {
          read.push(text(message.data))
          sequences.push(message.sequence)
        }
        expect(read).toEqual(names(total, "m"))
        expect(yield* Fiber.join(writer)).toEqual(sequences)
      }),
    )

    it.live("answers Unavailable while the server is away, and works again once it is back", () =>
      Effect.gen(function* () {
        const services = yield* node
        const journal = Context.get(services, Journal)
        const keyValue = Context.get(services, KeyValue)
        const signals = Context.get(services, Signals)
        const status = Context.get(services, Nats).status
        const reader = yield* journal.open(2, 0)
        const first = yield* journal.append(2, bytes("before"), { id: "before", expectedLast: 0 })
        const [revision] = yield* keyValue.putMany([
          { key: "k", value: bytes("before"), expectedRevision: 0 },
        ])
        yield* takeCount(reader, 1)
        yield* Effect.promise(() => server.kill("SIGKILL"))

        const failures = yield* Effect.all(
          [
            Effect.flip(reader.take),
            Effect.flip(journal.last(2)),
            Effect.flip(journal.append(2, bytes("x"), { id: "x", expectedLast: first })),
            Effect.flip(Effect.scoped(journal.open(2, 0))),
            Effect.flip(journal.trim(2, first)),
            Effect.flip(keyValue.getMany(["k"])),
            Effect.flip(keyValue.putMany([{ key: "j", value: bytes("x"), expectedRevision: 0 }])),
            Effect.flip(keyValue.removeMany(["k"])),
          ],
          { concurrency: "unbounded" },
        )
        expect(failures.map(({ _tag }) => _tag)).toEqual(failures.map(() => "Unavailable"))
        expect(status().connected).toBe(false)
        expect(signals.publish("t", bytes("lost"))).toBeUndefined()

        yield* Effect.promise(() => server.restart())
        const [second] = yield* appendThrough(journal, 2, ["after"])
        expect((yield* takeThrough(reader, 1)).map(({ sequence }) => sequence)).toEqual([second])
        const [stored] = yield* persist(keyValue.getMany(["k"]))
        expect([stored?.revision, text(stored?.value)]).toEqual([revision, "before"])
        expect(status().connected).toBe(true)
        expect(status().reconnects).toBeGreaterThan(0)
      }),
    )

    it.live("goes on with a reader whose consumer the server has forgotten", () =>
      Effect.gen(function* () {
        const services = yield* node
        const journal = Context.get(services, Journal)
        const { transport } = Context.get(services, Nats)
        const reader = yield* journal.open(3, 0)
        const [first] = yield* appendThrough(journal, 3, ["first"])
        expect((yield* takeThrough(reader, 1)).map(({ sequence }) => sequence)).toEqual([first])
        yield* Effect.promise(async () => {
          const streams = (await transport.request("$JS.API.STREAM.NAMES")).json<{ streams: Array<string> }>()
          for (const stream of streams.streams) {
            const list = await transport.request(`$JS.API.CONSUMER.NAMES.${stream}`)
            for (const name of list.json<{ consumers: Array<string> | null }>().consumers ?? [])
              await transport.request(`$JS.API.CONSUMER.DELETE.${stream}.${name}`)
          }
        })
        const [second] = yield* appendThrough(journal, 3, ["second"])
        expect((yield* takeThrough(reader, 1)).map(({ sequence }) => sequence)).toEqual([second])
      }),
    )

    it.live("fails what is in flight at once when the connection breaks", () =>
      Effect.gen(function* () {
        const services = yield* node
        const { publisher, requests } = Context.get(services, Nats)
        yield* Effect.promise(async () => process.kill(server.pid(), "SIGSTOP"))
        // Nobody answers: without the break this would last for the whole time-out.
        const waiting = yield* Effect.forkChild(
          Effect.result(publisher.publishEffect("nobody.listens", bytes("x"), undefined)),
          { startImmediately: true },
        )
        expect(requests.inFlight).toBe(1)
        yield* Effect.promise(() => server.kill("SIGKILL"))
        const result = yield* Fiber.join(waiting)
        expect(Result.isFailure(result) && result.failure).toEqual({
          kind: "unavailable",
          detail: "disconnected",
        })
        yield* Effect.promise(() => server.restart())
      }),
    )
  })
