/** What every channel is given to send, and what comes of an attempt over HTTP. */
import * as Effect from "effect/Effect"
import { EgressRefused, retryAfterMs } from "../../../resources/index.ts"
import type { Channel, Notification } from "../../../schemas/index.ts"
import type { Platform } from "../../platform-access.ts"
import type { Output } from "../activities.ts"

export interface Sending {
  readonly platform: Pick<Platform, "egress" | "mail" | "publicUrl">
  readonly channel: Pick<Channel, "id" | "name">
  readonly notification: Notification
  /** The same for every attempt. */
  readonly token: string
  /** When this attempt begins. */
  readonly now: number
}

/** Of what a receiver answers nothing is used but its status, and when it wants to be asked again. */
const answerBytesMax = 64 * 1024
const totalMs = 15_000

/** What is refused the next time as well, unless somebody changes the settings. */
const refusedForGood: ReadonlySet<string> = new Set(["url", "address", "redirect"])

/** What the receiver will refuse again. Source: RFC 9110 §15.5; 408, 425 and 429 ask to come back. */
const isFinal = (status: number): boolean =>
  status >= 300 && status < 500 && ![408, 425, 429].includes(status)

const failureOf = (failure: unknown): Output => {
  if (failure instanceof EgressRefused)
    return { status: refusedForGood.has(failure.problem) ? "given_up" : "failed", detail: failure.message }
  const { code } = ((failure as Error | undefined)?.cause ?? {}) as { readonly code?: unknown }
  return { status: "failed", detail: typeof code === "string" ? `no connection: ${code}` : "no connection" }
}

const outputOf = (response: Response, now: number): Output => {
  const { status, headers } = response
  if (response.ok) return { status: "delivered", detail: `the receiver answered ${status}` }
  const asked = status === 429 || status === 503 ? retryAfterMs(headers, now) : undefined
  return {
    status: isFinal(status) ? "given_up" : "failed",
    detail: `the receiver answered ${status}`,
    ...(asked === undefined ? {} : { retryAfterMs: asked }),
  }
}

/** Through the one way out; never a word of the receiver's, nor its address beyond the host. */
export const request = (
  { platform, now }: Pick<Sending, "platform" | "now">,
  url: string,
  init: Pick<RequestInit, "method" | "headers" | "body">,
): Effect.Effect<Output> =>
  Effect.tryPromise({
    try: async (signal) => {
      const send = platform.egress.limited({ bytesMax: answerBytesMax, totalMs })
      const response = await send(url, { ...init, redirect: "error", signal })
      await response.body?.cancel()
      return outputOf(response, now)
    },
    catch: failureOf,
  }).pipe(Effect.catch(Effect.succeed))

/** The id as it is in the body, by which receivers drop what came before; encoded only if no header can carry it. */
export const deliveryHeader = (id: string) => ({
  "X-Millrace-Delivery": /^[\x21-\x7e]+$/u.test(id) ? id : encodeURIComponent(id.toWellFormed()),
})

export const postJson = (
  sending: Sending,
  url: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Effect.Effect<Output> =>
  request(sending, url, {
    method: "POST",
    body,
    // What a channel says itself does not take the place of what a delivery says.
    headers: {
      ...headers,
      "Content-Type": "application/json",
      ...deliveryHeader(sending.notification.id),
    },
  })
