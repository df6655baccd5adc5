/** A message for Slack's incoming web hooks. Source: https://docs.slack.dev/messaging/formatting-message-text */
import type { Notification, NotifiedAlert } from "../../../schemas/index.ts"
import { alertLines, alertLink, moreText, spelled, subjectOf } from "../texts.ts"

/** Characters of a heading and of a section, as Slack takes them. */
const headingMax = 150
const sectionMax = 3_000

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

const sectionOf = (alert: NotifiedAlert, publicUrl: string | undefined) => {
  const link = alertLink(publicUrl, alert)
  const end = link === undefined ? "" : `\n<${link}|Open>`
  return section(`${shortened(alertLines(alert).join("\n"), sectionMax - end.length)}${end}`)
}

export const slackMessage = (notification: Notification, publicUrl: string | undefined) => {
  const subject = subjectOf(notification)
  const { alerts, more } = spelled(notification)
  const rest = more > 0 && notification.reason !== "collapsed" ? [section(moreText(more))] : []
  return {
    text: shortened(subject, sectionMax),
    blocks: [
      { type: "header", text: { type: "plain_text", text: subject.slice(0, headingMax) } },
      ...alerts.map((alert) => sectionOf(alert, publicUrl)),
      ...rest,
    ],
  }
}
