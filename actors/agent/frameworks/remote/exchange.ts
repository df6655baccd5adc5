/**
 * One try to have an agent that runs elsewhere answer: everything it sends goes out by the one egress, with the
 * headers that all agents get; everything it is told is bounded and counted.
 */
import * as Effect from "effect/Effect"
import type { ActivityFailure } from "../../../../engine/index.ts"
import { type EgressFetch, maskText, retryAfterMs } from "../../../../resources/index.ts"
import { answerCharactersMax } from "../../../../schemas/index.ts"
import type { AnswerCall } from "../../framework.ts"
import { RemoteFailure, remoteFailureOf } from "./failure.ts"
import { remoteLimits } from "./limits.ts"

export type Trouble = RemoteFailure | ActivityFailure

export interface Exchange {
  readonly endpoint: URL
  /** Aborted when the try is over. */
  readonly signal: AbortSignal
  /** As `fetch`, with any status. Rejects with `RemoteFailure`. */
  readonly open: (url: URL | string, init?: RequestInit) => Promise<Response>
  /** The same; a status that is no success rejects as well. */
  readonly send: (url: URL | string, init?: RequestInit) => Promise<Response>
  readonly post: (url: URL, body: unknown, accept: string) => Effect.Effect<Response, RemoteFailure>
  /** A promise of this exchange. */
  readonly wait: <A>(promise: () => Promise<A>) => Effect.Effect<A, RemoteFailure>
  /** Nothing: the agent shows that it is at work. */
  readonly say: (text: string) => Effect.Effect<void, Trouble>
  /** Characters said. */
  readonly said: () => number
  /** Words of the agent as they may be told in an error: short, and without the credential or other secrets. */
  readonly quote: (words: string) => string
}

export interface ExchangeSettings {
  readonly call: AnswerCall
  readonly endpoint: URL
  readonly send: EgressFetch
  readonly signal: AbortSignal
  readonly credential: string | undefined
  /** Only for the endpoint's own origin: a card or a document may name others, which are not to get them. */
  readonly secretHeaders: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly now: () => number
}

/** What journals and databases can keep. */
const storable = (text: string): string => text.replaceAll("\u0000", "").toWellFormed()

const quoting =
  (credential: string | undefined) =>
  (words: string): string => {
    const escaped = credential === undefined ? undefined : JSON.stringify(credential).slice(1, -1)
    let text = words
    for (const secret of [credential, escaped]) if (secret) text = text.replaceAll(secret, "[secret]")
    return maskText(text.replaceAll(/\s+/g, " ").trim()).slice(0, remoteLimits.quotedMax)
  }

/** The beginning of a body that nobody needs whole. */
const beginningOf = async (response: Response): Promise<string> => {
  const reader = response.body?.getReader()
  if (reader === undefined) return ""
  const decoder = new TextDecoder()
  let text = ""
  try {
    while (text.length < remoteLimits.refusalBytesMax) {
      const piece = await reader.read()
      if (piece.done) break
      text += decoder.decode(piece.value, { stream: true })
    }
    await reader.cancel()
  } catch {
    // What came until here is told.
  }
  return text
}

const mayRetryStatuses = new Set([429, 502, 503, 504])

export const makeExchange = (settings: ExchangeSettings): Exchange => {
  const { call, endpoint, signal, headers, secretHeaders } = settings
  const quote = quoting(settings.credential)
  let said = 0

  const open = async (input: URL | string, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input)
    const all = new Headers(init.headers)
    const own = url.origin === endpoint.origin ? { ...headers, ...secretHeaders } : headers
    for (const [name, value] of Object.entries(own)) all.set(name, value)
    try {
      return await settings.send(url, { ...init, headers: all, signal })
    } catch (thrown) {
      throw remoteFailureOf(thrown, said > 0)
    }
  }
  const refused = async (response: Response): Promise<RemoteFailure> => {
    const { status } = response
    const words = quote(await beginningOf(response))
    const code = status >= 500 ? "AgentFailed" : status >= 400 ? "AgentRefused" : "AgentMalformed"
    return new RemoteFailure(code, `the agent answered ${status}${words === "" ? "" : `: ${words}`}`, {
      mayRetry: mayRetryStatuses.has(status),
      retryAfterMs: retryAfterMs(response.headers, settings.now()),
    })
  }
  const send = async (url: URL | string, init?: RequestInit): Promise<Response> => {
    const response = await open(url, init)
    if (response.ok) return response
    throw await refused(response)
  }
  const wait = <A>(promise: () => Promise<A>) =>
    Effect.tryPromise({ try: promise, catch: (thrown) => remoteFailureOf(thrown, true) })
  return {
    endpoint,
    signal,
    open,
    send,
    wait,
    post: (url, body, accept) =>
      wait(() =>
        send(url, {
          method: "POST",
          headers: { "content-type": "application/json", accept },
          body: JSON.stringify(body),
        }),
      ),
    say: (text) =>
      Effect.suspend((): Effect.Effect<void, Trouble> => {
        const kept = storable(text)
        said += kept.length
        return said > answerCharactersMax
          ? Effect.fail(
              new RemoteFailure(
                "AgentAnswerTooLong",
                `the agent's answer is longer than ${answerCharactersMax} characters`,
              ),
            )
          : call.say(kept)
      }),
    said: () => said,
    quote,
  }
}
