/** Several lanes of the metric stream in its one order, on every supported version of the server that can be had here. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  appendSamples,
  laneOf,
  laneOfMetric,
  MetricStream,
  metricsOfLane,
  metricToken,
  type StoredEvent,
  type StreamsConfig,
} from "../../streams/index.ts"
import { contractNatsVersions, type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startNode, testStreamsConfig } from "../support/streams.ts"

const encoder = new TextEncoder()

for (const version of await contractNatsVersions())
  describe(`lanes on nats-server, ${version} supported version`, () => {
    let server: TestNatsServer
    beforeAll(async () => {
      server = await testNatsServer({ version })
    })
    afterAll(() => server.stop())

    const withStream = (
      body: (stream: MetricStream["Service"]) => Effect.Effect<void, unknown, Scope.Scope>,
      limits: StreamsConfig["limits"] = {},
    ) => {
      const config = testStreamsConfig(server.connection, { partitions: 4, limits })
      return Effect.runPromise(
        Effect.scoped(
          Effect.flatMap(startNode(config), (services) => body(Context.get(services, MetricStream))),
        ),
      )
    }
    const fill = (stream: MetricStream["Service"], count: number) =>
      Effect.forEach(
        Array.from({ length: count }, (_, index) => index),
        (index) => stream.append(metricToken(`t${index % 3}`, index % 4, "api"), encoder.encode(`${index}`)),
      )

    it("are read together in the order of the stream, and others not at all", () =>
      withStream(
        Effect.fnUntraced(function* (stream) {
          expect(stream.lanes).toBe(4)
          yield* fill(stream, 40)
          const filters = [metricsOfLane(1), metricsOfLane(3)]
          const read: Array<StoredEvent> = []
          yield* stream.read(filters, { sequence: 1 }, (event) => read.push(event))
          expect(read.map(({ data }) => Number(new TextDecoder().decode(data)))).toEqual(
            Array.from({ length: 20 }, (_, index) => 2 * index + 1),
          )
          const tailed: Array<StoredEvent> = []
          yield* Effect.gen(function* () {
            const tail = yield* stream.tail(filters, { sequence: 11 })
            while (tailed.length < 15) tailed.push(...(yield* tail.take))
            yield* fill(stream, 8)
            while (tailed.length < 19) tailed.push(...(yield* tail.take))
          }).pipe(Effect.scoped)
          expect(tailed).toHaveLength(19)
          expect(new Set(tailed.map(({ token }) => laneOfMetric(token)))).toEqual(new Set([1, 3]))
          const sequences = tailed.map(({ sequence }) => sequence)
          expect(sequences).toEqual(sequences.toSorted((one, other) => one - other))
          expect(yield* stream.bounds).toEqual({ first: 1, last: 48 })
        }),
      ))

    it("are read to their end or not at all, where the server is silent for a while", () =>
      withStream(
        Effect.fnUntraced(function* (stream) {
          yield* fill(stream, 400)
          const { take } = yield* stream.pages(metricsOfLane(1), { sequence: 1 })
          let read = (yield* take)?.length ?? 0
          expect(read).toBeLessThan(100)
          const signal = (name: "SIGSTOP" | "SIGCONT") => Effect.sync(() => process.kill(server.pid(), name))
          yield* Effect.acquireRelease(signal("SIGSTOP"), () => signal("SIGCONT"))
          // Longer than whoever reads waits for a page.
          yield* Effect.forkScoped(Effect.andThen(Effect.sleep(1_500), signal("SIGCONT")))
          const rest = Effect.gen(function* () {
            for (let page = yield* take; page !== undefined; page = yield* take) read += page.length
          })
          expect(yield* Effect.result(rest)).toMatchObject({
            _tag: "Failure",
            failure: { _tag: "Unavailable" },
          })
          const again: Array<StoredEvent> = []
          yield* stream.read(metricsOfLane(1), { sequence: 1 }, (event) => again.push(event))
          expect(again).toHaveLength(100)
        }),
        { requestTimeoutMs: 500, readerMessagesMax: 20, readerRecoveryMs: 20_000 },
      ))

    it("keep a message that is sent again under its id once", () =>
      withStream(
        Effect.fnUntraced(function* (stream) {
          const token = metricToken("t", 1, "events")
          const first = yield* stream.append(token, encoder.encode("a"), "one\nid")
          const again = yield* stream.append(token, encoder.encode("a"), "one\nid")
          expect(again).toBe(first)
        }),
      ))

    it("take samples by the lane of their name", () =>
      withStream(
        Effect.fnUntraced(function* (stream) {
          const samples = Array.from({ length: 10 }, (_, index) => ({
            name: `m${index}`,
            labels: {},
            value: index,
            at: index,
          }))
          yield* appendSamples(stream, "acme", samples, ["host", "a.b"])
          const tokens: Array<string> = []
          yield* stream.read("t.acme.>", { sequence: 1 }, ({ token }) => tokens.push(token))
          const lanes = new Set(samples.map(({ name }) => laneOf("acme", name, 4)))
          expect(new Set(tokens)).toEqual(
            new Set([...lanes].map((lane) => metricToken("acme", lane, "host", "a.b"))),
          )
        }),
      ))
  })
