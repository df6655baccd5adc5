/** How often and how patiently a failed activity is tried again: exponential back-off with full jitter. */

export interface Retry {
  readonly attemptsMax: number
  readonly firstDelayMs: number
  readonly delayMaxMs: number
}

export const defaultRetry: Retry = { attemptsMax: 3, firstDelayMs: 200, delayMaxMs: 10_000 }

/**
 * Pause before the attempt after `attempt` (1-based); `random` is uniform in [0, 1).
 * Source: "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), full jitter.
 */
export const delayAfter = (retry: Retry, attempt: number, random: number): number =>
  Math.round(random * Math.min(retry.delayMaxMs, retry.firstDelayMs * 2 ** (attempt - 1)))
