/**
 * A node as a process of its own with rules and the lanes that evaluate them, to be killed; its alert desks keep whatever
 * they are told, and there are no lists of rules.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { cepRuleImplementation } from "../../actors/cep-rule/implementation.ts"
import { makeLanes, type Platform, PlatformAccess } from "../../actors/index.ts"
import { Engine, implement, make } from "../../engine/index.ts"
import { layer, MetricStream } from "../../streams/index.ts"
import { CollectingDesk } from "../support/collecting-desk.ts"
import { chaosConfig, partitions } from "./config.ts"

const connection = JSON.parse(process.env.CHAOS_CONNECTION!)

const program = Effect.gen(function* () {
  const streams = yield* Layer.build(layer(chaosConfig(connection)))
  const access = yield* PlatformAccess.make
  const desk = yield* implement(CollectingDesk, {})
  const rule = yield* Effect.provideService(cepRuleImplementation, PlatformAccess, access)
  yield* Effect.gen(function* () {
    const engine = yield* make({
      partitions,
      incarnation: `node-${process.pid}-${Date.now()}`,
      implementations: [desk, rule],
      limits: { checkpointEveryMs: 3_000, checkpointEntries: 5_000 },
    })
    // Often, so that a kill finds every moment of a checkpoint.
    const lanes = yield* makeLanes(yield* MetricStream, {
      limits: { checkpointEveryMs: 250, checkpointShare: 1 },
    })
    const rules = { put: () => Effect.void } as unknown as Platform["rules"]
    yield* access.fill({ rules, lanes: lanes.service } as Platform)
    yield* Effect.provideService(lanes.run, Engine, engine)
  }).pipe(Effect.provide(streams))
  process.send?.("started")
  yield* Effect.never
})

// The driver ends nodes by signals; one that lost its driver ends itself.
process.on("disconnect", () => process.exit())
await Effect.runPromise(Effect.scoped(program))
