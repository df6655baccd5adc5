/**
 * A reader of one subject that survives lost connections, lost consumers and restarted servers: it starts anew from
 * the next sequence it needs, so that its owner sees every message once and in order. Buffers at most its limits.
 */

import type { Msg } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Unavailable } from "../engine/index.ts"
import type { Limits } from "./config.ts"
import type { NatsConnection } from "./connection.ts"
import { Consumer, type ConsumerSource } from "./consumer.ts"
import type { Delivery } from "./delivery.ts"

export interface ReaderSource<A> extends ConsumerSource {
  readonly port: string
  readonly read: (message: Msg, delivery: Delivery) => A
}

export interface StreamReader<A> {
  /** How many messages were stored already when the reader was opened. */
  readonly backlog: number
  /** What has gathered, at least one, by sequence and without gaps. Gotcha: one `take` at a time. */
  readonly take: Effect.Effect<ReadonlyArray<A>, Unavailable>
}

type Waiter<A> = (result: Effect.Effect<ReadonlyArray<A>, Unavailable>) => void

class Reader<A> implements StreamReader<A> {
  readonly #nats: NatsConnection
  readonly #source: ReaderSource<A>
  readonly #limits: Limits
  readonly #bytesMax: number
  readonly #stopListening: () => void
  backlog = 0
  #buffer: Array<A> = []
  #bufferedBytes = 0
  #next = 0
  #consumer: Consumer | undefined
  #waiter: Waiter<A> | undefined
  #wakeQueued = false
  #ready: (() => void) | undefined
  #retry: NodeJS.Timeout | undefined
  #giveUp: NodeJS.Timeout | undefined
  #attempts = 0
  #reason = ""
  #failing = false
  #closed = false

  constructor(nats: NatsConnection, source: ReaderSource<A>, limits: Limits) {
    this.#nats = nats
    this.#source = source
    this.#limits = limits
    // A request must have room for the largest message, or it would never be delivered.
    this.#bytesMax = Math.max(limits.readerBytesMax, 4 * nats.payloadBytesMax())
    this.#stopListening = nats.onChange((connected) => (connected ? this.#start() : this.#disconnected()))
  }

  readonly opened: Effect.Effect<void, Unavailable> = Effect.callback((resume) => {
    this.#ready = () => resume(Effect.void)
    this.#waiter = () => resume(Effect.fail(this.#unavailable()))
    this.#lost("opening")
    this.#start()
  })

  readonly take: Effect.Effect<ReadonlyArray<A>, Unavailable> = Effect.callback((resume) => {
    if (this.#buffer.length > 0) return resume(Effect.succeed(this.#drain()))
    if (this.#failing) return resume(Effect.fail(this.#unavailable()))
    this.#waiter = resume
    return Effect.sync(() => {
      if (this.#waiter === resume) this.#waiter = undefined
    })
  })

  close(): void {
    this.#closed = true
    this.#stopListening()
    clearTimeout(this.#retry)
    clearTimeout(this.#giveUp)
    this.#consumer?.close()
  }

  #unavailable(): Unavailable {
    this.#failing = false
    return new Unavailable({ port: this.#source.port, detail: this.#reason })
  }

  #start(): void {
    if (this.#closed) return
    clearTimeout(this.#retry)
    this.#consumer?.close()
    const { stream, filter, start, read } = this.#source
    const resumed = this.#next === 0 ? start : { sequence: this.#next }
    const earliest = "sequence" in resumed ? resumed.sequence : 0
    this.#consumer = new Consumer(this.#nats, { stream, filter, start: resumed }, this.#limits, {
      ready: (pending) => this.#recovered(pending),
      message: (message, delivery) => {
        // A consumer that is told to start beyond the end of its replica begins too early.
        if (delivery.sequence < earliest) return
        this.#next = delivery.sequence + 1
        this.#bufferedBytes += message.data.length
        this.#buffer.push(read(message, delivery))
        this.#wake()
      },
      exhausted: () => this.#pull(),
      lost: (reason) => this.#lost(reason),
    })
  }

  #disconnected(): void {
    this.#consumer?.close()
    this.#lost("disconnected")
  }

  /** A request is for half of the buffer and is made when the other half is free. */
  #pull(): void {
    const { readerMessagesMax } = this.#limits
    if (this.#buffer.length * 2 > readerMessagesMax || this.#bufferedBytes * 2 > this.#bytesMax) return
    this.#consumer?.pull(Math.floor(readerMessagesMax / 2), Math.floor(this.#bytesMax / 2))
  }

  /** One wake-up for all that one read from the socket brings. */
  #wake(): void {
    if (this.#waiter === undefined || this.#wakeQueued) return
    this.#wakeQueued = true
    queueMicrotask(() => {
      this.#wakeQueued = false
      const waiter = this.#waiter
      if (waiter === undefined || this.#buffer.length === 0) return
      this.#waiter = undefined
      waiter(Effect.succeed(this.#drain()))
    })
  }

  #drain(): ReadonlyArray<A> {
    const taken = this.#buffer
    this.#buffer = []
    this.#bufferedBytes = 0
    this.#pull()
    return taken
  }

  #recovered(pending: number): void {
    this.#attempts = 0
    this.#failing = false
    clearTimeout(this.#giveUp)
    this.#giveUp = undefined
    if (this.#ready !== undefined) {
      this.backlog = pending
      this.#waiter = undefined
      this.#ready()
      this.#ready = undefined
    }
    this.#pull()
  }

  #lost(reason: string): void {
    if (this.#closed) return
    this.#reason = reason
    this.#giveUp ??= setTimeout(() => this.#fail(), this.#limits.readerRecoveryMs)
    const { retryDelayMinMs, retryDelayMaxMs } = this.#limits
    clearTimeout(this.#retry)
    this.#retry = setTimeout(
      () => this.#start(),
      Math.min(retryDelayMaxMs, retryDelayMinMs * 2 ** this.#attempts++),
    )
  }

  /** Tells whoever takes, now or later, once for every recovery time that has passed in vain. */
  #fail(): void {
    this.#giveUp = undefined
    const waiter = this.#waiter
    this.#waiter = undefined
    this.#failing = waiter === undefined
    waiter?.(Effect.fail(this.#unavailable()))
  }
}

/** Errors: `Unavailable` when it can not be opened within the recovery time. */
export const openReader = Effect.fnUntraced(function* <A>(
  nats: NatsConnection,
  source: ReaderSource<A>,
  limits: Limits,
): Effect.fn.Return<StreamReader<A>, Unavailable, Scope.Scope> {
  const reader = yield* Effect.acquireRelease(
    Effect.sync(() => new Reader(nats, source, limits)),
    (open) => Effect.sync(() => open.close()),
  )
  yield* reader.opened
  return reader
})
