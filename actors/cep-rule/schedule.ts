/**
 * When a rule on a schedule is due, and what becomes of runs that were due while no node ran: a timer that fires late says
 * so. Cron expressions follow the daylight saving of their zone: a fixed time that a night leaves out runs when the clock
 * has jumped, one that a night has twice runs once; an hourly or more frequent one keeps its pace.
 */
import { nextCron, pastCrons } from "../../engine/index.ts"
import { durationMs, type Problem, type RuleDocument, type Trigger } from "../../schemas/index.ts"

export type ScheduleTrigger = Extract<Trigger, { readonly type: "schedule" }>

/** A run that comes this late is still on time: a take-over by another node takes a few seconds. */
export const lateMsMax = 30_000
/** Runs of one outage that are made up for, the newest; older ones are left out and counted as missed. */
export const missedRunsMax = 100
const everyMsMin = 1_000
const everyMsMax = 366 * 24 * 60 * 60_000

export const scheduleOf = (document: RuleDocument | undefined): ScheduleTrigger | undefined =>
  document?.enabled !== false && document?.trigger.type === "schedule" ? document.trigger : undefined

const cronOf = <A>(compute: () => A): A | string => {
  try {
    return compute()
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

/** What is wrong with a schedule, at `now`. */
export const scheduleProblems = (
  { cron, every, time_zone: zone }: ScheduleTrigger,
  now: number,
): ReadonlyArray<Problem> => {
  if ((cron === undefined) === (every === undefined))
    return [
      {
        field: "trigger",
        problem: cron === undefined ? "says neither when nor how often" : "has both cron and every",
        remedy: 'give one of them, such as cron "0 9 * * 1-5" or every "30m"',
      },
    ]
  if (every !== undefined) {
    const ms = durationMs(every)
    if (ms >= everyMsMin && ms <= everyMsMax) return []
    const remedy = "use a time from 1s to 366d"
    return [{ field: "trigger.every", problem: `${every} is too short or too long`, remedy }]
  }
  if (zone !== undefined && typeof cronOf(() => nextCron("* * * * *", zone, now)) === "string") {
    const remedy = "use a name of the IANA time zone database, such as Asia/Seoul"
    return [{ field: "trigger.time_zone", problem: `"${zone}" is no time zone`, remedy }]
  }
  const next = cronOf(() => nextCron(cron!, zone, now))
  if (typeof next === "number") return []
  return [
    {
      field: "trigger.cron",
      problem: typeof next === "string" ? next.replace(/^CronPattern: /, "") : "never holds",
      remedy: "use five fields: minute, hour, day of month, month, day of week",
    },
  ]
}

/** Undefined for a cron expression that never holds again. `after`: of what repeats, when it was due last. */
export const nextRun = ({ cron, every, time_zone: zone }: ScheduleTrigger, after: number) =>
  every === undefined ? nextCron(cron ?? "", zone, after) : after + durationMs(every)

/** Runs that were due from `dueAt` through `now`, the newest of them, and how many there were. */
const dueSince = (trigger: ScheduleTrigger, dueAt: number, now: number) => {
  const { cron, every, time_zone: zone } = trigger
  if (every === undefined) {
    const due = pastCrons(cron ?? "", zone, now, missedRunsMax).filter((at) => at >= dueAt)
    return { due, count: due.length }
  }
  const ms = durationMs(every)
  const count = Math.floor((now - dueAt) / ms) + 1
  const kept = Math.min(count, missedRunsMax)
  const due = Array.from({ length: kept }, (_, index) => dueAt + (count - kept + index) * ms)
  return { due, count }
}

/** What a timer that was due at `dueAt` and fires at `now` has to run. `missed`: what it leaves out. */
export const runsAt = (
  trigger: ScheduleTrigger,
  dueAt: number,
  now: number,
): { readonly due: ReadonlyArray<number>; readonly missed: number; readonly nextAt: number | undefined } => {
  const found = dueSince(trigger, dueAt, now)
  const newest = found.due.at(-1) ?? dueAt
  const policies = {
    skip: found.due.filter((at) => at >= now - lateMsMax),
    once: [newest],
    all: found.due,
  }
  const due = policies[trigger.missed ?? "skip"]
  const nextAt = nextRun(trigger, trigger.every === undefined ? now : newest)
  return { due, missed: Math.max(0, found.count - due.length), nextAt }
}
