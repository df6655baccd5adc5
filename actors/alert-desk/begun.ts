/**
 * Rules that began anew: their lane lost what it knew, so nobody says the end of what it said before. What it has not said
 * again by the time at which it says that it began, is over. As much at a time as one journal entry holds.
 */
import type { RuleBegan } from "../../schemas/index.ts"
import { endedBytesMax } from "./limits.ts"
import { type Event, isLive, type State, type StoredAlert } from "./state.ts"
import { Taking } from "./taking.ts"

const isStale = (alert: StoredAlert, began: ReadonlyMap<string, RuleBegan>): boolean => {
  const { rule, number, source } = alert
  return isLive(alert) && source === "rule" && number < (began.get(rule)?.number ?? 0)
}

/** Ends what the rules that began said before, or some of it. */
export const endStale = (state: State, now: number): ReadonlyArray<Event> => {
  if (state.began === undefined) return []
  const began = new Map(state.began.map((one) => [one.rule, one]))
  const taking = new Taking(state, now)
  let bytes = 0
  for (const bucket of state.alerts)
    for (const alert of Object.values(bucket)) {
      if (!isStale(alert, began)) continue
      if (bytes > endedBytesMax) return taking.events()
      bytes += alert.bytes
      const { number } = began.get(alert.rule)!
      const to = alert.state === "pending" ? "inactive" : "resolved"
      const policy = taking.policyOf(alert)
      taking.put(taking.turn({ ...alert, number, at: now }, to, policy), "its rule began anew")
    }
  taking.tellRoom(undefined)
  return [...taking.events(), { _tag: "StaleEnded", count: state.began.length }]
}
