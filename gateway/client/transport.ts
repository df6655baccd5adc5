/**
 * Sends requests: with the credential, within a time, again when that is safe and of use. What it gives is an answer
 * below 400; everything else is a `MillraceError`, or the reason of the caller's own signal.
 */
import type { Outgoing } from "./call.ts"
import { backOffMs, type ClientClock, pause } from "./clock.ts"
import type { Credential } from "./credential.ts"
import { clientErrors, errorOfAnswer, MillraceError } from "./error.ts"
import type { ClientLimits } from "./limits.ts"
import { readText } from "./read-text.ts"

export interface Parts {
  readonly fetch: typeof fetch
  readonly clock: ClientClock
  readonly limits: ClientLimits
  readonly credential: Credential
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Ends with the caller's signal or with the time; says which. */
const deadline = (clock: ClientClock, milliseconds: number, signal: AbortSignal | undefined) => {
  const controller = new AbortController()
  const left = () => controller.abort(signal!.reason)
  if (signal?.aborted) left()
  signal?.addEventListener("abort", left, { once: true })
  let late = false
  const cancel = clock.after(milliseconds, () => {
    late = true
    controller.abort()
  })
  const clear = () => {
    cancel()
    signal?.removeEventListener("abort", left)
  }
  return { signal: controller.signal, clear, isLate: () => late }
}

const passing = new Set([429, 503])

const isWorthAnother = (failure: unknown, limits: ClientLimits): failure is MillraceError => {
  if (!(failure instanceof MillraceError)) return false
  if (failure.code === clientErrors.network || failure.code === clientErrors.timeout) return true
  return passing.has(failure.status) && (failure.retryAfterSeconds ?? 0) * 1_000 <= limits.retryAfterMsMax
}

export class Transport {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** A public route never waits for a renewal: it may be the one that begins a session. */
  async tokenFor({ isPublic }: Outgoing): Promise<string | undefined> {
    const { credential } = this.#parts
    return isPublic ? credential.held() : credential.token()
  }

  /** A whole answer. `token`: who asks; undefined for nobody. */
  send(request: Outgoing, token: string | undefined, signal?: AbortSignal): Promise<Reply> {
    return this.#repeated(request, signal, () =>
      this.#withToken(request, token, (own) => this.#attempt(request, own, signal)),
    )
  }

  /** One attempt at a stream's head; its body has no limit but `signal`. */
  async open(request: Outgoing, signal: AbortSignal): Promise<Response> {
    const token = await this.tokenFor(request)
    return this.#withToken(request, token, (own) => this.#head(request, own, signal))
  }

  async #repeated<A>(request: Outgoing, signal: AbortSignal | undefined, run: () => Promise<A>): Promise<A> {
    const { limits, clock } = this.#parts
    for (let attempt = 1; ; attempt += 1)
      try {
        return await run()
      } catch (failure) {
        const again = request.repeatable && attempt < limits.attemptsMax && isWorthAnother(failure, limits)
        if (!again) throw failure
        const toldMs = (failure.retryAfterSeconds ?? 0) * 1_000
        await pause(clock, toldMs + backOffMs(clock, attempt, limits), signal)
      }
  }

  /** A refused token is replaced once. */
  async #withToken<A>(
    request: Outgoing,
    token: string | undefined,
    run: (token: string | undefined) => Promise<A>,
  ): Promise<A> {
    try {
      return await run(token)
    } catch (failure) {
      const isRefused = failure instanceof MillraceError && failure.status === 401
      if (!isRefused || token === undefined || request.isPublic) throw failure
      const renewed = await this.#parts.credential.refused(token)
      if (renewed === undefined) throw failure
      return run(renewed)
    }
  }

  async #attempt(request: Outgoing, token: string | undefined, signal?: AbortSignal): Promise<Reply> {
    const { clock, limits } = this.#parts
    const time = deadline(clock, limits.attemptMsMax, signal)
    try {
      const response = await this.#head(request, token, time.signal)
      const text = await this.#text(response, time.signal)
      return { status: response.status, headers: response.headers, text }
    } catch (failure) {
      if (!time.isLate() || signal?.aborted) throw failure
      const message = `There was no answer within ${limits.attemptMsMax / 1_000} s.`
      throw new MillraceError({ code: clientErrors.timeout, message, cause: failure })
    } finally {
      time.clear()
    }
  }

  async #head(request: Outgoing, token: string | undefined, signal: AbortSignal): Promise<Response> {
    const { method, url, body, withCookies } = request
    const credentials = withCookies ? "include" : "same-origin"
    const headers = {
      ...request.headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    }
    const response = await this.#broken(
      this.#parts.fetch(url, {
        method,
        headers,
        signal,
        credentials,
        ...(body === undefined ? {} : { body }),
      }),
      signal,
    )
    if (response.status < 400) return response
    throw errorOfAnswer(
      response.status,
      response.headers,
      await this.#text(response, signal),
      this.#parts.clock.now(),
    )
  }

  #text(response: Response, signal: AbortSignal): Promise<string> {
    return this.#broken(readText(response, this.#parts.limits.answerBytesMax), signal)
  }

  /** What fails for want of a connection says so; the reason of an abort stays what it is. */
  async #broken<A>(work: Promise<A>, signal: AbortSignal): Promise<A> {
    try {
      return await work
    } catch (cause) {
      if (cause instanceof MillraceError || signal.aborted) throw cause
      const message = "The gateway cannot be reached."
      throw new MillraceError({ code: clientErrors.network, message, cause })
    }
  }
}
