/**
 * Access tokens over `/api/auth/refresh`: renewed shortly before they expire or when the gateway refuses one, once for
 * all calls that wait for it. A refresh token is used one time only, since the gateway takes a second use for theft and
 * ends the whole family; so a refresh is never repeated here, and tabs of one browser take turns.
 */
import { type ClientClock, systemClock } from "./clock.ts"
import type { Credential } from "./credential.ts"
import { clientErrors, errorOfAnswer, MillraceError } from "./error.ts"
import { defaultClientLimits } from "./limits.ts"

export interface Tokens {
  readonly accessToken: string
  /** Units: milliseconds since 1970. */
  readonly expiresAt: number
  /** Absent where the browser holds it, in a cookie that scripts cannot read. */
  readonly refreshToken?: string
}

/**
 * Where tokens are kept. In memory unless told otherwise: whatever is in `localStorage` is read by every script of the
 * page, now and later, so that one injected line takes the session along; the refresh cookie survives a reload anyway.
 */
export interface TokenStore {
  readonly read: () => Tokens | undefined
  readonly write: (tokens: Tokens | undefined) => void
}

export const memoryStore = (): TokenStore => {
  let held: Tokens | undefined
  const write = (tokens: Tokens | undefined) => {
    held = tokens
  }
  return { read: () => held, write }
}

/** Runs one at a time, in all tabs of this origin where the browser can do that. */
export type Exclusive = <A>(name: string, run: () => Promise<A>) => Promise<A>

interface WithLocks {
  readonly locks?: { readonly request: <A>(name: string, run: () => Promise<A>) => Promise<A> }
}

const acrossTabs: Exclusive = (name, run) => {
  const { locks } = ((globalThis as { readonly navigator?: unknown }).navigator ?? {}) as WithLocks
  return locks === undefined ? run() : locks.request(name, run)
}

export interface TokenManagerOptions {
  /** Of the gateway, without a slash at its end; empty for the page's own. */
  readonly baseUrl: string
  readonly store?: TokenStore
  /** Told once when the session has ended, with the reason. */
  readonly onSignedOut?: (reason: MillraceError) => void
  readonly renewBeforeMs?: number
  readonly attemptMsMax?: number
  readonly fetch?: typeof fetch
  readonly clock?: ClientClock
  readonly exclusive?: Exclusive
}

interface RefreshAnswer {
  readonly access_token: string
  readonly expires_in: number
  readonly refresh_token?: string
}

const signedOut = (cause?: MillraceError) =>
  new MillraceError({
    status: cause?.status ?? 401,
    code: clientErrors.signedOut,
    message: "The session has ended; log in again.",
    details: cause === undefined ? {} : { reason: cause.code },
    traceId: cause?.traceId,
    requestId: cause?.requestId,
    cause,
  })

export class TokenManager implements Credential {
  readonly #options: TokenManagerOptions
  readonly #store: TokenStore
  readonly #clock: ClientClock
  #refreshing: Promise<string> | undefined
  #ended: MillraceError | undefined
  /** Grows with each login, so that a refresh of an older session changes nothing any more. */
  #session = 0

  constructor(options: TokenManagerOptions) {
    this.#options = options
    this.#store = options.store ?? memoryStore()
    this.#clock = options.clock ?? systemClock
  }

  /** Begins a session with what `/api/auth/callback/` answered. */
  signIn(answer: RefreshAnswer): void {
    this.#session += 1
    this.#refreshing = undefined
    this.#ended = undefined
    this.#keep(answer)
  }

  /** Forgets the tokens, as after a logout; `onSignedOut` is not called. */
  signOut(): void {
    this.#session += 1
    this.#refreshing = undefined
    this.#ended = signedOut()
    this.#store.write(undefined)
  }

  held(): string | undefined {
    const tokens = this.#store.read()
    return tokens !== undefined && tokens.expiresAt > this.#clock.now() ? tokens.accessToken : undefined
  }

  async token(): Promise<string> {
    if (this.#ended !== undefined) throw this.#ended
    const held = this.#store.read()
    const leftMs = held === undefined ? 0 : held.expiresAt - this.#clock.now()
    if (held !== undefined && leftMs > (this.#options.renewBeforeMs ?? defaultClientLimits.renewBeforeMs))
      return held.accessToken
    try {
      return await this.#refresh()
    } catch (failure) {
      // It is valid still: a gateway that does not answer just now ends nothing.
      if (leftMs > 0 && this.#ended === undefined) return held!.accessToken
      throw failure
    }
  }

  async refused(token: string): Promise<string | undefined> {
    if (this.#ended !== undefined) throw this.#ended
    const held = this.#store.read()?.accessToken
    // Somebody else's refresh was faster than this answer.
    return held !== undefined && held !== token ? held : this.#refresh()
  }

  #refresh(): Promise<string> {
    if (this.#refreshing !== undefined) return this.#refreshing
    const session = this.#session
    const before = this.#store.read()?.accessToken
    const exclusive = this.#options.exclusive ?? acrossTabs
    const refreshing = exclusive(`millrace-refresh ${this.#options.baseUrl}`, () => {
      // In a store that tabs share, another one may have done it while this one waited.
      const held = this.#store.read()
      if (held !== undefined && held.accessToken !== before) return Promise.resolve(held.accessToken)
      return this.#exchange(session)
    }).finally(() => {
      if (this.#refreshing === refreshing) this.#refreshing = undefined
    })
    this.#refreshing = refreshing
    return refreshing
  }

  async #exchange(session: number): Promise<string> {
    const response = await this.#ask(this.#store.read()?.refreshToken)
    if (session !== this.#session) return this.token()
    if ("access_token" in response) {
      this.#keep(response)
      return response.access_token
    }
    if (response.status !== 400 && response.status !== 401 && response.status !== 403) throw response
    this.#ended = signedOut(response)
    this.#store.write(undefined)
    this.#options.onSignedOut?.(this.#ended)
    throw this.#ended
  }

  async #ask(refreshToken: string | undefined): Promise<RefreshAnswer | MillraceError> {
    const { baseUrl, fetch: send = fetch, attemptMsMax = defaultClientLimits.attemptMsMax } = this.#options
    const controller = new AbortController()
    const cancel = this.#clock.after(attemptMsMax, () => controller.abort())
    try {
      const response = await send(`${baseUrl}/api/auth/refresh`, {
        method: "POST",
        // The cookie goes along to a gateway on another origin too, if its CORS list has this one.
        credentials: "include",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
        signal: controller.signal,
      })
      const text = await response.text()
      if (!response.ok) return errorOfAnswer(response.status, response.headers, text, this.#clock.now())
      return JSON.parse(text) as RefreshAnswer
    } catch (cause) {
      const code = controller.signal.aborted ? clientErrors.timeout : clientErrors.network
      return new MillraceError({ code, message: "The token could not be renewed.", cause })
    } finally {
      cancel()
    }
  }

  #keep({ access_token, expires_in, refresh_token }: RefreshAnswer): void {
    this.#store.write({
      accessToken: access_token,
      expiresAt: this.#clock.now() + expires_in * 1_000,
      ...(refresh_token === undefined ? {} : { refreshToken: refresh_token }),
    })
  }
}
