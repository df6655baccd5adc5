/** What is said of alerts: to channels of a group, as a page with a bound, and to those who act on one. */
import {
  type Action,
  type AlertAction,
  type AlertPolicy,
  type AlertRecord,
  actionsKey,
  type Notification,
  NotificationProtocol,
  type NotifiedAlert,
  type Outgoing,
} from "../../schemas/index.ts"
import { bytesOf } from "../agent/blocks.ts"
import { hashOf } from "./buckets.ts"
import { notificationBytesMax, notifiedAlertsMax } from "./limits.ts"
import { firstSeverityOf, type StoredAlert } from "./state.ts"

const statusOf = ({ state }: AlertRecord): NotifiedAlert["status"] =>
  state === "no_data" || state === "error" || state === "resolved" ? state : "firing"

const detailCharactersMax = 300

/** What is asked of it at its severity. */
const conditionOf = ({ severity }: AlertRecord, policy: AlertPolicy | undefined): string | undefined =>
  policy?.levels?.find((level) => level.severity === severity)?.condition ?? policy?.condition

/** An alert, with what people were told of it. */
type Tellable = AlertRecord & Partial<Pick<StoredAlert, "told">>

/** `status`: of what has no states. */
const notifiedAlert = (
  alert: Tellable,
  policy: AlertPolicy | undefined,
  status: NotifiedAlert["status"] = statusOf(alert),
): NotifiedAlert => {
  const { fingerprint, rule, name, severity, labels, annotations, value, values, since, at } = alert
  const { acknowledged, flapping, firedAt, resolvedAt, detail } = alert
  const condition = conditionOf(alert, policy)
  const firstSeverity = firstSeverityOf(alert)
  return {
    fingerprint,
    rule,
    name,
    status,
    severity,
    ...(firstSeverity === undefined ? {} : { firstSeverity }),
    labels,
    annotations,
    ...(value === undefined ? {} : { value }),
    values,
    since,
    at,
    ...(firedAt === undefined ? {} : { firedAt }),
    ...(resolvedAt === undefined ? {} : { resolvedAt }),
    ...(condition === undefined ? {} : { condition }),
    ...(detail === undefined ? {} : { detail: detail.slice(0, detailCharactersMax) }),
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
  readonly alerts: ReadonlyArray<Tellable>
  /** Tells this notification from all others of the desk. */
  readonly number: number
  readonly at: number
  readonly policyOf: (rule: string) => AlertPolicy | undefined
}

/** As many as fit; one always does. */
const page = ({
  alerts,
  status,
  policyOf,
}: Pick<Telling, "alerts" | "status" | "policyOf">): ReadonlyArray<NotifiedAlert> => {
  const told: Array<NotifiedAlert> = []
  let bytes = 0
  for (const alert of alerts) {
    const one = notifiedAlert(alert, policyOf(alert.rule), status)
    bytes += bytesOf(one)
    if (told.length === notifiedAlertsMax || (told.length > 0 && bytes > notificationBytesMax)) break
    told.push(one)
  }
  return told
}

const seeds = [0x811c9dc5, 0x9dc5811c] as const
const digits = (key: string): string =>
  seeds.map((seed) => hashOf(key, seed).toString(16).padStart(8, "0")).join("")

export const delivery = (telling: Telling): Outgoing => {
  const { channel, groupKey, groupLabels, reason, alerts, number, at } = telling
  const told = page(telling)
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
  policy: AlertPolicy | undefined,
  status?: NotifiedAlert["status"],
): ReadonlyArray<Outgoing> =>
  actions.flatMap((given, index) => {
    const action = carriedOut(given)
    if (action === undefined) return []
    const id = `${alert.fingerprint}-${number}-${index}`
    const owner = policy?.owner === undefined ? {} : { owner: policy.owner }
    const act = { id, action, alert: notifiedAlert(alert, policy, status), ...owner }
    return [NotificationProtocol.tell(actionsKey(alert.rule), { _tag: "Act", action: act })]
  })
