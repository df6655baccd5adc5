/** What follows from a desk's events whatever they are: the next look, what the database lacks, and the live feed. */
import type { DecideContext } from "../../engine/index.ts"
import { alertFeedTopic } from "../../schemas/index.ts"
import { alertOf } from "./draft.ts"
import { fold } from "./fold.ts"
import { alertRecord, isBehind } from "./index-row.ts"
import { indexAfterMs } from "./limits.ts"
import { lookAt } from "./look.ts"
import type { Event, State } from "./state.ts"

const changedIn = (added: ReadonlyArray<Event>): ReadonlyArray<string> => [
  ...new Set(
    added.flatMap((event) =>
      event._tag === "Changed" ? event.alerts.map(({ alert }) => alert.fingerprint) : [],
    ),
  ),
]

/** `after`: what `before` becomes by `added`. */
export const follow = (before: State, after: State, added: ReadonlyArray<Event>, context: DecideContext) => {
  const [was, due] = [lookAt(before), lookAt(after)]
  const { now, self } = context
  const signal = changedIn(added).flatMap((fingerprint) => {
    const alert = alertOf(after, fingerprint)
    return alert === undefined
      ? []
      : [{ topic: alertFeedTopic(self.tenant), body: { alert: alertRecord(alert) } }]
  })
  const sooner = due !== undefined && (was === undefined || due < was)
  const writes = !isBehind(before) && isBehind(after) && !after.index.underWay
  return {
    events: added,
    signal,
    setTimers: [
      ...(sooner ? [{ timer: "look" as const, due: { at: Math.max(due, now) } }] : []),
      ...(writes ? [{ timer: "index" as const, due: { afterMs: indexAfterMs } }] : []),
    ],
  }
}

export const change = (state: State, added: ReadonlyArray<Event>, context: DecideContext) =>
  follow(state, fold(state, added), added, context)
