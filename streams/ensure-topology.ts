/**
 * Makes the streams on the server be what the configuration says. Idempotent, and safe when several nodes start at
 * once: whoever creates first wins and the others compare. Never deletes and never empties a stream.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { errorCodes } from "./acknowledgement.ts"
import { call, isTransient } from "./api.ts"
import type { Resolved } from "./config.ts"
import type { NatsConnection } from "./connection.ts"
import { type ApiError, TopologyMismatch } from "./errors.ts"
import { type StreamSettings, topology } from "./topology.ts"

interface StreamInfo {
  readonly config: Readonly<Record<string, unknown>>
}

/** Fields that JetStream can not change once there is data. */
const fixed: ReadonlyArray<keyof StreamSettings> = ["storage", "retention"]

const same = (left: unknown, right: unknown): boolean =>
  Array.isArray(left) && Array.isArray(right)
    ? [...left].sort().join(" ") === [...right].sort().join(" ")
    : left === right || (left === false && right === undefined)

export const differences = (
  wanted: StreamSettings,
  found: Readonly<Record<string, unknown>>,
): ReadonlyArray<keyof StreamSettings> =>
  (Object.keys(wanted) as Array<keyof StreamSettings>).filter((field) => !same(wanted[field], found[field]))

const mismatch = (
  wanted: StreamSettings,
  found: Readonly<Record<string, unknown>>,
  field: keyof StreamSettings,
  detail: string,
) =>
  new TopologyMismatch({
    stream: wanted.name,
    field,
    wanted: JSON.stringify(wanted[field]),
    found: JSON.stringify(found[field]) ?? "not set",
    detail,
  })

/** Answers with a server's error status that no waiting changes. */
const permanent: ReadonlyArray<number> = [
  errorCodes.memoryResourcesExceeded,
  errorCodes.storageResourcesExceeded,
  errorCodes.invalidStreamConfig,
  errorCodes.replicasNotSupported,
]

/** A server may notice the race by the name or, up to 2.9, by the subjects; these may also overlap for good. */
const raced: ReadonlyArray<number> = [errorCodes.streamNameInUse, errorCodes.subjectsOverlap]
const raceIsOver = Schedule.spaced(100).pipe(Schedule.upTo({ duration: 2_000 }))

const fieldOf: Readonly<Record<number, keyof StreamSettings>> = {
  [errorCodes.storageResourcesExceeded]: "max_bytes",
  [errorCodes.memoryResourcesExceeded]: "max_bytes",
  [errorCodes.subjectsOverlap]: "subjects",
  [errorCodes.replicasNotSupported]: "num_replicas",
}

const roomFor: Record<StreamSettings["storage"], string> = {
  file: "lower storageBudgetBytes or raise the server's max_file_store",
  memory: "raise the server's max_memory_store",
}

const refused = (wanted: StreamSettings, error: ApiError) => {
  const field = fieldOf[error.errorCode] ?? "name"
  const hint = field === "max_bytes" ? `; ${roomFor[wanted.storage]}` : ""
  return mismatch(wanted, {}, field, `${error.detail} (${error.errorCode})${hint}`)
}

const ensureStream = Effect.fnUntraced(function* (
  nats: NatsConnection,
  wanted: StreamSettings,
  startupMs: number,
) {
  const api = <A>(verb: string, body?: unknown) =>
    call<A>(nats.requests, `$JS.API.STREAM.${verb}.${wanted.name}`, body).pipe(
      Effect.retry({
        schedule: Schedule.spaced(250).pipe(Schedule.upTo({ duration: startupMs })),
        while: (error: ApiError) => isTransient(error) && !permanent.includes(error.errorCode),
      }),
    )
  const found = yield* api<StreamInfo>("INFO").pipe(
    Effect.catchIf(
      (error) => error.errorCode === errorCodes.streamNotFound,
      () =>
        api<StreamInfo>("CREATE", wanted).pipe(
          // Another node is creating it at this moment: compare with what it made.
          Effect.catchIf(
            (error) => raced.includes(error.errorCode),
            (error) =>
              api<StreamInfo>("INFO").pipe(
                Effect.retry({ schedule: raceIsOver }),
                Effect.mapError(() => error),
              ),
          ),
        ),
    ),
    Effect.mapError((error) => refused(wanted, error)),
  )
  const different = differences(wanted, found.config)
  if (different.length === 0) return
  const field = different.find((name) => fixed.includes(name))
  if (field !== undefined)
    return yield* mismatch(wanted, found.config, field, "it can not be changed once the stream exists")
  yield* api<StreamInfo>("UPDATE", { ...found.config, ...wanted }).pipe(
    Effect.mapError((error) => mismatch(wanted, found.config, different[0]!, error.detail)),
  )
})

/** Errors: `TopologyMismatch` names the first stream and field that can not be brought in line. */
export const ensureTopology = Effect.fn("streams.ensureTopology")(function* (
  nats: NatsConnection,
  config: Resolved,
) {
  const streams = topology(config, nats.capabilities)
  for (const wanted of Object.values(streams) as ReadonlyArray<StreamSettings>)
    yield* ensureStream(nats, wanted, config.limits.startupMs)
  return streams
})
