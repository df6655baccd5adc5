/** Sends a notification over a channel, in the form that this kind of channel has. */
import * as Effect from "effect/Effect"
import { timedSignature } from "../../../resources/index.ts"
import type { ChannelSettings } from "../../../schemas/index.ts"
import type { Output } from "../activities.ts"
import { smsBody } from "../sms-body.ts"
import { smsText } from "../sms-text.ts"
import { alertmanagerPayload } from "./alertmanager.ts"
import { sendEmail } from "./email.ts"
import { deliveryHeader, postJson, request, type Sending } from "./sending.ts"
import { slackMessage } from "./slack.ts"
import { webHookBody } from "./web-hook.ts"

type Of<T extends ChannelSettings["type"]> = Extract<ChannelSettings, { type: T }>

const sendWebhook = ({ url, secret, headers = {} }: Of<"webhook">, sending: Sending) => {
  const { channel, notification, now, platform } = sending
  const body = JSON.stringify(webHookBody(channel.id, notification, platform.publicUrl))
  const seconds = Math.floor(now / 1_000)
  const signed = secret === undefined ? {} : { "X-Millrace-Signature": timedSignature(secret, seconds, body) }
  return postJson(sending, url, body, { ...headers, ...signed })
}

/** Requests at once: the numbers of a channel have to fit into the time of an attempt. */
const numbersAtOnce = 5

/** What may go through the next time is tried again for all of them, each with the key that it had. */
const together = (outputs: ReadonlyArray<Output>): Output => {
  const failed = outputs.find(({ status }) => status === "failed")
  if (failed !== undefined) return failed
  const refused = outputs.filter(({ status }) => status !== "delivered")
  if (refused.length === outputs.length || refused.length === 0) return outputs[0]!
  const detail = `${refused[0]!.detail} for ${refused.length} of ${outputs.length} numbers; the others were taken`
  return { status: "delivered", detail }
}

const sendSms = ({ url, to, body: template, headers = {} }: Of<"sms">, sending: Sending) => {
  const text = smsText(sending.notification, sending.platform.publicUrl)
  const sendOne = (recipient: string, index: number): Effect.Effect<Output> => {
    const body = smsBody(template, { to: recipient, text })
    if (body === undefined)
      return Effect.succeed({ status: "given_up", detail: "the template of its body is not valid" })
    return request(sending, url, {
      method: "POST",
      body,
      headers: {
        ...headers,
        "Content-Type": "application/json",
        "Idempotency-Key": `${sending.token}-${index}`,
        ...deliveryHeader(sending.notification.id),
      },
    })
  }
  return Effect.map(Effect.forEach(to, sendOne, { concurrency: numbersAtOnce }), together)
}

export const send = (settings: ChannelSettings, sending: Sending): Effect.Effect<Output> => {
  const { notification, platform, channel } = sending
  switch (settings.type) {
    case "slack":
      return postJson(sending, settings.url, JSON.stringify(slackMessage(notification, platform.publicUrl)))
    case "webhook":
      return sendWebhook(settings, sending)
    case "alertmanager": {
      const payload = alertmanagerPayload(notification, channel.name, platform.publicUrl)
      return postJson(sending, settings.url, JSON.stringify(payload), settings.headers)
    }
    case "email":
      return sendEmail(settings, sending)
    case "sms":
      return sendSms(settings, sending)
    case "log":
      return Effect.succeed({
        status: "logged",
        detail: "this channel sends to nobody: it is in this log alone",
      })
  }
}
