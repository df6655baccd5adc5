/** What is said of alerts: to channels of a group, as a page with a bound, and to those who act on one. */
import {
  type Action,
  type AlertAction,
  type AlertRecord,
  actionsKey,
  type Notification,
  NotificationProtocol,
  type NotifiedAlert,
  type Outgoing,
} from "../../schemas/index.ts"
import { bytesOf } from "../agent/blocks.ts"
import { hashOf } from "./draft.ts"
import { notificationBytesMax, notifiedAlertsMax } from "./limits.ts"

const statusOf = ({ state }: AlertRecord): NotifiedAlert["status"] =>
  state === "no_data" || state === "error" || state === "resolved" ? state : "firing"

/** `status`: of what has no states. */
const notifiedAlert = (
  alert: AlertRecord,
  status: NotifiedAlert["status"] = statusOf(alert),
): NotifiedAlert => {
  const { fingerprint, rule, name, severity, labels, annotations, value, values, since, at } = alert
  const { acknowledged, flapping, firedAt, resolvedAt } = alert
  return {
    fingerprint,
    rule,
    name,
    status,
    severity,
    labels,
    annotations,
    ...(value === undefined ? {} : { value }),
    values,
    since,
    at,
    ...(firedAt === undefined ? {} : { firedAt }),
    ...(resolvedAt === undefined ? {} : { resolvedAt }),
    ...(acknowledged === undefined ? {} : { acknowledgedBy: acknowledged.by }),
    ...(flapping ? { flapping } : {}),
  }
}

export interface Telling {
  readonly channel: string
  readonly groupKey: string
  readonly groupLabels: Notification["groupLabels"]
  readonly reason: Notification["reason"]
  /** Of what has no states, in place of their own. */
  readonly status?: NotifiedAlert["status"]
  /** Those first that there is something new of. */
  readonly alerts: ReadonlyArray<AlertRecord>
  /** Tells this notification from all others of the desk. */
  readonly number: number
  readonly at: number
}

/** As many as fit; one always does. */
const page = (
  alerts: ReadonlyArray<AlertRecord>,
  status: NotifiedAlert["status"] | undefined,
): ReadonlyArray<NotifiedAlert> => {
  const told: Array<NotifiedAlert> = []
  let bytes = 0
  for (const alert of alerts) {
    const one = notifiedAlert(alert, status)
    bytes += bytesOf(one)
    if (told.length === notifiedAlertsMax || (told.length > 0 && bytes > notificationBytesMax)) break
    told.push(one)
  }
  return told
}

const seeds = [0x811c9dc5, 0x9dc5811c] as const
const digits = (key: string): string =>
  seeds.map((seed) => hashOf(key, seed).toString(16).padStart(8, "0")).join("")

export const delivery = ({
  channel,
  groupKey,
  groupLabels,
  reason,
  status,
  alerts,
  number,
  at,
}: Telling): Outgoing => {
  const told = page(alerts, status)
  const notification: Notification = {
    id: `${digits(groupKey)}-${number}-${channel}`,
    groupKey,
    groupLabels,
    reason,
    alerts: told,
    truncated: alerts.length - told.length,
    at,
  }
  return NotificationProtocol.tell(channel, { _tag: "Deliver", notification })
}

const carriedOut = (action: Action): AlertAction["action"] | undefined => {
  switch (action.type) {
    case "call_api":
      return { type: "call_api", api: action.api, method: action.method ?? "POST", body: action.body ?? "" }
    case "ask_ops":
      return { type: "ask_ops", question: action.question }
    case "execute_agent":
      return { type: "execute_agent", agent: action.agent, message: action.message }
    default:
      return undefined
  }
}

/** Each once: `number` is of the desk, and no other act has it. */
export const acts = (
  alert: AlertRecord,
  actions: ReadonlyArray<Action>,
  number: number,
  owner: string | undefined,
  status?: NotifiedAlert["status"],
): ReadonlyArray<Outgoing> =>
  actions.flatMap((given, index) => {
    const action = carriedOut(given)
    if (action === undefined) return []
    const id = `${alert.fingerprint}-${number}-${index}`
    const act = { id, action, alert: notifiedAlert(alert, status), ...(owner === undefined ? {} : { owner }) }
    return [NotificationProtocol.tell(actionsKey(alert.rule), { _tag: "Act", action: act })]
  })
