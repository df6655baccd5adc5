/** That an announcement crosses a real server to the other nodes of its deployment, and to no other deployment. */
import { describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, expect } from "vitest"
import { Signals } from "../../engine/index.ts"
import { Changes } from "../../resources/index.ts"
import type { StreamsConfig } from "../../streams/index.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startNode, testStreamsConfig } from "../support/streams.ts"

let server: TestNatsServer
beforeAll(async () => {
  server = await testNatsServer()
})
afterAll(() => server.stop())

const node = Effect.fnUntraced(function* (config: StreamsConfig) {
  const streams = yield* startNode(config)
  const changes = yield* Layer.build(Changes.layerSignals).pipe(Effect.provide(streams))
  return { changes: Context.get(changes, Changes), signals: Context.get(streams, Signals.Signals) }
})

describe("an announcement", () => {
  it.live("reaches the other nodes of the deployment", () =>
    Effect.gen(function* () {
      const shared = testStreamsConfig(server.connection)
      const here = yield* node(shared)
      const there = yield* node(shared)
      const elsewhere = yield* node(testStreamsConfig(server.connection))
      const arrived = yield* Deferred.make<void>()
      yield* there.signals.subscribe("marker", () => Deferred.doneUnsafe(arrived, Effect.void))
      yield* here.changes.announce("access/a")
      expect(here.changes.generation("access/a")).toBe(1)
      // One connection's messages arrive in their order: with this one, what was sent before it has.
      here.signals.publish("marker", new Uint8Array())
      yield* Deferred.await(arrived)
      expect(there.changes.generation("access/a")).toBe(1)
      expect(there.changes.generation("access/b")).toBe(0)
      expect(elsewhere.changes.generation("access/a")).toBe(0)
    }),
  )
})
