/** Rate limits over counters on JetStream, on every supported version of the server that can be had here. */
import { expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe } from "vitest"
import { makeRateLimits } from "../../resources/rate-limit/rate-limits.ts"
import { LimitCounters } from "../../streams/index.ts"
import { contractNatsVersions, type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startNode, testStreamsConfig } from "../support/streams.ts"
import { keyValueContract } from "./key-value.ts"

/** The window never ends, so that no test runs across its border. */
const now = () => 0
const question = (limit: number) => ({
  rateClass: "read",
  identity: "acme/김 대표",
  policy: { limit, windowMs: 60_000 },
  cost: 1,
})

for (const version of await contractNatsVersions())
  describe(`rate limits on nats-server, ${version} supported version`, () => {
    let server: TestNatsServer
    beforeAll(async () => {
      server = await testNatsServer({ version })
    })
    afterAll(() => server.stop())

    const counters = Effect.map(
      Effect.suspend(() => startNode(testStreamsConfig(server.connection))),
      (services) => Context.get(services, LimitCounters),
    )
    keyValueContract(`${version}, counters in memory`, counters)

    it.live("let exactly the limit through three nodes that are asked at the same time", () =>
      Effect.gen(function* () {
        const config = testStreamsConfig(server.connection)
        const nodes = yield* Effect.forEach([1, 2, 3], () =>
          Effect.flatMap(startNode(config), (services) =>
            makeRateLimits({ store: Context.get(services, LimitCounters), now }),
          ),
        )
        const asks = Array.from({ length: 1_800 }, (_, index) => nodes[index % 3]!.take(question(500)))
        const decisions = yield* Effect.all(asks, { concurrency: "unbounded" })
        expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(500)
        expect(nodes.map((node) => node.figures().alone)).toEqual([0, 0, 0])
      }).pipe(Effect.scoped),
    )

    it.live("go on where they were known to be when the server has lost its memory", () =>
      Effect.gen(function* () {
        const services = yield* startNode(testStreamsConfig(server.connection))
        const limits = yield* makeRateLimits({ store: Context.get(services, LimitCounters), now })
        const take = Effect.map(limits.take(question(40)), ({ allowed }) => allowed)
        expect(yield* Effect.all(Array.from({ length: 10 }, () => take))).not.toContain(false)
        yield* Effect.promise(() => server.restart())
        const after = yield* Effect.all(Array.from({ length: 40 }, () => take))
        expect(after.filter((allowed) => allowed)).toHaveLength(30)
      }).pipe(Effect.scoped),
    )
  })
