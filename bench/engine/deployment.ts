/** One nats-server and one node in this process, as the measurements use them. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { type EngineShape, implement, make, type NodeOptions } from "../../engine/index.ts"
import { natsServerVersions, obtainNatsServer, startNatsServer } from "../../resources/index.ts"
import { layer, type StreamsConfig } from "../../streams/index.ts"
import { Counter } from "./counter.ts"

export type Sync = "always" | "default"

export interface Server {
  readonly version: string
  readonly config: StreamsConfig
}

export const server = Effect.fnUntraced(function* (sync: Sync, partitions: number) {
  const cacheDir = join(import.meta.dirname, "../../.millrace/bin")
  const version = natsServerVersions.newest
  const { path } = yield* obtainNatsServer({ cacheDir, version, report: () => Effect.void })
  const storeDir = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "millrace-bench-"))),
    (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true })),
  )
  const running = yield* startNatsServer({ binary: path, version, storeDir, sync })
  const config: StreamsConfig = {
    servers: running.connection.servers,
    user: running.connection.user,
    password: Redacted.make(running.connection.pass),
    partitions,
    ...(sync === "always" ? { syncInterval: "always" } : {}),
  }
  return { version, config }
})

export const node = Effect.fnUntraced(function* (server: Server, options: Partial<NodeOptions> = {}) {
  const counter = yield* implement(Counter, {})
  const streams = yield* Layer.build(Layer.fresh(layer(server.config)))
  const engine = yield* make({
    partitions: server.config.partitions,
    incarnation: `bench-${process.pid}-${Date.now()}`,
    implementations: [counter],
    ...options,
  }).pipe(Effect.provide(streams))
  yield* ready(engine)
  return { engine, streams }
})

export const ready = Effect.fnUntraced(function* (engine: EngineShape) {
  for (;;) {
    const { partitions } = yield* engine.status
    if (partitions.every(({ _tag }) => _tag === "Live")) return
    yield* Effect.sleep(20)
  }
})
