/**
 * When an agent that is not heard loses its turn, for every kind that has agents answer: a timer that each report sets anew.
 * One that comes late is no sign of silence: no node was there to hear, or none that could write.
 */
export const silenceMs = 30_000
/** Well above what a busy node is late. */
const lateMs = 1_000

export const silence = { timer: "silence" } as const
export const hearWithin = [{ ...silence, due: { afterMs: silenceMs } }]

export const nobodyListened = (
  { dueAt }: { readonly dueAt: number },
  { now }: { readonly now: number },
): boolean => now - dueAt > lateMs
