/** The engine's ports on JetStream, on every supported version of the server that can be had here. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe } from "vitest"
import { KeyValue } from "../../engine/key-value.ts"
import { Journal, Mailbox } from "../../engine/log.ts"
import { Signals } from "../../engine/signals.ts"
import { contractNatsVersions, type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startNode, testStreamsConfig } from "../support/streams.ts"
import { keyValueContract } from "./key-value.ts"
import { logContract, messagesPerPartitionMax } from "./log.ts"
import { signalsContract } from "./signals.ts"

for (const version of await contractNatsVersions())
  describe(`nats-server, ${version} supported version`, () => {
    let server: TestNatsServer
    beforeAll(async () => {
      server = await testNatsServer({ version })
    })
    afterAll(() => server.stop())

    const config = Effect.sync(() =>
      testStreamsConfig(server.connection, {
        limits: { mailboxMessagesPerPartitionMax: messagesPerPartitionMax },
      }),
    )
    const node = Effect.flatMap(config, startNode)
    logContract(
      version,
      Effect.map(node, (services) => ({
        mailbox: Context.get(services, Mailbox),
        journal: Context.get(services, Journal),
      })),
    )
    keyValueContract(
      version,
      Effect.map(node, (services) => Context.get(services, KeyValue)),
    )
    signalsContract(
      version,
      Effect.gen(function* () {
        const shared = yield* config
        const here = Context.get(yield* startNode(shared), Signals)
        const there = Context.get(yield* startNode(shared), Signals)
        return [here, there] as const
      }),
    )
  })

describe("the newest nats-server, which syncs before it acknowledges", () => {
  let server: TestNatsServer
  beforeAll(async () => {
    server = await testNatsServer({ version: "newest", sync: "always" })
  })
  afterAll(() => server.stop())
  keyValueContract(
    "atomic batches",
    Effect.suspend(() =>
      Effect.map(startNode(testStreamsConfig(server.connection, { syncInterval: "always" })), (services) =>
        Context.get(services, KeyValue),
      ),
    ),
  )
})
