/**
 * Server-sent events as something to loop over, across as many connections as it takes. Each event comes once and in
 * order: a new connection says what was seen last, and what comes again nevertheless is left out. Nothing is buffered
 * but one piece: a reader who is slow slows the connection down.
 */
import type { Outgoing } from "./call.ts"
import { backOffMs, pause } from "./clock.ts"
import { clientErrors, isPassing, MillraceError } from "./error.ts"
import { EventParser, type RawEvent } from "./event-parser.ts"
import type { Parts, Transport } from "./transport.ts"

export interface ServerSentEvent<Data> {
  readonly id: string | undefined
  readonly event: string | undefined
  readonly data: Data
}

export interface EventOptions {
  /** Resume after this one. */
  readonly lastEventId?: string
  /** Whether the stream ends with this event. Default: `end` and `error` of an answer, nothing of a feed (GET). */
  readonly isLast?: (data: unknown) => boolean
}

type Data = { readonly type?: unknown; readonly reconnect?: unknown; readonly retry_after?: unknown }

/** Says that the node leaves: the same goes on at another one. */
const isGoodbye = (data: unknown): data is Data => {
  const { type, reconnect } = (data ?? {}) as Data
  return type === "error" && reconnect === true
}

const endsAnswer = (data: unknown): boolean => {
  const { type } = (data ?? {}) as Data
  return data === "[DONE]" || type === "end" || type === "error"
}

const decoded = ({ data }: RawEvent): unknown => {
  try {
    return JSON.parse(data)
  } catch {
    return data
  }
}

const numberOf = (id: string): number | undefined => (/^\d{1,15}$/.test(id) ? Number(id) : undefined)

const isSeen = (id: string | undefined, last: string | undefined): boolean => {
  if (id === undefined || last === undefined) return false
  const [own, seen] = [numberOf(id), numberOf(last)]
  return own === undefined || seen === undefined ? id === last : own <= seen
}

/** One connection: who keeps it, and how to wait on it without waiting for ever. */
interface Connection {
  readonly signal: AbortSignal
  readonly alive: <A>(work: Promise<A>) => Promise<A>
}

export class EventStream<A> {
  readonly #parts: Parts
  readonly #transport: Transport
  readonly #request: Outgoing
  readonly #isLast: (data: unknown) => boolean
  readonly #signal: AbortSignal
  #last: string | undefined
  #delivered = false
  #waitMs = 0
  /** Connections since the last event. */
  #fruitless = 0

  constructor(
    parts: Parts,
    transport: Transport,
    request: Outgoing,
    { isLast, lastEventId, signal }: EventOptions & { readonly signal?: AbortSignal | undefined },
  ) {
    this.#parts = parts
    this.#transport = transport
    this.#request = request
    this.#isLast = isLast ?? (request.method === "GET" ? () => false : endsAnswer)
    this.#last = lastEventId
    this.#signal = signal ?? new AbortController().signal
  }

  /** Errors: what a call gives; `clientErrors.stream` when it broke and cannot be resumed. */
  async *events(): AsyncGenerator<ServerSentEvent<A>, void> {
    for (;;) {
      let broken: MillraceError | undefined
      try {
        if (yield* this.#connection(this.#connect())) return
      } catch (failure) {
        if (!isPassing(failure)) throw failure
        broken = failure
      }
      await this.#again(broken)
    }
  }

  #connect(): Connection {
    const { clock, limits } = this.#parts
    const silence = new AbortController()
    const alive = async <B>(work: Promise<B>): Promise<B> => {
      const cancel = clock.after(limits.idleMsMax, () => silence.abort())
      try {
        return await work
      } catch (cause) {
        if (this.#signal.aborted) throw this.#signal.reason
        if (cause instanceof MillraceError) throw cause
        const code = silence.signal.aborted ? clientErrors.timeout : clientErrors.network
        throw new MillraceError({ code, message: "The stream broke.", cause })
      } finally {
        cancel()
      }
    }
    return { signal: AbortSignal.any([this.#signal, silence.signal]), alive }
  }

  #open(signal: AbortSignal): Promise<Response> {
    const { headers } = this.#request
    const resumed = this.#last === undefined ? {} : { "last-event-id": this.#last }
    const request = { ...this.#request, headers: { ...headers, accept: "text/event-stream", ...resumed } }
    return this.#transport.open(request, signal)
  }

  /** True when there is nothing more to come. */
  async *#connection({ signal, alive }: Connection): AsyncGenerator<ServerSentEvent<A>, boolean> {
    const response = await alive(this.#open(signal))
    if (response.status === 204 || response.body === null) return true
    const parser = new EventParser(this.#parts.limits.eventCharactersMax)
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    try {
      for (;;) {
        const { done, value } = await alive(reader.read())
        // Without ids nothing says where to resume: the end is the end.
        if (done) return this.#delivered && this.#last === undefined
        for (const raw of parser.push(value)) {
          const data = decoded(raw)
          if (isGoodbye(data)) {
            this.#waitMs = (Number(data.retry_after) || 0) * 1_000
            return false
          }
          if (isSeen(raw.id, this.#last)) continue
          this.#last = raw.id ?? this.#last
          this.#delivered = true
          this.#fruitless = 0
          yield { id: raw.id, event: raw.event, data: data as A }
          if (this.#isLast(data)) return true
        }
        this.#waitMs = parser.retryMs ?? 0
      }
    } finally {
      await reader.cancel().catch(() => {})
    }
  }

  /** Waits before the next connection. Throws when there must be none. */
  async #again(broken: MillraceError | undefined): Promise<void> {
    const { clock, limits } = this.#parts
    const canResume = this.#request.repeatable && (this.#last !== undefined || !this.#delivered)
    this.#fruitless += 1
    if (!canResume || this.#fruitless > limits.reconnectsMax) throw this.#givenUp(broken)
    const toldMs = Math.max(this.#waitMs, (broken?.retryAfterSeconds ?? 0) * 1_000)
    this.#waitMs = 0
    const pauseMs = Math.min(toldMs, limits.retryAfterMsMax) + backOffMs(clock, this.#fruitless, limits)
    await pause(clock, pauseMs, this.#signal)
  }

  /** What a gateway said goes to the caller as it is. */
  #givenUp(broken: MillraceError | undefined): MillraceError {
    if (broken !== undefined && broken.status !== 0) return broken
    return new MillraceError({
      code: clientErrors.stream,
      message: "The stream ended before its last event.",
      details: { last_event_id: this.#last ?? null },
      cause: broken,
    })
  }
}
