/** What people do to an alert. */
import { type Event, isActive, type State, type StoredAlert } from "./state.ts"
import { Taking } from "./taking.ts"

/**
 * Resolved by a person, which is remembered while its rule or its sender says that it fires on; or because it was not said
 * again: then it keeps when it expired, and comes back when it is said after all. The actions of its rule do not follow,
 * people are told.
 */
export const resolve = (
  state: State,
  { expiresAt, ...given }: StoredAlert,
  now: number,
  why: { readonly cause: "expired" } | { readonly cause: string; readonly by: string },
): ReadonlyArray<Event> => {
  const { cause, ...by } = why
  const isExpired = expiresAt !== undefined && !("by" in why)
  const alert = { ...given, ...(isExpired ? { expiresAt } : {}) }
  const taking = new Taking(state, now)
  if ("by" in why && isActive(alert)) taking.dismiss(alert.fingerprint, alert.firedAt ?? alert.since)
  taking.put(taking.turn({ ...alert, at: now }, "resolved", taking.policyOf(alert)), cause, by)
  taking.tellRoom(undefined)
  return taking.events()
}

const changed = (alert: StoredAlert, cause: string, now: number, by: string): Event => ({
  _tag: "Changed",
  policies: [],
  alerts: [{ alert, cause, by }],
  matches: [],
  seen: [],
  refused: 0,
  at: now,
})

/** Ends when the alert is resolved. Until then nothing is repeated. */
export const acknowledge = (
  alert: StoredAlert,
  now: number,
  { by, comment }: { readonly by: string; readonly comment?: string | undefined },
): Event => {
  const acknowledged = { by, at: now, ...(comment === undefined ? {} : { comment }) }
  return changed({ ...alert, acknowledged }, "acknowledged", now, by)
}

export const unacknowledge = ({ acknowledged: _, ...alert }: StoredAlert, now: number, by: string): Event =>
  changed(alert, "unacknowledged", now, by)
