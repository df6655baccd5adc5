/** Every knob of the streams area with its unit and default. Relations between them are checked by `resolve`. */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import { InvalidConfig } from "./errors.ts"

export interface StreamsConfig {
  readonly servers: string | ReadonlyArray<string>
  readonly user?: string
  readonly password?: Redacted.Redacted<string>
  readonly token?: Redacted.Redacted<string>
  /** Shown in the server's monitoring pages. */
  readonly clientName?: string
  /** Keeps deployments apart that share a server: prefix of every stream name and subject. */
  readonly namespace?: string
  /** Fixed when the deployment is created. */
  readonly partitions: number
  /** Copies of every stream; more than one needs a cluster and nats-server 2.10. */
  readonly replicas?: number
  readonly storage?: "file" | "memory"
  /** What the launcher knows about the server's `sync_interval`; leave out for a server somebody else runs. */
  readonly syncInterval?: string
  /** Split among the streams as their hard limits; JetStream reserves it when they are created. */
  readonly storageBudgetBytes?: number
  readonly limits?: Partial<Limits>
}

export interface Limits {
  /** A full mailbox refuses commands: `LogFull`. */
  readonly mailboxMessagesPerPartitionMax: number
  readonly sampleAgeMaxMs: number
  readonly spanAgeMaxMs: number
  /** Memory of the server for the counters of rate limits, about 200 bytes each; the oldest make room. */
  readonly limitCounterBytesMax: number
  /** No window of a rate limit may be longer. */
  readonly limitCounterAgeMaxMs: number
  /** How long the server remembers message ids. A convenience: receivers deduplicate by themselves. */
  readonly deduplicationWindowMs: number
  /** Requests that wait for the server's answer at one time; what comes on top waits in line. */
  readonly requestsInFlightMax: number
  readonly requestsWaitingMax: number
  readonly requestTimeoutMs: number
  /** A reader's buffer; it asks for no more than this when nobody takes. */
  readonly readerMessagesMax: number
  /** Raised to the server's largest message where that is more. */
  readonly readerBytesMax: number
  readonly readerHeartbeatMs: number
  /** The server forgets a reader that has been silent this long. */
  readonly readerInactiveMs: number
  /** How long a reader tries by itself before `take` answers `Unavailable`; it goes on trying afterwards. */
  readonly readerRecoveryMs: number
  readonly retryDelayMinMs: number
  readonly retryDelayMaxMs: number
  /** How long a start waits for a server, an election or JetStream to come up. */
  readonly startupMs: number
}

export const defaultLimits: Limits = {
  mailboxMessagesPerPartitionMax: 50_000,
  sampleAgeMaxMs: 7 * 24 * 3_600_000,
  spanAgeMaxMs: 7 * 24 * 3_600_000,
  limitCounterBytesMax: 32 * 1024 * 1024,
  limitCounterAgeMaxMs: 10 * 60_000,
  deduplicationWindowMs: 120_000,
  requestsInFlightMax: 2_048,
  requestsWaitingMax: 65_536,
  requestTimeoutMs: 10_000,
  readerMessagesMax: 8_192,
  readerBytesMax: 16 * 1024 * 1024,
  readerHeartbeatMs: 1_500,
  readerInactiveMs: 60_000,
  readerRecoveryMs: 15_000,
  retryDelayMinMs: 20,
  retryDelayMaxMs: 1_000,
  startupMs: 15_000,
}

export const defaultStorageBudgetBytes = 12 * 1024 ** 3

export interface Resolved extends Required<Pick<StreamsConfig, "namespace" | "partitions" | "replicas">> {
  readonly servers: ReadonlyArray<string>
  readonly clientName: string
  readonly user: string | undefined
  readonly password: Redacted.Redacted<string> | undefined
  readonly token: Redacted.Redacted<string> | undefined
  readonly storage: "file" | "memory"
  readonly syncInterval: string | undefined
  readonly storageBudgetBytes: number
  readonly limits: Limits
}

const check = (config: Resolved): string | undefined => {
  const { limits } = config
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(config.namespace)) return "namespace: 1–32 of a-z 0-9 _ -"
  if (!Number.isInteger(config.partitions) || config.partitions < 1 || config.partitions > 1_024)
    return "partitions: a whole number from 1 to 1024"
  if (![1, 3, 5].includes(config.replicas)) return "replicas: 1, 3 or 5"
  if (config.storageBudgetBytes < 1024 * 1024) return "storageBudgetBytes: at least 1 MiB"
  for (const [name, value] of Object.entries(limits))
    if (!Number.isFinite(value) || value <= 0) return `${name}: must be above 0`
  if (limits.readerMessagesMax < 2) return "readerMessagesMax: at least 2"
  if (limits.readerInactiveMs <= 2 * limits.readerHeartbeatMs)
    return "readerInactiveMs: must be more than two heartbeats"
  if (limits.retryDelayMaxMs < limits.retryDelayMinMs) return "retryDelayMaxMs: not below retryDelayMinMs"
  return undefined
}

/** Fills in the defaults. Errors: `InvalidConfig` names the field. */
export const resolve = Effect.fnUntraced(function* (config: StreamsConfig) {
  const resolved: Resolved = {
    servers: typeof config.servers === "string" ? config.servers.split(",") : config.servers,
    clientName: config.clientName ?? "millrace",
    user: config.user,
    password: config.password,
    token: config.token,
    namespace: config.namespace ?? "millrace",
    partitions: config.partitions,
    replicas: config.replicas ?? 1,
    storage: config.storage ?? "file",
    syncInterval: config.syncInterval,
    storageBudgetBytes: config.storageBudgetBytes ?? defaultStorageBudgetBytes,
    limits: { ...defaultLimits, ...config.limits },
  }
  const problem = check(resolved)
  if (problem === undefined) return resolved
  const [field, detail] = problem.split(": ")
  return yield* new InvalidConfig({ field: field!, detail: detail! })
})
