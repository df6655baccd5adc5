/** Time and chance as the client uses them, so that a test needs no waiting. */

export interface ClientClock {
  /** Units: milliseconds since 1970. */
  readonly now: () => number
  /** From 0 to below 1. */
  readonly random: () => number
  /** Runs once, later; the answer cancels it. */
  readonly after: (milliseconds: number, run: () => void) => () => void
}

export const systemClock: ClientClock = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (milliseconds, run) => {
    const timer = setTimeout(run, milliseconds)
    return () => clearTimeout(timer)
  },
}

/** Rejects with the signal's reason when it is aborted. */
export const pause = (clock: ClientClock, milliseconds: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const aborted = () => {
      cancel()
      reject(signal!.reason)
    }
    const cancel = clock.after(milliseconds, () => {
      signal?.removeEventListener("abort", aborted)
      resolve()
    })
    signal?.addEventListener("abort", aborted, { once: true })
  })

/** Full jitter. Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
export const backOffMs = (
  clock: ClientClock,
  attempt: number,
  limits: { readonly pauseMs: number; readonly pauseMsMax: number },
): number => clock.random() * Math.min(limits.pauseMsMax, limits.pauseMs * 2 ** (attempt - 1))
