/** What notifications say to people, before a channel puts it into its own form. Pure. */
import type { AlertAction, Notification, NotifiedAlert, Severity } from "../../schemas/index.ts"
import { whatCharactersMax } from "./limits.ts"

/** Alerts that a text spells out. */
export const spelledAlertsMax = 20

const countOf = ({ alerts, truncated }: Notification): number => alerts.length + truncated

const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ").trim()

const severities: ReadonlyArray<Severity> = ["critical", "warning", "info"]
const severest = (alerts: ReadonlyArray<NotifiedAlert>): Severity =>
  severities.find((one) => alerts.some(({ severity }) => severity === one)) ?? "info"

/** What the whole notification amounts to: `firing` while any of it is not resolved. */
export const isResolved = ({ alerts }: Notification): boolean =>
  alerts.length > 0 && alerts.every(({ status }) => status === "resolved")

/** Of a rule that has no states: nothing of it lasts, and its severity says nothing. */
const isMatch = ({ status }: NotifiedAlert): boolean => status === "matched"

const heading = (notification: Notification): string => {
  const { alerts, reason } = notification
  if (isResolved(notification)) return "Resolved"
  if (reason === "flapping") return `Flapping, ${severest(alerts)}`
  if (alerts.length > 0 && alerts.every(isMatch)) return "Triggered"
  const status = alerts.find((alert) => alert.status !== "resolved")?.status
  const what = status === "no_data" ? "No data" : status === "error" ? "Error" : "Firing"
  return `${what}, ${severest(alerts)}`
}

/** One line without control characters. */
export const subjectOf = (notification: Notification): string => {
  const { alerts, reason } = notification
  const count = countOf(notification)
  if (reason === "test") return "Test: this channel works"
  if (reason === "collapsed")
    return `And ${count} more ${count === 1 ? "alert" : "alerts"} that found no place in the queue`
  const names = [...new Set(alerts.map(({ name }) => name))]
  const of = names.length > 1 ? ` and ${names.length - 1} more rules` : ""
  const many = count > 1 ? ` (${count} alerts)` : ""
  const again = reason === "repeat" ? " again" : ""
  return oneLine(`${heading(notification)}${again}: ${names[0] ?? "alerts"}${of}${many}`).slice(
    0,
    whatCharactersMax,
  )
}

const pairs = (record: Readonly<Record<string, string | number>>): string =>
  Object.entries(record)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ")

/** The last moment that a calendar knows. Source: ECMA-262 §21.4.1.1. */
const timeMax = 8.64e15

export const timeText = (at: number): string =>
  new Date(Math.min(Math.max(at, -timeMax), timeMax)).toISOString()

const statusLine = (alert: NotifiedAlert): string =>
  isMatch(alert)
    ? `triggered: ${alert.name}`
    : `${alert.status.replace("_", " ")} (${alert.severity}): ${alert.name}`

const timeLines = (alert: NotifiedAlert): ReadonlyArray<string> => {
  const { status, since, at, firedAt } = alert
  if (isMatch(alert)) return [`at: ${timeText(at)}`]
  if (status !== "resolved") return [`since: ${timeText(since)}`]
  const began = firedAt === undefined ? [] : [`fired: ${timeText(firedAt)}`]
  return [...began, `resolved: ${timeText(at)}`]
}

/** One alert, a line for each thing it has to say. */
export const alertLines = (alert: NotifiedAlert): ReadonlyArray<string> => {
  const { labels, annotations, value, values, acknowledgedBy } = alert
  const numbers = { ...(value === undefined ? {} : { value }), ...values }
  return [
    statusLine(alert),
    ...(Object.keys(labels).length === 0 ? [] : [`labels: ${pairs(labels)}`]),
    ...(Object.keys(numbers).length === 0 ? [] : [`values: ${pairs(numbers)}`]),
    ...Object.entries(annotations).map(([key, text]) => `${key}: ${text}`),
    ...timeLines(alert),
    ...(acknowledgedBy === undefined ? [] : [`acknowledged by ${acknowledgedBy}`]),
  ]
}

const testFingerprint = "0000000000000000"

/** Where an alert can be read; undefined without an address of the node. */
export const alertLink = (
  publicUrl: string | undefined,
  { fingerprint }: NotifiedAlert,
): string | undefined =>
  publicUrl === undefined || fingerprint === testFingerprint
    ? undefined
    : `${publicUrl.replace(/\/$/, "")}/api/cep/alerts/${encodeURIComponent(fingerprint)}`

/** With an alert of its own, so that a receiver has something to show. */
export const testNotification = (id: string, at: number): Notification => ({
  id,
  groupKey: "test",
  groupLabels: {},
  reason: "test",
  alerts: [
    {
      fingerprint: testFingerprint,
      rule: "test",
      name: "Test",
      status: "firing",
      severity: "info",
      labels: {},
      annotations: { summary: "Somebody tests this channel; nothing is wrong." },
      values: {},
      since: at,
      at,
    },
  ],
  truncated: 0,
  at,
})

/** Those that are spelled out, and how many are not. */
export const spelled = (notification: Notification) => {
  const alerts = notification.alerts.slice(0, spelledAlertsMax)
  return { alerts, more: countOf(notification) - alerts.length }
}

export const moreText = (more: number): string => `and ${more} more ${more === 1 ? "alert" : "alerts"}`

/** The whole as plain text. */
export const plainText = (notification: Notification, publicUrl: string | undefined): string => {
  const { alerts, more } = spelled(notification)
  const told = alerts.map((alert) => {
    const link = alertLink(publicUrl, alert)
    return [...alertLines(alert), ...(link === undefined ? [] : [link])].join("\n")
  })
  const rest = more > 0 && notification.reason !== "collapsed" ? [moreText(more)] : []
  return [subjectOf(notification), ...told, ...rest].join("\n\n")
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : "")

const spokenAction = ({ action }: AlertAction): string => {
  switch (action.type) {
    case "call_api":
      return `call_api ${action.method} ${hostOf(action.api) || action.api}`
    case "ask_ops":
      return `ask_ops: ${action.question}`
    case "execute_agent":
      return `execute_agent ${action.agent}`
  }
}

/** What an action is, without what may be secret in its address. */
export const actionText = (action: AlertAction): string =>
  oneLine(spokenAction(action)).slice(0, whatCharactersMax)
