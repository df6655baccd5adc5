/** Every bound of the embedded database in one place, with the relations between them. */

/** Bounds of the multiplexer in front of the one embedded session. */
export interface SessionLimits {
  /** Connections open at once; one more is refused with SQLSTATE 53300. */
  readonly connectionsMax: number
  /** Protocol messages one connection may have waiting; beyond it is closed with 54000. */
  readonly queuedMessagesMax: number
  /** Bytes one connection may have waiting; beyond it is closed with 54000. */
  readonly queuedBytesMax: number
  /** Largest protocol message taken from a client, refused from its header with 54000. */
  readonly messageBytesMax: number
  /** How long a transaction may sit idle while others wait, before it is rolled back (25P03). */
  readonly idleInTransactionMs: number
}

export const defaultSessionLimits: SessionLimits = {
  connectionsMax: 64,
  queuedMessagesMax: 20_000,
  queuedBytesMax: 128 * 1024 * 1024,
  messageBytesMax: 64 * 1024 * 1024,
  idleInTransactionMs: 30_000,
}

/** Bounds of keeping the process that runs the embedded database alive. */
export const processLimits = {
  /** A fresh directory takes 2–9 s on a small machine; beyond this the start has failed. */
  startMs: 60_000,
  /** How long an ordered stop may take (a statement has to end first) before the process is killed. */
  stopMs: 10_000,
  /** Starts in a row that may fail or die early before the database is given up. */
  restartsMax: 8,
  restartDelayMs: 50,
  restartDelayMaxMs: 5_000,
  /** A process that lived this long clears the count of restarts. */
  stableMs: 30_000,
  /** How long a start waits for a process whose parent is gone and that is therefore leaving. */
  leavingMs: 15_000,
} as const

/** Statements one pool keeps in flight: one embedded session gains nothing from more connections. */
export const poolConnections = { embedded: 8, postgres: 10 } as const

/** Throws when the limits contradict each other: the connections would hang instead of failing. */
export const assertSessionLimits = (limits: SessionLimits): void => {
  if (limits.messageBytesMax > limits.queuedBytesMax) {
    throw new RangeError(
      "messageBytesMax must not exceed queuedBytesMax: such a message could never be queued",
    )
  }
  if (limits.connectionsMax < poolConnections.embedded) {
    throw new RangeError(`connectionsMax must allow the pool's ${poolConnections.embedded} connections`)
  }
}
