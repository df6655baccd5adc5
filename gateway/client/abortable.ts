/** Waiting that a signal ends, where the work itself goes on for others. */

/** Rejects with the signal's reason as soon as it is aborted; `left` is called then, and only then. */
export const abortable = <A>(
  work: Promise<A>,
  signal: AbortSignal | undefined,
  left: () => void = () => {},
): Promise<A> => {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const aborted = () => {
      left()
      reject(signal.reason)
    }
    if (signal.aborted) return aborted()
    signal.addEventListener("abort", aborted, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted))
  })
}
