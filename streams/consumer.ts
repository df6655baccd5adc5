/**
 * One ephemeral pull consumer without acknowledgements, from its creation to its loss. It reports every message in
 * stream order and, once, that it is lost; it never repairs itself: its owner makes another from the next sequence.
 */
import type { Msg, Subscription } from "@nats-io/transport-node"
import { createInbox } from "@nats-io/transport-node"
import { callApi, jsonBytes } from "./api.ts"
import type { Limits } from "./config.ts"
import type { NatsConnection } from "./connection.ts"
import { type Delivery, readDelivery } from "./delivery.ts"

export interface ConsumerSource {
  readonly stream: string
  /** Several need nats-server 2.10, and must not overlap. */
  readonly filter: string | ReadonlyArray<string>
  readonly start: { readonly sequence: number } | { readonly timeMs: number }
}

export interface ConsumerEvents {
  /** Nothing can be missed from now on. `pending`: what is stored already and still to come. */
  readonly ready: (pending: number) => void
  readonly message: (message: Msg, delivery: Delivery) => void
  /** The current request is exhausted: nothing more comes until `pull` is called. */
  readonly exhausted: () => void
  readonly lost: (reason: string) => void
}

const nanosecondsPerMs = 1_000_000
const pullExpiresMs = 30_000
/** Silence for this many heartbeats means that the consumer is gone. */
const heartbeatsMissedMax = 2.5

export class Consumer {
  readonly #nats: NatsConnection
  readonly #stream: string
  readonly #name = `r${crypto.randomUUID().replaceAll("-", "").slice(0, 22)}`
  readonly #inbox = createInbox()
  readonly #events: ConsumerEvents
  readonly #limits: Limits
  readonly #subscription: Subscription
  readonly #watch: NodeJS.Timeout
  #delivered = 0
  #remaining = 0
  #pulling = false
  #heardAt = performance.now()
  #closed = false

  constructor(nats: NatsConnection, source: ConsumerSource, limits: Limits, events: ConsumerEvents) {
    this.#nats = nats
    this.#stream = source.stream
    this.#limits = limits
    this.#events = events
    this.#subscription = nats.transport.subscribe(this.#inbox, {
      callback: (_, message) => this.#receive(message),
    })
    const silenceMs = limits.readerHeartbeatMs * heartbeatsMissedMax
    this.#watch = setInterval(() => {
      if (this.#pulling && performance.now() - this.#heardAt > silenceMs) this.#lose("no heartbeat")
    }, limits.readerHeartbeatMs)
    this.#create(source)
  }

  /** Asks for messages; at most one request is open, so that what arrives is bounded by it. */
  pull(messages: number, bytes: number): void {
    if (this.#closed || this.#pulling) return
    this.#pulling = true
    this.#remaining = messages
    this.#heardAt = performance.now()
    const request = {
      batch: messages,
      max_bytes: bytes,
      expires: pullExpiresMs * nanosecondsPerMs,
      idle_heartbeat: this.#limits.readerHeartbeatMs * nanosecondsPerMs,
    }
    try {
      this.#nats.transport.publish(
        `$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${this.#name}`,
        jsonBytes(request),
        { reply: this.#inbox },
      )
    } catch (cause) {
      this.#lose(String(cause))
    }
  }

  /** Deletes the consumer on the server where that is possible; else its inactivity does. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#watch)
    this.#subscription.unsubscribe()
    callApi(
      this.#nats.requests,
      `$JS.API.CONSUMER.DELETE.${this.#stream}.${this.#name}`,
      undefined,
      () => undefined,
    )
  }

  #create(source: ConsumerSource): void {
    const { start, filter } = source
    const filters = typeof filter === "string" ? [filter] : filter
    const body = {
      stream_name: source.stream,
      config: {
        name: this.#name,
        ack_policy: "none",
        replay_policy: "instant",
        ...(filters.length === 1 ? { filter_subject: filters[0] } : { filter_subjects: filters }),
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: this.#limits.readerInactiveMs * nanosecondsPerMs,
        ...("sequence" in start
          ? { deliver_policy: "by_start_sequence", opt_start_seq: Math.max(1, start.sequence) }
          : { deliver_policy: "by_start_time", opt_start_time: new Date(start.timeMs).toISOString() }),
      },
    }
    const place = filters.length === 1 ? `${this.#name}.${filters[0]}` : this.#name
    const subject = `$JS.API.CONSUMER.CREATE.${source.stream}.${place}`
    callApi<{ num_pending: number }>(this.#nats.requests, subject, body, (error, info) => {
      if (this.#closed) return
      if (error === undefined) this.#events.ready(info!.num_pending)
      else this.#lose(error.message)
    })
  }

  #receive(message: Msg): void {
    if (this.#closed) return
    this.#heardAt = performance.now()
    const reply = message.reply
    if (reply?.startsWith("$JS.ACK.")) this.#receiveMessage(message, readDelivery(reply))
    else this.#receiveStatus(message)
  }

  #receiveMessage(message: Msg, delivery: Delivery): void {
    if (delivery.consumerSequence === this.#delivered + 1) {
      this.#delivered++
      this.#remaining--
      this.#events.message(message, delivery)
      if (this.#remaining === 0) this.#exhaust()
    } else {
      this.#lose("a delivery is missing")
    }
  }

  #receiveStatus(message: Msg): void {
    const code = message.headers?.code ?? 0
    const description = message.headers?.description ?? ""
    // Newer servers confirm the end of a request that we counted to its end ourselves.
    if (code === 100 || description === "Batch Completed") return
    // Time-out of the request, or the next message does not fit into its bytes: both only end the request.
    if (code === 408 || (code === 409 && /maxbytes/i.test(description))) this.#exhaust()
    else this.#lose(`${code} ${description}`)
  }

  #exhaust(): void {
    this.#pulling = false
    this.#events.exhausted()
  }

  #lose(reason: string): void {
    if (this.#closed) return
    this.close()
    this.#events.lost(reason)
  }
}
