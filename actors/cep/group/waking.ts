/** What a group does when no item comes: by the log's time it knows how far its event time has come. */
import type { Group } from "./group.ts"

/** A group without items goes on by the log's time so far behind it, and behind that by out_of_orderness. */
export const idleAfterMs = 5_000
/** A group of which nothing is pending, firing or broken is forgotten after so long without an item, beyond its windows. */
export const forgottenAfterMs = 3_600_000

const idleMs = (group: Group): number => idleAfterMs + group.rule.program.outOfOrdernessMs

const silentMs = ({ rule: { program } }: Group): number =>
  forgottenAfterMs + program.reachMs + program.cooldownMs + (program.missing?.afterMs ?? 0)

/** When a group has something to do next, if no item comes; what cannot be forgotten yet is looked at again later. */
const nextWake = (group: Group): number => {
  const { rule, due, lastStored } = group
  const { missing } = rule.program
  const now = rule.host.place.at
  let wake = lastStored + silentMs(group)
  if (wake <= now) wake = now + forgottenAfterMs
  if (due !== Number.POSITIVE_INFINITY)
    wake = Math.min(wake, group.newestStored + (due - group.newest) + idleMs(group))
  if (missing !== undefined && !group.hasMissed) wake = Math.min(wake, lastStored + missing.afterMs)
  return Math.max(wake, now + 1)
}

/** Makes sure that it is looked at in time. */
export const wait = (group: Group): void => {
  const wake = nextWake(group)
  if (wake < group.wakesAt) group.rule.host.timers.schedule(group, wake)
}

const isForgotten = (group: Group, now: number): boolean =>
  now >= group.lastStored + silentMs(group) &&
  group.due === Number.POSITIVE_INFINITY &&
  group.life.isQuiet(group.eventTimeOf(now))

/** The log's time has reached what it waited for, or it was looked at too early. */
export const wake = (group: Group): void => {
  const { rule, lastStored } = group
  const { missing } = rule.program
  const now = rule.host.place.at
  rule.begin()
  const reached = group.eventTimeOf(now) - idleMs(group)
  if (group.due <= reached) group.reach(reached)
  if (missing !== undefined && !group.hasMissed && now >= lastStored + missing.afterMs)
    group.miss(group.eventTimeOf(lastStored + missing.afterMs))
  if (isForgotten(group, now)) rule.forget(group)
  else wait(group)
}
