/** The ports on three replicas: races decided once, and nothing acknowledged lost when a leader is killed. */
import { describe, it } from "@effect/vitest"
import { connect } from "@nats-io/transport-node"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { afterAll, beforeAll, expect } from "vitest"
import { KeyValue } from "../../engine/key-value.ts"
import { Journal } from "../../engine/log.ts"
import { Nats } from "../../streams/index.ts"
import { bytes, takeCount, text } from "../contract/log.ts"
import { contractNatsVersions, type TestNatsCluster, testNatsCluster } from "../support/nats.ts"
import { startNode, testStreamsConfig } from "../support/streams.ts"

const persist = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: Schedule.spaced("50 millis") })

const versions = (await contractNatsVersions()).filter((version) => version !== "oldest")

for (const version of versions)
  describe(`a cluster of nats-servers, ${version} supported version`, () => {
    let cluster: TestNatsCluster
    beforeAll(async () => {
      cluster = await testNatsCluster({ version })
    })
    afterAll(() => cluster.stop())
    const config = () =>
      testStreamsConfig(cluster.connection, {
        replicas: 3,
        limits: { requestTimeoutMs: 2_000, startupMs: 30_000 },
      })

    it.live("accepts exactly one of many writers on several nodes, in logs and in key-values", () =>
      Effect.gen(function* () {
        const shared = config()
        const nodes = [yield* startNode(shared), yield* startNode(shared), yield* startNode(shared)]
        let last = 0
        let revision = 0
        for (let round = 0; round < 60; round++) {
          const writers = Array.from({ length: 12 }, (_, writer) => ({
            name: `${round}-${writer}`,
            journal: Context.get(nodes[writer % 3]!, Journal),
            keyValue: Context.get(nodes[writer % 3]!, KeyValue),
          }))
          const appends = yield* Effect.forEach(
            writers,
            ({ journal, name }) =>
              Effect.result(journal.append(0, bytes(name), { id: name, expectedLast: last })),
            { concurrency: "unbounded" },
          )
          const accepted = appends.filter(Result.isSuccess)
          expect(accepted).toHaveLength(1)
          last = accepted[0]!.success
          const puts = yield* Effect.forEach(
            writers,
            ({ keyValue, name }) =>
              keyValue.putMany([{ key: "k", value: bytes(name), expectedRevision: revision }]),
            { concurrency: "unbounded" },
          )
          const written = puts.flat().filter((answer) => typeof answer === "number")
          expect(written).toHaveLength(1)
          revision = written[0]!
          for (const { journal, keyValue } of writers.slice(0, 3)) {
            expect((yield* journal.last(0))?.sequence).toBe(last)
            expect((yield* keyValue.getMany(["k"]))[0]?.revision).toBe(revision)
          }
        }
      }),
    )

    it.live("keeps every acknowledged append, once and in order, when the journal's leader is killed", () =>
      Effect.gen(function* () {
        const shared = config()
        const services = yield* startNode(shared)
        const journal = Context.get(services, Journal)
        const { transport } = Context.get(services, Nats)
        const total = 1_500
        const names = Array.from({ length: total }, (_, index) => `m${index}`)
        const writer = yield* Effect.forkChild(
          Effect.gen(function* () {
            const sequences: Array<number> = []
            for (const name of names) {
              const expectedLast = sequences.at(-1) ?? 0
              sequences.push(yield* persist(journal.append(1, bytes(name), { id: name, expectedLast })))
            }
            return sequences
          }),
        )
        const reader = yield* journal.open(1, 0)
        const before = yield* takeCount(reader, 300)
        yield* Effect.promise(async () => {
          const stream = `${shared.namespace!.toUpperCase()}_JOURNAL`
          const info = await transport.request(`$JS.API.STREAM.INFO.${stream}`)
          const { leader } = info.json<{ cluster: { leader: string } }>().cluster
          for (const member of cluster.members) {
            const client = await connect({ ...member.connection, ignoreClusterUpdates: true })
            const name = client.info?.server_name
            await client.close()
            if (name === leader) await member.kill("SIGKILL")
          }
        })
        const rest = yield* takeCount({ take: persist(reader.take) }, total - before.length)
        const read = [...before, ...rest]
        expect(read.map(({ data }) => text(data))).toEqual(names)
        expect(yield* Fiber.join(writer)).toEqual(read.map(({ sequence }) => sequence))
      }),
    )
  })
