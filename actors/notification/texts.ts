/** What notifications say to people, before a channel puts it into its own form. Pure. */
import {
  type AlertAction,
  durationText,
  type Notification,
  type NotifiedAlert,
  type Severity,
} from "../../schemas/index.ts"
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

/** Severity of what is not over; undefined once all of it is resolved. */
export const severityOf = (notification: Notification): Severity | undefined =>
  isResolved(notification)
    ? undefined
    : severest(notification.alerts.filter(({ status }) => status !== "resolved"))

const heading = (notification: Notification): string => {
  const { alerts, reason } = notification
  if (isResolved(notification)) return "Resolved"
  if (reason === "flapping") return `Flapping, ${severityOf(notification)}`
  if (alerts.length > 0 && alerts.every(isMatch)) return "Triggered"
  const status = alerts.find((alert) => alert.status !== "resolved")?.status
  const what = status === "no_data" ? "No data" : status === "error" ? "Error" : "Firing"
  return `${what}, ${severityOf(notification)}`
}

const pairs = (record: Readonly<Record<string, string | number>>): string =>
  Object.entries(record)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ")

/** What all of them have with the same value. */
export const commonOf = (
  all: ReadonlyArray<Readonly<Record<string, string>>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(all[0] ?? {}).filter(([name, value]) =>
      all.every((one) => Object.hasOwn(one, name) && one[name] === value),
    ),
  )

/** Cut with a sign, and never within a character. */
export const clipped = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, "")}…`

const subjectLabelsMax = 3
const subjectValueMax = 40

/** Where it is: the first labels that all of the alerts have; a group's own come before those of its rule. */
const placeOf = ({ alerts }: Notification): string =>
  pairs(
    Object.fromEntries(
      Object.entries(commonOf(alerts.map(({ labels }) => labels)))
        .slice(0, subjectLabelsMax)
        .map(([name, value]) => [name, clipped(value, subjectValueMax)]),
    ),
  )

/** How many there are, and of which kinds when they are of several. */
const countsOf = (notification: Notification): string => {
  const count = countOf(notification)
  if (count < 2) return ""
  const statuses = new Map<string, number>()
  for (const { status } of notification.alerts) statuses.set(status, (statuses.get(status) ?? 0) + 1)
  const each = [...statuses].map(([status, of]) => `${of} ${status.replace("_", " ")}`).join(", ")
  return statuses.size > 1 && notification.truncated === 0 ? `${count} alerts: ${each}` : `${count} alerts`
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
  const [many, place] = [countsOf(notification), placeOf(notification)]
  const beside = many === "" && place === "" ? "" : ` (${[many, place].filter(Boolean).join("; ")})`
  const again = reason === "repeat" ? " again" : ""
  return clipped(
    oneLine(`${heading(notification)}${again}: ${names[0] ?? "alerts"}${of}${beside}`),
    whatCharactersMax,
  )
}

/** The last moment that a calendar knows. Source: ECMA-262 §21.4.1.1. */
const timeMax = 8.64e15

export const timeText = (at: number): string =>
  new Date(Math.min(Math.max(at, -timeMax), timeMax)).toISOString()

const statusLine = (alert: NotifiedAlert): string =>
  isMatch(alert)
    ? `triggered: ${oneLine(alert.name)}`
    : `${alert.status.replace("_", " ")} (${alert.severity}): ${oneLine(alert.name)}`

const timeLines = (alert: NotifiedAlert): ReadonlyArray<string> => {
  const { status, since, at, firedAt } = alert
  if (isMatch(alert)) return [`at: ${timeText(at)}`]
  if (status !== "resolved") return [`since: ${timeText(since)}`]
  if (firedAt === undefined) return [`resolved: ${timeText(at)}`]
  const lasted = durationText(Math.max(1_000, Math.round((at - firedAt) / 1_000) * 1_000))
  return [`fired: ${timeText(firedAt)}`, `resolved: ${timeText(at)}, after ${lasted}`]
}

/** Its numbers beside what its rule asks of them. */
export const numbersText = ({ value, values, condition, status }: NotifiedAlert): string => {
  const numbers = pairs({ ...(value === undefined ? {} : { value }), ...values })
  const asked = condition === undefined || status === "no_data" || status === "error" ? "" : condition
  return [numbers, asked].filter(Boolean).join(" · ")
}

/** Names by which people say where it is written what to do. */
const runbooks: ReadonlySet<string> = new Set(["runbook", "runbook_url", "runbook_link"])
/** What a person wants to read first. */
const spoken: ReadonlyArray<string> = ["summary", "description", "message"]

const isWebLink = (text: string): boolean => /^https?:\/\/\S+$/u.test(text)

/** Address of what to do about it; undefined when there is none. */
export const runbookOf = ({ annotations }: NotifiedAlert): string | undefined =>
  Object.entries(annotations).find(([name, text]) => runbooks.has(name.toLowerCase()) && isWebLink(text))?.[1]

/** One alert, a line for each thing it has to say. Its link and its runbook's are for each channel to show. */
export const alertLines = (alert: NotifiedAlert): ReadonlyArray<string> => {
  const { labels, annotations, acknowledgedBy, detail } = alert
  const numbers = numbersText(alert)
  const runbook = runbookOf(alert)
  const said = spoken.flatMap((name) => annotations[name] ?? [])
  const others = Object.entries(annotations).filter(
    ([name, text]) => !spoken.includes(name) && !(runbooks.has(name.toLowerCase()) && text === runbook),
  )
  return [
    statusLine(alert),
    ...said,
    ...(detail === undefined ? [] : [`why: ${detail}`]),
    ...(numbers === "" ? [] : [`values: ${numbers}`]),
    ...(Object.keys(labels).length === 0 ? [] : [`labels: ${pairs(labels)}`]),
    ...timeLines(alert),
    ...others.map(([key, text]) => `${key}: ${text}`),
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

/** Where to go from here, each with what it is. */
export const linksOf = (
  alert: NotifiedAlert,
  publicUrl: string | undefined,
): ReadonlyArray<{ readonly name: string; readonly url: string }> => {
  const [runbook, alertUrl] = [runbookOf(alert), alertLink(publicUrl, alert)]
  return [
    ...(runbook === undefined ? [] : [{ name: "Runbook", url: runbook }]),
    ...(alertUrl === undefined ? [] : [{ name: "Alert", url: alertUrl }]),
  ]
}

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
    const links = linksOf(alert, publicUrl).map(({ name, url }) => `${name}: ${url}`)
    return [...alertLines(alert), ...links].join("\n")
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
