/** A notification as an e-mail, in plain text and in HTML. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { ChannelSettings, Notification } from "../../../schemas/index.ts"
import type { Output } from "../activities.ts"
import { alertLines, linksOf, moreText, plainText, spelled, subjectOf } from "../texts.ts"
import type { Sending } from "./sending.ts"

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => entities[character]!)

export const emailHtml = (notification: Notification, publicUrl: string | undefined): string => {
  const { alerts, more } = spelled(notification)
  const told = alerts.map((alert) => {
    const [first = "", ...lines] = alertLines(alert)
    const links = linksOf(alert, publicUrl).map(({ name, url }) => `<a href="${escaped(url)}">${name}</a>`)
    const shown = [...lines.map(escaped), ...(links.length === 0 ? [] : [links.join(" · ")])]
    return `<p><strong>${escaped(first)}</strong><br>${shown.join("<br>")}</p>`
  })
  const rest = more > 0 && notification.reason !== "collapsed" ? [`<p>${escaped(moreText(more))}</p>`] : []
  return [`<h3>${escaped(subjectOf(notification))}</h3>`, ...told, ...rest].join("\n")
}

export const sendEmail = (
  { to, from, smtp }: Extract<ChannelSettings, { type: "email" }>,
  { platform: { mail, publicUrl }, notification, token }: Sending,
): Effect.Effect<Output> => {
  if (smtp === undefined && !mail.isConfigured) {
    const detail =
      "no mail server is set up (MILLRACE_SMTP_URL, or smtp of the channel): it is in this log alone"
    return Effect.succeed({ status: "logged", detail })
  }
  return mail
    .send(
      {
        from,
        to,
        subject: `[Millrace] ${subjectOf(notification)}`,
        text: plainText(notification, publicUrl),
        html: emailHtml(notification, publicUrl),
        id: token,
      },
      smtp === undefined ? undefined : Redacted.make(smtp),
    )
    .pipe(
      Effect.match({
        onSuccess: ({ refused }): Output => ({
          status: "delivered",
          detail:
            refused === 0
              ? "the mail server took it"
              : `the mail server took it, but for ${refused} of ${to.length} recipients`,
        }),
        onFailure: ({ message, final }): Output => ({
          status: final ? "given_up" : "failed",
          detail: message,
        }),
      }),
    )
}
