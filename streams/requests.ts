/**
 * Requests and their answers over one inbox subscription with integer tokens: no promise, no timer and no
 * subscription per request. What is in flight when the connection breaks fails at once; its outcome is unknown.
 */
import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node"
import { createInbox } from "@nats-io/transport-node"

/** Why there is no answer. `sent` false: the request never left, nothing can have happened. */
export interface NoAnswer {
  readonly reason: "disconnected" | "timeout" | "no responders" | "too many requests" | "too large"
  readonly sent: boolean
}

export type OnAnswer = (failure: NoAnswer | undefined, answer: Msg | undefined) => void

export interface RequestLimits {
  readonly requestsInFlightMax: number
  readonly requestsWaitingMax: number
  readonly requestTimeoutMs: number
}

interface Waiting {
  readonly subject: string
  readonly payload: Uint8Array
  readonly headers: MsgHdrs | undefined
  readonly onAnswer: OnAnswer
}

interface InFlight {
  readonly onAnswer: OnAnswer
  /** Counted in sweeps: reading the clock for every request costs more than it tells. */
  readonly lastSweep: number
}

const sweepsPerTimeout = 10

export class Requests {
  readonly #connection: NatsConnection
  readonly #limits: RequestLimits
  readonly #inbox: string
  readonly #inFlight = new Map<number, InFlight>()
  readonly #sweep: NodeJS.Timeout
  #waiting: Array<Waiting> = []
  #waitingFrom = 0
  #token = 0
  #sweeps = 0
  #connected = true

  constructor(connection: NatsConnection, limits: RequestLimits) {
    this.#connection = connection
    this.#limits = limits
    this.#inbox = `${createInbox()}.`
    connection.subscribe(`${this.#inbox}*`, { callback: (_, message) => this.#answer(message) })
    this.#sweep = setInterval(() => this.#expire(), limits.requestTimeoutMs / sweepsPerTimeout)
  }

  get inFlight(): number {
    return this.#inFlight.size
  }
  get waiting(): number {
    return this.#waiting.length - this.#waitingFrom
  }

  /** Order: requests leave in the order of the calls. `onAnswer` is called exactly once, maybe before this returns. */
  send(subject: string, payload: Uint8Array, headers: MsgHdrs | undefined, onAnswer: OnAnswer): void {
    if (!this.#connected) onAnswer({ reason: "disconnected", sent: false }, undefined)
    else if (this.#inFlight.size < this.#limits.requestsInFlightMax && this.waiting === 0)
      this.#post(subject, payload, headers, onAnswer)
    else if (this.waiting < this.#limits.requestsWaitingMax)
      this.#waiting.push({ subject, payload, headers, onAnswer })
    else onAnswer({ reason: "too many requests", sent: false }, undefined)
  }

  connected(): void {
    this.#connected = true
  }

  /** Fails whatever waits for an answer, in flight or in line. */
  disconnected(): void {
    this.#connected = false
    const inFlight = [...this.#inFlight.values()]
    const waiting = this.#waiting.slice(this.#waitingFrom)
    this.#inFlight.clear()
    this.#waiting = []
    this.#waitingFrom = 0
    for (const { onAnswer } of inFlight) onAnswer({ reason: "disconnected", sent: true }, undefined)
    for (const { onAnswer } of waiting) onAnswer({ reason: "disconnected", sent: false }, undefined)
  }

  close(): void {
    clearInterval(this.#sweep)
    this.disconnected()
  }

  #post(subject: string, payload: Uint8Array, headers: MsgHdrs | undefined, onAnswer: OnAnswer): void {
    const token = ++this.#token
    const reply = this.#inbox + token
    this.#inFlight.set(token, { onAnswer, lastSweep: this.#sweeps + sweepsPerTimeout })
    try {
      this.#connection.publish(subject, payload, headers === undefined ? { reply } : { reply, headers })
    } catch (cause) {
      this.#inFlight.delete(token)
      const reason = String(cause).includes("max_payload") ? "too large" : "disconnected"
      onAnswer({ reason, sent: false }, undefined)
    }
  }

  #answer(message: Msg): void {
    const token = Number(message.subject.slice(this.#inbox.length))
    const entry = this.#inFlight.get(token)
    if (entry === undefined) return
    this.#inFlight.delete(token)
    if (message.data.length === 0 && message.headers?.code === 503)
      entry.onAnswer({ reason: "no responders", sent: false }, undefined)
    else entry.onAnswer(undefined, message)
    this.#advance()
  }

  #advance(): void {
    while (this.waiting > 0 && this.#inFlight.size < this.#limits.requestsInFlightMax) {
      const next = this.#waiting[this.#waitingFrom++]!
      this.#post(next.subject, next.payload, next.headers, next.onAnswer)
    }
    if (this.#waitingFrom > 1_024 && this.#waitingFrom * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#waitingFrom)
      this.#waitingFrom = 0
    }
  }

  /** Every request has the same time-out and a map keeps insertion order, so that the first one left ends the walk. */
  #expire(): void {
    this.#sweeps++
    for (const [token, entry] of this.#inFlight) {
      if (entry.lastSweep >= this.#sweeps) break
      this.#inFlight.delete(token)
      entry.onAnswer({ reason: "timeout", sent: true }, undefined)
    }
    this.#advance()
  }
}
