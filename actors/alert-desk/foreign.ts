/** Alerts from elsewhere: what Alertmanager and Prometheus say of them. Said again they change nothing but when they expire. */
import { type AlertPolicy, type ForeignAlert, foreignRule } from "../../schemas/index.ts"
import { annotationCharactersMax, annotationsMax, labelsMax } from "./limits.ts"
import { type Event, isLive, type State, type StoredAlert } from "./state.ts"
import { Taking } from "./taking.ts"
import { blank, entriesOf, momentOf } from "./turning.ts"

/** Names an alert from elsewhere apart from those of rules. */
const foreignFingerprint = (fingerprint: string): string => `am-${fingerprint}`

const takeForeignOne = (taking: Taking, foreign: ForeignAlert, given: AlertPolicy, now: number): void => {
  const { name, severity, status, labels, annotations, startsAt, endsAt } = foreign
  const fingerprint = foreignFingerprint(foreign.fingerprint)
  const before = taking.alert(fingerprint)
  const over = status === "resolved" || (endsAt !== undefined && endsAt <= now)
  if (over && (before === undefined || !isLive(before))) return
  // What somebody said is over is not begun again by somebody who has not heard of it; what merely expired is.
  const isSaidOver = before?.state === "resolved" && before.expiresAt === undefined
  if (!over && isSaidOver && startsAt <= (before.firedAt ?? before.since)) return
  const isFresh = before === undefined || !isLive(before)
  const { expiresAt: _, ...from } = before ?? blank(fingerprint, foreignRule, name, startsAt)
  const record: StoredAlert = {
    ...from,
    name,
    severity,
    labels: entriesOf(labels, labelsMax, 256),
    annotations: entriesOf(annotations, annotationsMax, annotationCharactersMax),
    since: startsAt,
    at: over ? (endsAt ?? now) : isFresh ? startsAt : from.at,
    source: "alertmanager",
    ...(over || endsAt === undefined ? {} : { expiresAt: endsAt }),
  }
  if (isFresh && !taking.hasRoom(record)) return
  const policy = taking.usePolicy(foreignRule, 1, given)
  const to = over ? "resolved" : "firing"
  const moment = before?.state === to ? undefined : momentOf(to)
  const next = taking.turn(record, to, policy, { moment, actions: given.actions })
  if (before !== undefined && JSON.stringify(before) === JSON.stringify(next)) return
  const again = before?.state === to ? ({ silent: true } as const) : {}
  taking.put(next, "alertmanager", again)
}

export const takeForeign = (
  state: State,
  alerts: ReadonlyArray<ForeignAlert>,
  policy: AlertPolicy,
  now: number,
): ReadonlyArray<Event> => {
  const taking = new Taking(state, now)
  for (const alert of alerts) takeForeignOne(taking, alert, policy, now)
  taking.tellRoom(policy)
  return taking.events()
}
