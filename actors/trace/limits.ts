/** Every bound of the trace projection and its queries, with its unit and default. */

export interface TraceLimits {
  /** Rows written in one transaction. */
  readonly batchRowsMax: number
  /** Rows of one source that are handed over at once; the queue in front of the database holds this many such parts. */
  readonly partRowsMax: number
  readonly partsWaitingMax: number
  /** Rows gather this long before they are written: a transaction costs much the same for one row and for hundreds. */
  readonly gatherMs: number
  /** How long one node may project before it must renew its lease; the work is fenced without it. */
  readonly leaseMs: number
  /** Pause after the database or a stream failed. */
  readonly retryMs: number
  /** Spans, log lines and entries leave after this time, or when there are more than this many of a kind. */
  readonly retentionMs: number
  readonly rowsMax: number
  readonly pruneEveryMs: number
  /** Rows deleted by one statement. */
  readonly pruneSlice: number
  /** Spans and log lines of one trace that an answer holds. */
  readonly traceSpansMax: number
  readonly traceLogsMax: number
  /** Levels of a tree; what lies deeper is shown at this level. */
  readonly treeDepthMax: number
  /** How often a waiting reader looks again. */
  readonly pollMs: number
}

export const defaultTraceLimits: TraceLimits = {
  batchRowsMax: 1_000,
  partRowsMax: 500,
  partsWaitingMax: 16,
  gatherMs: 200,
  leaseMs: 6_000,
  retryMs: 500,
  retentionMs: 7 * 24 * 3_600_000,
  rowsMax: 2_000_000,
  pruneEveryMs: 10 * 60_000,
  pruneSlice: 5_000,
  traceSpansMax: 10_000,
  traceLogsMax: 10_000,
  treeDepthMax: 200,
  pollMs: 50,
}

/** Completes partial limits. Throws a defect that names the pair that contradicts. */
export const traceLimits = (partial: Partial<TraceLimits> = {}): TraceLimits => {
  const limits = { ...defaultTraceLimits, ...partial }
  if (limits.partRowsMax > limits.batchRowsMax)
    throw new RangeError("partRowsMax must not exceed batchRowsMax")
  return limits
}
