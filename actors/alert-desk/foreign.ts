/**
 * Alerts from elsewhere: what Alertmanager and Prometheus say of them. Said again they change nothing but when they expire.
 * Each is told to the channels that it was said with: what others send goes to theirs. While it fires they grow more, so that
 * whoever heard that it fires hears of its end.
 */
import { type AlertPolicy, type ForeignAlert, foreignRule } from "../../schemas/index.ts"
import {
  annotationCharactersMax,
  annotationsMax,
  foreignChannelsMax,
  labelsMax,
  resolveTimeoutMs,
} from "./limits.ts"
import { type Event, isLive, type State, type StoredAlert } from "./state.ts"
import { Taking } from "./taking.ts"
import { blank, entriesOf, momentOf } from "./turning.ts"

/** Names an alert from elsewhere apart from those of rules. */
const foreignFingerprint = (fingerprint: string): string => `am-${fingerprint}`

const channelsOf = ({ actions }: Pick<AlertPolicy, "actions">): ReadonlyArray<string> =>
  actions.flatMap((action) => (action.type === "notify" ? [action.channel] : []))

interface Used {
  readonly policyKey: string
  readonly policy: AlertPolicy
}

/** One policy for each set of channels. Ids of rules have no slash, so that none is kept under such a name. */
const usePolicy = (taking: Taking, { name }: AlertPolicy, channels: ReadonlyArray<string>): Used => {
  const all = [...new Set(channels)].slice(0, foreignChannelsMax).toSorted()
  const policyKey = `${foreignRule}/${all.join(",")}`
  const actions = all.map((channel) => ({ type: "notify", channel }) as const)
  return { policyKey, policy: taking.usePolicy(policyKey, 1, { name, actions, annotations: {} }) }
}

/** When it is over unless it is said again. A time that somebody said and that is later holds, as in an Alertmanager. */
const expiryOf = (
  { endsAt, timesOut }: ForeignAlert,
  { expiresAt = 0 }: Partial<StoredAlert>,
  { grouping }: State,
  now: number,
): Pick<StoredAlert, "expiresAt"> => {
  if (endsAt !== undefined) return { expiresAt: endsAt }
  if (timesOut !== true) return {}
  return { expiresAt: Math.max(expiresAt, now + (grouping?.resolveTimeoutMs ?? resolveTimeoutMs)) }
}

const takeForeignOne = (taking: Taking, foreign: ForeignAlert, given: AlertPolicy, now: number): void => {
  const { name, severity, status, labels, annotations, startsAt, endsAt } = foreign
  const fingerprint = foreignFingerprint(foreign.fingerprint)
  const before = taking.alert(fingerprint)
  const over = status === "resolved" || (endsAt !== undefined && endsAt <= now)
  const dismissed = taking.dismissedSince(fingerprint)
  if (!over && dismissed !== undefined && startsAt <= dismissed) return
  taking.dismiss(fingerprint, undefined)
  if (over && (before === undefined || !isLive(before))) return
  // What somebody said is over is not begun again by somebody who has not heard of it; what merely expired is.
  const isSaidOver = before?.state === "resolved" && before.expiresAt === undefined
  if (!over && isSaidOver && startsAt <= (before.firedAt ?? before.since)) return
  const isFresh = before === undefined || !isLive(before)
  const { expiresAt: _, ...from } = before ?? blank(fingerprint, foreignRule, name, startsAt)
  const said: StoredAlert = {
    ...from,
    name,
    severity,
    labels: entriesOf(labels, labelsMax, 256),
    annotations: entriesOf(annotations, annotationsMax, annotationCharactersMax),
    since: isFresh ? startsAt : Math.min(from.since, startsAt),
    at: over ? (endsAt ?? now) : isFresh ? startsAt : from.at,
    source: "alertmanager",
    ...(over ? {} : expiryOf(foreign, isFresh ? {} : before, taking.state, now)),
  }
  if (isFresh && !taking.hasRoom(said)) return
  const known = isFresh ? [] : channelsOf(taking.policyOf(before) ?? { actions: [] })
  const { policyKey, policy } = usePolicy(taking, given, over ? known : [...known, ...channelsOf(given)])
  const to = over ? "resolved" : "firing"
  const moment = before?.state === to ? undefined : momentOf(to)
  const next = taking.turn({ ...said, policyKey }, to, policy, { moment, actions: policy.actions })
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
