/**
 * Every stream of a deployment as data. Changing a subject or a name here moves data: existing deployments would
 * no longer find theirs.
 */
import type { Capabilities } from "./capabilities.ts"
import type { Resolved } from "./config.ts"

export interface StreamSettings {
  readonly name: string
  readonly subjects: ReadonlyArray<string>
  readonly retention: "limits"
  readonly storage: "file" | "memory"
  readonly num_replicas: number
  /** `new` refuses what does not fit, `old` drops the oldest. */
  readonly discard: "new" | "old"
  readonly discard_new_per_subject: boolean
  readonly max_msgs_per_subject: number
  readonly max_bytes: number
  /** Nanoseconds; 0: for ever. */
  readonly max_age: number
  /** Nanoseconds. */
  readonly duplicate_window: number
  readonly allow_direct: boolean
  /** nats-server 2.12; older ones would not say that they ignore it. */
  readonly allow_atomic?: boolean
}

export const subjects = (namespace: string) => ({
  mailbox: (partition: number) => `${namespace}.mailbox.${partition}`,
  journal: (partition: number) => `${namespace}.journal.${partition}`,
  deadLetter: (partition: number) => `${namespace}.deadletter.${partition}`,
  keyValue: (token: string) => `${namespace}.kv.${token}`,
  limitCounter: (token: string) => `${namespace}.limit.${token}`,
  metric: (token: string) => `${namespace}.metric.${token}`,
  trace: (token: string) => `${namespace}.trace.${token}`,
  signal: (token: string) => `${namespace}.signal.${token}`,
  /** What was decided when the deployment was created; kept beside the journals, which depend on it. */
  deployment: `${namespace}.deployment`,
})

export interface Topology {
  readonly mailbox: StreamSettings
  readonly journal: StreamSettings
  readonly deadLetter: StreamSettings
  readonly keyValue: StreamSettings
  /** Counters of rate limits: in memory, since what they count is over in minutes. */
  readonly limitCounters: StreamSettings
  readonly metric: StreamSettings
  readonly trace: StreamSettings
}

type BudgetedStream = Exclude<keyof Topology, "limitCounters">

/**
 * How the storage budget is split; JetStream reserves `max_bytes` at creation. Sums to 1. The counters of rate limits
 * are not part of it: they take the server's memory, `limitCounterBytesMax` of it.
 */
export const storageShares: Record<BudgetedStream, number> = {
  mailbox: 0.1,
  journal: 0.35,
  deadLetter: 0.03,
  keyValue: 0.2,
  metric: 0.16,
  trace: 0.16,
}

const nanosecondsPerMs = 1_000_000
const unlimited = -1

export const topology = (config: Resolved, capabilities: Capabilities): Topology => {
  const { limits, namespace } = config
  const name = (suffix: string) => `${namespace.toUpperCase()}_${suffix}`
  const bytes = (stream: BudgetedStream) => Math.floor(config.storageBudgetBytes * storageShares[stream])
  const base = {
    retention: "limits",
    storage: config.storage,
    num_replicas: config.replicas,
    discard: "new",
    discard_new_per_subject: false,
    max_msgs_per_subject: unlimited,
    max_age: 0,
    duplicate_window: limits.deduplicationWindowMs * nanosecondsPerMs,
    allow_direct: true,
  } as const
  return {
    mailbox: {
      ...base,
      name: name("MAILBOX"),
      subjects: [`${namespace}.mailbox.*`],
      discard_new_per_subject: true,
      max_msgs_per_subject: limits.mailboxMessagesPerPartitionMax,
      max_bytes: bytes("mailbox"),
    },
    journal: {
      ...base,
      name: name("JOURNAL"),
      subjects: [`${namespace}.journal.*`, subjects(namespace).deployment],
      max_bytes: bytes("journal"),
    },
    deadLetter: {
      ...base,
      name: name("DEADLETTER"),
      subjects: [`${namespace}.deadletter.*`],
      max_bytes: bytes("deadLetter"),
    },
    keyValue: {
      ...base,
      name: name("KV"),
      subjects: [`${namespace}.kv.>`],
      max_msgs_per_subject: 1,
      ...(capabilities.atomicBatch ? { allow_atomic: true } : {}),
      max_bytes: bytes("keyValue"),
    },
    limitCounters: {
      ...base,
      name: name("LIMIT"),
      subjects: [`${namespace}.limit.*`],
      storage: "memory",
      discard: "old",
      max_msgs_per_subject: 1,
      max_bytes: limits.limitCounterBytesMax,
      max_age: limits.limitCounterAgeMaxMs * nanosecondsPerMs,
    },
    metric: {
      ...base,
      name: name("METRIC"),
      subjects: [`${namespace}.metric.>`],
      discard: "old",
      max_bytes: bytes("metric"),
      max_age: limits.sampleAgeMaxMs * nanosecondsPerMs,
    },
    trace: {
      ...base,
      name: name("TRACE"),
      subjects: [`${namespace}.trace.>`],
      discard: "old",
      max_bytes: bytes("trace"),
      max_age: limits.spanAgeMaxMs * nanosecondsPerMs,
    },
  }
}
