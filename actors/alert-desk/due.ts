/** When something is to be done for a group of alerts, and what there is to say of each of them. */
import { steadyAfterMs } from "./limits.ts"
import { type Group, isActive, type Moment, type StoredAlert } from "./state.ts"

export type News = Moment | "flapping"

/** What people have not been told of it; of one that flaps only that it does. */
export const newsOf = (alert: StoredAlert): News | undefined => {
  const { state, severity, told, flapping } = alert
  if (flapping) return told?.flapping === true ? undefined : "flapping"
  if (state === "pending" || state === "inactive") return undefined
  if (state === "resolved") return told === undefined || told.state === "resolved" ? undefined : "resolved"
  if (told === undefined || told.state !== state) return state
  return told.severity === severity ? undefined : "severity"
}

export const isQuiet = ({ quietBy }: StoredAlert): boolean => quietBy.length > 0

export const hasNews = (alert: StoredAlert): boolean => newsOf(alert) !== undefined

/** Said again and again until somebody acknowledges it. */
export const repeats = (alert: StoredAlert): boolean =>
  isActive(alert) &&
  !alert.flapping &&
  alert.acknowledged === undefined &&
  !isQuiet(alert) &&
  alert.told?.state === alert.state

const duesOf = (
  alert: StoredAlert,
  repeatMs: number | undefined,
  toldAt: number | undefined,
): Array<number> => {
  const dues: Array<number> = []
  const { acts, flapping, turnedAt, expiresAt, leavesAt } = alert
  if (acts.length > 0 && !isQuiet(alert)) dues.push(acts[0]!.due)
  if (flapping) dues.push(turnedAt + steadyAfterMs)
  if (expiresAt !== undefined && isActive(alert)) dues.push(expiresAt)
  if (leavesAt !== undefined) dues.push(leavesAt)
  if (repeatMs !== undefined && toldAt !== undefined && repeats(alert)) dues.push(toldAt + repeatMs)
  return dues
}

export const dueOf = (
  { newsAt, toldAt }: Group,
  alerts: ReadonlyArray<StoredAlert>,
  repeatOf: (alert: StoredAlert) => number | undefined,
): number | undefined => {
  let due = Number.POSITIVE_INFINITY
  for (const alert of alerts) {
    for (const one of duesOf(alert, repeatOf(alert), toldAt)) due = Math.min(due, one)
    if (newsAt !== undefined && hasNews(alert) && !isQuiet(alert)) due = Math.min(due, newsAt)
  }
  return Number.isFinite(due) ? due : undefined
}
