/**
 * A stream of many subjects that old messages leave by age and size: metric samples and trace spans. Read by anyone,
 * any number of times, from a sequence or a time; nothing is acknowledged.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { LogFull, Unavailable } from "../engine/index.ts"
import type { Limits } from "./config.ts"
import type { NatsConnection } from "./connection.ts"
import type { ConsumerSource } from "./consumer.ts"
import { plain } from "./latest.ts"
import type { OnPublished } from "./publisher.ts"
import { openReader } from "./reader.ts"
import type { StreamSettings } from "./topology.ts"

export interface StoredEvent {
  /** The subject after the stream's prefix. */
  readonly token: string
  readonly sequence: number
  readonly storedAt: number
  readonly data: Uint8Array
  /** How many matching events were still to come when this one was read. */
  readonly pending: number
}

export type EventStart = ConsumerSource["start"]

export interface EventStreamService {
  /**
   * Stores one event under a token: one or more subject tokens joined by dots.
   * Gotcha: make tokens from free text with `encodeToken`.
   */
  readonly append: (token: string, data: Uint8Array) => Effect.Effect<number, Unavailable | LogFull>
  /** The same without an Effect per event. `onPublished` is called exactly once. */
  readonly appendWith: (token: string, data: Uint8Array, onPublished: OnPublished) => void
  /** Hands over what is stored now, in order, and ends. `filter` may hold the wildcards `*` and `>`. */
  readonly read: (
    filter: string,
    start: EventStart,
    onEvent: (event: StoredEvent) => void,
  ) => Effect.Effect<void, Unavailable>
  /** What is stored and then what arrives: takes whatever has gathered, in order, without gaps. */
  readonly tail: (
    filter: string,
    start: EventStart,
  ) => Effect.Effect<
    { readonly take: Effect.Effect<ReadonlyArray<StoredEvent>, Unavailable> },
    Unavailable,
    Scope.Scope
  >
}

export interface EventStreamOptions {
  readonly port: string
  readonly stream: StreamSettings
  readonly subject: (token: string) => string
  readonly limits: Limits
}

export const makeEventStream = (nats: NatsConnection, options: EventStreamOptions): EventStreamService => {
  const { port, stream, subject, limits } = options
  const prefixLength = subject("").length

  const appendWith: EventStreamService["appendWith"] = (token, data, onPublished) =>
    nats.publisher.publish(subject(token), data, undefined, onPublished)

  const append: EventStreamService["append"] = (token, data) =>
    Effect.mapError(nats.publisher.publishEffect(subject(token), data, undefined), (failure) => {
      const detail = "detail" in failure ? failure.detail : failure.kind
      return failure.kind === "full" ? new LogFull({ port, detail }) : new Unavailable({ port, detail })
    })

  const open = (filter: string, start: EventStart) =>
    openReader(
      nats,
      {
        port,
        stream: stream.name,
        filter: subject(filter),
        start,
        read: (message, { sequence, storedAt, pending }): StoredEvent => ({
          token: message.subject.slice(prefixLength),
          sequence,
          storedAt,
          data: plain(message.data),
          pending,
        }),
      },
      limits,
    )

  const read: EventStreamService["read"] = Effect.fnUntraced(function* (filter, start, onEvent) {
    const reader = yield* open(filter, start)
    let left = reader.backlog
    while (left > 0) {
      const events = yield* reader.take.pipe(
        // What was counted when it opened may have left by age since: then nothing comes.
        Effect.timeoutOrElse({ duration: limits.requestTimeoutMs, orElse: () => Effect.succeed([]) }),
      )
      for (const event of events.slice(0, left)) onEvent(event)
      const last = events.at(-1)
      if (last === undefined || last.pending === 0) return
      left -= events.length
    }
  }, Effect.scoped)

  return { append, appendWith, read, tail: open }
}
