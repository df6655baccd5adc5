/** Silences and planned work: when they are on, what is wrong with them, and what an alert is kept quiet by. */
import { nextCron } from "../../engine/index.ts"
import {
  type Maintenance,
  type MaintenanceWindow,
  maintenanceMsMax,
  type Problem,
  type QuietMaintenance,
  type QuietSilence,
  type Silence,
  silenceMsMax,
} from "../../schemas/index.ts"
import { matcherProblems } from "./matchers.ts"
import { indexing } from "./quiet-index.ts"
import type { State, StoredAlert } from "./state.ts"

const problem = (field: string, text: string, remedy: string): Problem => ({ field, problem: text, remedy })

export const silenceProblems = (
  { matchers, startsAt, endsAt }: Silence,
  now: number,
): ReadonlyArray<Problem> => [
  ...matcherProblems("matchers", matchers),
  ...(endsAt <= startsAt ? [problem("ends_at", "it ends before it begins", "let it end later")] : []),
  ...(endsAt <= now ? [problem("ends_at", "it is over already", "let it end in the future")] : []),
  ...(endsAt - startsAt > silenceMsMax
    ? [problem("ends_at", "it lasts more than 366 days", "let it end sooner")]
    : []),
]

/**
 * The window that is on at `now`, or else the next one; undefined when none comes any more. A cron expression follows the
 * daylight saving of its zone; a window lasts the same, whatever the clocks do in it. Throws on an invalid expression.
 */
export const windowOf = (
  { startsAt, endsAt, cron, timeZone, lastsMs = 0 }: Maintenance,
  now: number,
): MaintenanceWindow | undefined => {
  if (cron === undefined) {
    if (startsAt === undefined || endsAt === undefined || endsAt <= now) return undefined
    return { from: startsAt, to: endsAt }
  }
  const from = nextCron(cron, timeZone, now - lastsMs)
  return from === undefined ? undefined : { from, to: from + lastsMs }
}

export const isOn = (window: MaintenanceWindow | undefined, now: number): boolean =>
  window !== undefined && window.from <= now && now < window.to

const cronProblems = (maintenance: Maintenance, now: number): ReadonlyArray<Problem> => {
  const { lastsMs, cron, timeZone } = maintenance
  const problems: Array<Problem> = []
  if (lastsMs === undefined || lastsMs <= 0 || lastsMs > maintenanceMsMax)
    problems.push(
      problem(
        "duration",
        "it has no length, or more than 31 days",
        "say how long a window lasts, such as 2h",
      ),
    )
  try {
    nextCron("0 0 * * *", timeZone, now)
  } catch {
    return [
      ...problems,
      problem("time_zone", "there is no such time zone", "use an IANA name, such as Europe/Berlin"),
    ]
  }
  try {
    if (nextCron(cron!, timeZone, now) === undefined)
      problems.push(problem("cron", "it never comes", "use five fields of a moment that there is"))
  } catch {
    problems.push(problem("cron", "it is no cron expression", "use five fields, such as 0 2 * * 6"))
  }
  return problems
}

export const maintenanceProblems = (maintenance: Maintenance, now: number): ReadonlyArray<Problem> => {
  const { matchers, startsAt, endsAt, cron } = maintenance
  const once = startsAt !== undefined || endsAt !== undefined
  const of = matcherProblems("matchers", matchers)
  if (once === (cron !== undefined))
    return [
      ...of,
      problem("cron", "it is neither once nor by cron", "give starts_at and ends_at, or cron and duration"),
    ]
  if (cron !== undefined) return [...of, ...cronProblems(maintenance, now)]
  if (startsAt === undefined || endsAt === undefined)
    return [...of, problem("ends_at", "a beginning or an end is missing", "give both starts_at and ends_at")]
  return [
    ...of,
    ...(endsAt <= startsAt ? [problem("ends_at", "it ends before it begins", "let it end later")] : []),
    ...(endsAt <= now ? [problem("ends_at", "it is over already", "let it end in the future")] : []),
    ...(endsAt - startsAt > maintenanceMsMax
      ? [problem("ends_at", "it lasts more than 31 days", "let it end sooner")]
      : []),
  ]
}

type Kept = Readonly<Record<string, QuietSilence | QuietMaintenance>>
const active = indexing((all: Kept) => Object.values(all).filter((one) => one.active))

/** Ids of silences and planned work that keep it quiet now. */
export const hushedBy = ({ silences, maintenances }: State, alert: StoredAlert): ReadonlyArray<string> => [
  ...active(silences).fitting(alert),
  ...active(maintenances).fitting(alert),
]

/** When the next of them begins or ends. */
export const quietTurnsAt = ({ silences, maintenances }: State): number | undefined => {
  const turns = [
    ...Object.values(silences).map(({ active, startsAt, endsAt }) => (active ? endsAt : startsAt)),
    ...Object.values(maintenances).flatMap(({ active, window }) =>
      window === undefined ? [] : [active ? window.to : window.from],
    ),
  ]
  return turns.length === 0 ? undefined : Math.min(...turns)
}
