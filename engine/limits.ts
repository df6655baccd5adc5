/** Every bound of the engine, with its unit and default. Relations between them are asserted when a node starts. */

export interface Limits {
  /** Bytes of one encoded command envelope. */
  readonly commandBytesMax: number
  /** Bytes of one mailbox message (a batch of envelopes) and of one journal record; below the server's max_payload. */
  readonly batchBytesMax: number
  /** Commands in one mailbox message. */
  readonly batchCommandsMax: number
  /** Bytes of what one handled command adds to the journal. */
  readonly entryBytesMax: number
  /** Commands waiting in this node for one partition's mailbox; more are refused as `Overloaded`. */
  readonly senderQueueMax: number
  /**
   * Writes that one node has on their way to the mailboxes, and to the journals. A server syncs one message of a
   * stream after the other: more writes at a time only make each of them smaller.
   */
  readonly writesInFlightMax: number
  /** Asks of this node that wait for an answer; more are refused as `Overloaded`. */
  readonly pendingAsksMax: number
  /** Commands that a partition owner holds between mailbox and committed record; reading pauses above it. */
  readonly inFlightCommandsMax: number
  /** Outgoing messages of one partition that no mailbox has acknowledged yet; appending pauses above it. */
  readonly outboxMax: number
  /** Idle actors kept in memory per partition. */
  readonly residentActorsMax: number
  /** An actor untouched for this long leaves memory at the next checkpoint. */
  readonly passivateAfterMs: number
  /** Idempotency keys remembered per actor once they are older than the minimum, and for how long. */
  readonly idempotencyKeysMax: number
  readonly idempotencyRetentionMs: number
  /**
   * A key is never forgotten sooner than this: it must outlive an ask and its retries. An actor with so many young keys
   * refuses further keyed commands as `Overloaded`.
   */
  readonly idempotencyMinimumMs: number
  readonly idempotencyYoungMax: number
  /** An actor whose snapshot grows beyond it fails: it is kept, and takes no more commands. */
  readonly snapshotBytesMax: number
  /** Senders remembered per partition for exact de-duplication. */
  readonly senderMarksMax: number
  /** Timers one actor may have pending. */
  readonly actorTimersMax: number
  /** Activities one actor may have pending. */
  readonly actorActivitiesMax: number
  /** Activities of one node that run at the same time; others wait their turn. */
  readonly activitiesRunningMax: number
  /**
   * A checkpoint is taken after this many journal entries or mailbox messages, or after this time when anything changed.
   * Only a checkpoint trims the mailbox: the messages must stay well below what a mailbox may hold.
   */
  readonly checkpointEntries: number
  readonly checkpointMessages: number
  readonly checkpointEveryMs: number
  /** Journal records older than this are dropped once a checkpoint covers them: the past that can be replayed. */
  readonly journalRetentionMs: number
  /** How exactly retention keeps to its time. */
  readonly journalMarkEveryMs: number
  /** How long a sender goes on offering a batch to an unreachable log before it answers `AcceptanceUnknown`. */
  readonly publishBudgetMs: number
  /** How long an ask waits for its answer unless the caller says otherwise. */
  readonly askTimeoutMs: number
  /** Heartbeat period of a node, and the silence after which others take its partitions. */
  readonly heartbeatMs: number
  readonly suspectAfterMs: number
  /** A joining node listens this long before it takes anything. */
  readonly joinQuietMs: number
  /** Pause before a partition that failed for a passing reason is loaded again. */
  readonly reloadBackoffMs: number
}

export const defaults: Limits = {
  commandBytesMax: 256 * 1024,
  batchBytesMax: 512 * 1024,
  batchCommandsMax: 1_000,
  entryBytesMax: 448 * 1024,
  senderQueueMax: 50_000,
  writesInFlightMax: 3,
  pendingAsksMax: 100_000,
  inFlightCommandsMax: 20_000,
  outboxMax: 50_000,
  residentActorsMax: 200_000,
  passivateAfterMs: 10 * 60_000,
  idempotencyKeysMax: 1_000,
  idempotencyRetentionMs: 24 * 60 * 60_000,
  idempotencyMinimumMs: 30_000,
  idempotencyYoungMax: 50_000,
  snapshotBytesMax: 16 * 1024 * 1024,
  senderMarksMax: 4_096,
  actorTimersMax: 1_000,
  actorActivitiesMax: 256,
  activitiesRunningMax: 10_000,
  checkpointEntries: 50_000,
  checkpointMessages: 10_000,
  checkpointEveryMs: 30_000,
  journalRetentionMs: 30 * 24 * 60 * 60_000,
  journalMarkEveryMs: 60 * 60_000,
  publishBudgetMs: 15_000,
  askTimeoutMs: 10_000,
  heartbeatMs: 250,
  suspectAfterMs: 1_500,
  joinQuietMs: 600,
  reloadBackoffMs: 200,
}

/** Completes partial limits and asserts how they relate. Throws a defect that names the pair that contradicts. */
export const make = (partial: Partial<Limits> = {}): Limits => {
  const limits = { ...defaults, ...partial }
  const rules: ReadonlyArray<readonly [boolean, string]> = [
    [limits.commandBytesMax <= limits.batchBytesMax, "commandBytesMax must not exceed batchBytesMax"],
    [limits.entryBytesMax < limits.batchBytesMax, "entryBytesMax must stay below batchBytesMax"],
    [limits.suspectAfterMs >= 3 * limits.heartbeatMs, "suspectAfterMs must be at least 3 × heartbeatMs"],
    [
      limits.idempotencyKeysMax <= limits.idempotencyYoungMax,
      "idempotencyKeysMax must not exceed idempotencyYoungMax",
    ],
    [
      limits.idempotencyMinimumMs > limits.publishBudgetMs,
      "idempotencyMinimumMs must exceed publishBudgetMs",
    ],
    [limits.joinQuietMs >= 2 * limits.heartbeatMs, "joinQuietMs must be at least 2 × heartbeatMs"],
    [
      limits.batchCommandsMax <= limits.inFlightCommandsMax,
      "batchCommandsMax must not exceed inFlightCommandsMax",
    ],
  ]
  for (const [holds, rule] of rules) if (!holds) throw new Error(`limits: ${rule}`)
  return limits
}
