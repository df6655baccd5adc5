/** The ceiling: what the server takes from the same publisher in the same process, without an engine. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Log } from "../../engine/index.ts"
import { layer } from "../../streams/index.ts"
import type { Server } from "./deployment.ts"

/** Well below what the stream may hold. */
const bytesMax = 256 * 1024 * 1024
const record = new Uint8Array(200).fill(97)

/** Appends from `writers` fibers over the partitions; `records` of 200 bytes in each message. */
const appends = Effect.fnUntraced(function* (
  log: Log.Log,
  partitions: number,
  writers: number,
  records: number,
  ms: number,
) {
  const data = new Uint8Array(record.length * records)
  for (let index = 0; index < records; index++) data.set(record, index * record.length)
  const started = performance.now()
  let count = 0
  yield* Effect.forEach(
    Array.from({ length: writers }, (_, index) => index),
    (writer) =>
      Effect.gen(function* () {
        while (performance.now() - started < ms && count * data.length < bytesMax) {
          yield* log.append(writer % partitions, data, { id: `raw-${records}-${writers}-${count}` })
          count += 1
        }
      }),
    { concurrency: "unbounded", discard: true },
  )
  const seconds = (performance.now() - started) / 1_000
  return {
    messagesPerSecond: Math.round(count / seconds),
    recordsPerSecond: Math.round((count * records) / seconds),
  }
})

export const rawCeiling = Effect.fnUntraced(function* (server: Server, ms: number) {
  const { partitions } = server.config
  const streams = yield* Layer.build(Layer.fresh(layer({ ...server.config, namespace: "raw" })))
  const log = yield* Effect.provide(Effect.service(Log.DeadLetters), streams)
  const measured: Array<readonly [string, object]> = []
  for (const [writers, records] of [
    [1, 1],
    [1_000, 1],
    [partitions, 100],
  ] as const) {
    measured.push([
      `raw append, ${writers} writers × ${records}`,
      yield* appends(log, partitions, writers, records, ms),
    ])
    for (let partition = 0; partition < partitions; partition++)
      yield* log.trim(partition, Number.MAX_SAFE_INTEGER)
  }
  return measured
}, Effect.scoped)
