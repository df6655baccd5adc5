/** What is tried now and what has to wait until when: in order within a group, bounded at once and in a minute. Pure. */
import type { DecideContext } from "../../engine/index.ts"
import { attemptsMax, giveUpActionAfterMs, giveUpAfterMs, inFlightMax, minuteMs, pausesMs } from "./limits.ts"
import type { State, Waiting } from "./state.ts"

export interface Next {
  readonly ready: ReadonlyArray<Waiting>
  /** When there is something to try besides; undefined: only after something else happened. */
  readonly dueAt: number | undefined
}

/** When there is room for one attempt more beside so many that begin now. */
const roomAt = ({ begun, perMinuteMax }: State, beginning: number, now: number): number => {
  const recent = begun.filter((time) => time > now - minuteMs)
  const excess = recent.length + beginning + 1 - perMinuteMax
  if (excess <= 0) return now
  return (recent[excess - 1] ?? now) + minuteMs
}

export const next = (state: State, now: number): Next => {
  const ready: Array<Waiting> = []
  const groups = new Set<string>()
  let flying = state.waiting.reduce((count, entry) => count + Number(entry.flying), 0)
  let dueAt = Number.POSITIVE_INFINITY
  for (const entry of state.waiting) {
    if (groups.has(entry.group)) continue
    groups.add(entry.group)
    if (entry.flying) continue
    const due = Math.max(entry.dueAt, state.restsUntil)
    if (due > now) {
      dueAt = Math.min(dueAt, due)
      continue
    }
    // The end of one that is under way asks again.
    if (flying >= inFlightMax) continue
    const room = roomAt(state, ready.length, now)
    if (room > now) {
      dueAt = Math.min(dueAt, room)
      continue
    }
    ready.push(entry)
    flying += 1
  }
  return { ready, dueAt: Number.isFinite(dueAt) ? dueAt : undefined }
}

/** When to try again what failed now; undefined: not any more. `askedMs`: what the receiver asked for, within its bound. */
export const againAt = (
  { attempts, queuedAt, action }: Waiting,
  askedMs: number | undefined,
  { now, random }: Pick<DecideContext, "now" | "random">,
): number | undefined => {
  const pause = pausesMs[Math.min(attempts, pausesMs.length) - 1] ?? pausesMs[0]!
  const at = now + Math.max(Math.round(pause * (0.9 + random.next() / 5)), askedMs ?? 0)
  const giveUpAt = queuedAt + (action === undefined ? giveUpAfterMs : giveUpActionAfterMs)
  return attempts >= attemptsMax || at > giveUpAt ? undefined : at
}
