/** Puts the engine's ports, the event streams and the connection together. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { KeyValue, Limits, Log, Signals } from "../engine/index.ts"
import { resolve, type StreamsConfig } from "./config.ts"
import { Nats } from "./connection.ts"
import { type DurabilityReport, durabilityReport } from "./durability.ts"
import { ensureTopology } from "./ensure-topology.ts"
import { InvalidConfig } from "./errors.ts"
import { type EventStreamService, makeEventStream } from "./event-stream.ts"
import { makeKeyValue } from "./key-value.ts"
import { makeStreamLog } from "./log.ts"
import { fixPartitionCount } from "./partition-count.ts"
import { makeSignals } from "./signals.ts"
import { type StreamSettings, subjects } from "./topology.ts"

/** Counters that nodes share for a few minutes: see `resources/rate-limit`. A restart of the server may lose them. */
export class LimitCounters extends Context.Service<LimitCounters, KeyValue.KeyValueStore>()(
  "millrace/streams/LimitCounters",
) {}

export interface MetricStreamService extends EventStreamService {
  /** Into how many lanes its messages are divided; fixed when the deployment is created. */
  readonly lanes: number
}

/** Batches of metric samples, and what else rules see; the token says whose, and in which lane. */
export class MetricStream extends Context.Service<MetricStream, MetricStreamService>()(
  "millrace/streams/MetricStream",
) {}

/** Spans of traces; the token begins with the trace's id. */
export class TraceStream extends Context.Service<TraceStream, EventStreamService>()(
  "millrace/streams/TraceStream",
) {}

/** What this deployment gives for "stored". */
export class Durability extends Context.Service<Durability, DurabilityReport>()(
  "millrace/streams/Durability",
) {}

export type StreamsServices =
  | Nats
  | Log.Mailbox
  | Log.Journal
  | Log.DeadLetters
  | KeyValue.KeyValue
  | LimitCounters
  | Signals.Signals
  | MetricStream
  | TraceStream
  | Durability

/** Of a full batch or record, with room for its headers. */
const payloadBytesNeeded = Limits.defaults.batchBytesMax + 64 * 1024

/**
 * All ports over one connection, after the streams have been created or checked.
 * Errors: see `StreamsError`; none of them goes away by waiting, except a server that is not up yet.
 */
export const layer = (input: StreamsConfig) =>
  Layer.unwrap(
    Effect.map(resolve(input), (config) =>
      Layer.effectContext(
        Effect.gen(function* () {
          const nats = yield* Nats
          if (nats.payloadBytesMax() < payloadBytesNeeded) {
            return yield* new InvalidConfig({
              field: "max_payload",
              detail: `the server takes messages of ${nats.payloadBytesMax()} bytes, the engine writes up to ${payloadBytesNeeded}: raise max_payload to 1 MiB`,
            })
          }
          const streams = yield* ensureTopology(nats, config)
          yield* fixPartitionCount(nats, config, streams)
          const subject = subjects(config.namespace)
          const { limits } = config
          const batched = nats.capabilities.atomicBatch && config.syncInterval === "always"
          const log = (port: string, stream: StreamSettings, of: (partition: number) => string) =>
            makeStreamLog(nats, { port, stream, subject: of, limits, keepLast: stream === streams.journal })
          const events = (port: string, stream: StreamSettings, of: (token: string) => string) =>
            makeEventStream(nats, { port, stream, subject: of, limits })
          return Context.make(Log.Mailbox, log("Mailbox", streams.mailbox, subject.mailbox)).pipe(
            Context.add(Log.Journal, log("Journal", streams.journal, subject.journal)),
            Context.add(Log.DeadLetters, log("DeadLetters", streams.deadLetter, subject.deadLetter)),
            Context.add(
              KeyValue.KeyValue,
              makeKeyValue(nats, { stream: streams.keyValue, subject: subject.keyValue, batched }),
            ),
            Context.add(
              LimitCounters,
              makeKeyValue(nats, {
                stream: streams.limitCounters,
                subject: subject.limitCounter,
                batched: false,
              }),
            ),
            Context.add(Signals.Signals, makeSignals(nats, subject.signal)),
            Context.add(MetricStream, {
              ...events("MetricStream", streams.metric, subject.metric),
              lanes: config.partitions,
            }),
            Context.add(TraceStream, events("TraceStream", streams.trace, subject.trace)),
            Context.add(Durability, durabilityReport(nats, config)),
          )
        }),
      ).pipe(Layer.provideMerge(Nats.layer(config))),
    ),
  )
