/** A message for Slack's incoming web hooks. Source: https://docs.slack.dev/messaging/formatting-message-text */
import type { Notification, NotifiedAlert } from "../../../schemas/index.ts"
import { alertLines, clipped, linksOf, moreText, severityOf, spelled, subjectOf } from "../texts.ts"

/** Characters of a heading and of a section, as Slack takes them. */
const headingMax = 150
const sectionMax = 3_000
/** Of a link in a section; one that is longer stays away. */
const addressMax = 800

/** What would be read as a link, a mention or a command. */
const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** Never cuts what was escaped into pieces. */
const shortened = (text: string, max: number): string => {
  const whole = escaped(text)
  if (whole.length <= max) return whole
  return `${whole.slice(0, max - 1).replace(/&[a-z]*$/, "")}…`
}

const section = (text: string) => ({ type: "section", text: { type: "mrkdwn", text } })

/** What would end a link. */
const addressOf = (url: string): string =>
  escaped(url).replaceAll(/[|\s]/gu, (character) => encodeURIComponent(character))

const sectionOf = (alert: NotifiedAlert, publicUrl: string | undefined) => {
  const links = linksOf(alert, publicUrl).flatMap(({ name, url }) => {
    const address = addressOf(url)
    return address.length > addressMax ? [] : [`<${address}|${name}>`]
  })
  const end = links.length === 0 ? "" : `\n${links.join(" · ")}`
  const [first = "", ...lines] = alertLines(alert)
  const bold = escaped(first).replaceAll("*", "∗")
  return section(`*${bold}*\n${shortened(lines.join("\n"), sectionMax - bold.length - end.length - 3)}${end}`)
}

const signs = { critical: "🔴", warning: "🟠", info: "🔵" } as const

/** To be told apart at a glance. */
const signOf = (notification: Notification): string => {
  const severity = severityOf(notification)
  return severity === undefined ? "✅" : signs[severity]
}

export const slackMessage = (notification: Notification, publicUrl: string | undefined) => {
  const subject = `${signOf(notification)} ${subjectOf(notification)}`
  const { alerts, more } = spelled(notification)
  const rest = more > 0 && notification.reason !== "collapsed" ? [section(moreText(more))] : []
  return {
    text: shortened(subject, sectionMax),
    blocks: [
      { type: "header", text: { type: "plain_text", text: clipped(subject, headingMax), emoji: true } },
      ...alerts.map((alert) => sectionOf(alert, publicUrl)),
      ...rest,
    ],
  }
}
