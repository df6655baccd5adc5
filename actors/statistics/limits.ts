/** Every bound of statistics, with its unit. */
export const statisticsLimits = {
  /** Calls gather this long before they are written. */
  flushEveryMs: 5_000,
  /** Sums that wait to be written; what is beyond is counted in no sum and reported. */
  waitingMax: 50_000,
  /** Sums written by one statement. */
  flushSlice: 1_000,
  /** How long the last flush may hold up the end of the node. */
  stopMs: 3_000,
  pruneEveryMs: 6 * 3_600_000,
} as const
