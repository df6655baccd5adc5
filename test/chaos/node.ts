/** One node as a process of its own, to be killed and stopped: the engine over JetStream with the accounts of the tests. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { implement, make } from "../../engine/index.ts"
import { layer } from "../../streams/index.ts"
import { Account } from "../support/account.ts"
import { chaosConfig, partitions } from "./config.ts"

const connection = JSON.parse(process.env.CHAOS_CONNECTION!)

const program = Effect.gen(function* () {
  const streams = yield* Layer.build(layer(chaosConfig(connection)))
  const account = yield* implement(Account, {})
  yield* make({
    partitions,
    incarnation: `node-${process.pid}-${Date.now()}`,
    implementations: [account],
    limits: { checkpointEveryMs: 3_000, checkpointEntries: 5_000 },
  }).pipe(Effect.provide(streams))
  process.send?.("started")
  yield* Effect.never
})

// The driver ends nodes by signals; one that lost its driver ends itself.
process.on("disconnect", () => process.exit())
await Effect.runPromise(Effect.scoped(program))
