/**
 * A stream of many subjects that old messages leave by age and size: metric samples and trace spans. Read by anyone,
 * any number of times, from a sequence or a time; nothing is acknowledged.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { LogFull, Unavailable } from "../engine/index.ts"
import { call } from "./api.ts"
import type { Limits } from "./config.ts"
import type { NatsConnection } from "./connection.ts"
import type { ConsumerSource } from "./consumer.ts"
import { headerBlock, messageId } from "./headers.ts"
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
  readonly append: (
    token: string,
    data: Uint8Array,
    /** The same id again within the deduplication window is not stored again. A convenience, no guarantee. */
    id?: string,
  ) => Effect.Effect<number, Unavailable | LogFull>
  /** The same without an Effect per event. `onPublished` is called exactly once. */
  readonly appendWith: (token: string, data: Uint8Array, onPublished: OnPublished) => void
  /**
   * Hands over what is stored now, in order, and ends. A filter may hold the wildcards `*` and `>`; what matches any of
   * several comes in the one order of the stream. They must not overlap.
   */
  readonly read: (
    filter: EventFilter,
    start: EventStart,
    onEvent: (event: StoredEvent) => void,
  ) => Effect.Effect<void, Unavailable>
  /** The same, taken page by page. */
  readonly pages: (
    filter: EventFilter,
    start: EventStart,
  ) => Effect.Effect<EventPages, Unavailable, Scope.Scope>
  /** What is stored and then what arrives: takes whatever has gathered, in order, without gaps. */
  readonly tail: (
    filter: EventFilter,
    start: EventStart,
  ) => Effect.Effect<EventTail, Unavailable, Scope.Scope>
  /** Sequences of the oldest event that is kept, of whatever token, and of the newest. An empty stream's `first` is the next one. */
  readonly bounds: Effect.Effect<{ readonly first: number; readonly last: number }, Unavailable>
}

export type EventFilter = string | ReadonlyArray<string>

export interface EventPages {
  /** What has gathered, at least one; undefined at the end, and not to be asked again after that. */
  readonly take: Effect.Effect<ReadonlyArray<StoredEvent> | undefined, Unavailable>
}

export interface EventTail {
  readonly take: Effect.Effect<ReadonlyArray<StoredEvent>, Unavailable>
}

export interface EventStreamOptions {
  readonly port: string
  readonly stream: StreamSettings
  readonly subject: (token: string) => string
  readonly limits: Limits
}

/** Whether a token matches a filter, or one of several, as the server would say. */
export const matchesFilter = (filter: EventFilter, token: string): boolean => {
  if (typeof filter !== "string") return filter.some((one) => matchesFilter(one, token))
  const [wanted, given] = [filter.split("."), token.split(".")]
  for (const [index, part] of wanted.entries()) {
    if (part === ">") return given.length > index
    if (given[index] === undefined || (part !== "*" && part !== given[index])) return false
  }
  return wanted.length === given.length
}

export const makeEventStream = (nats: NatsConnection, options: EventStreamOptions): EventStreamService => {
  const { port, stream, subject, limits } = options
  const prefixLength = subject("").length
  const filterSubjects = (filter: EventFilter) =>
    typeof filter === "string" ? subject(filter) : filter.map(subject)

  const appendWith: EventStreamService["appendWith"] = (token, data, onPublished) =>
    nats.publisher.publish(subject(token), data, undefined, onPublished)

  const append: EventStreamService["append"] = (token, data, id) => {
    const headers = id === undefined ? undefined : headerBlock(messageId(id))
    return Effect.mapError(nats.publisher.publishEffect(subject(token), data, headers), (failure) => {
      const detail = "detail" in failure ? failure.detail : failure.kind
      if (failure.kind !== "full") return new Unavailable({ port, detail })
      return new LogFull({ port, detail, ...(failure.tooLarge === true ? { tooLarge: true } : {}) })
    })
  }

  /** An old server's consumer has one filter: it sends everything, and what is not meant is left out here. */
  const leavesOut = (filter: EventFilter) => typeof filter !== "string" && !nats.capabilities.severalFilters
  const chosen = (filter: EventFilter, events: ReadonlyArray<StoredEvent>) =>
    leavesOut(filter) ? events.filter(({ token }) => matchesFilter(filter, token)) : events

  const open = (filter: EventFilter, start: EventStart) =>
    openReader(
      nats,
      {
        port,
        stream: stream.name,
        filter: leavesOut(filter) ? subject(">") : filterSubjects(filter),
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

  /** Nothing came: what was counted may have left by age since, or the server is silent, which is not the end. */
  const nothingFrom = (filter: EventFilter, start: EventStart) =>
    Effect.flatMap(Effect.scoped(open(filter, start)), ({ backlog }) =>
      backlog === 0
        ? Effect.succeed([])
        : Effect.fail(new Unavailable({ port, detail: `${backlog} messages that are stored do not come` })),
    )

  const pages: EventStreamService["pages"] = (filter, start) =>
    Effect.map(open(filter, start), (reader) => {
      let left = reader.backlog
      let from = start
      const take: EventPages["take"] = Effect.suspend(() => {
        if (left <= 0) return Effect.succeed(undefined)
        const taken = reader.take.pipe(
          Effect.timeoutOrElse({
            duration: limits.requestTimeoutMs,
            orElse: () => nothingFrom(filter, from),
          }),
        )
        return Effect.flatMap(taken, (events) => {
          const last = events.at(-1)
          if (last !== undefined) from = { sequence: last.sequence + 1 }
          const page = chosen(filter, events.slice(0, left))
          left = (last?.pending ?? 0) === 0 ? 0 : left - events.length
          return page.length > 0 ? Effect.succeed(page) : take
        })
      })
      return { take }
    })

  const read: EventStreamService["read"] = Effect.fnUntraced(function* (filter, start, onEvent) {
    const { take } = yield* pages(filter, start)
    for (let page = yield* take; page !== undefined; page = yield* take) page.forEach(onEvent)
  }, Effect.scoped)

  const tail: EventStreamService["tail"] = (filter, start) =>
    Effect.map(open(filter, start), (reader) => {
      if (!leavesOut(filter)) return reader
      const take: EventTail["take"] = Effect.flatMap(reader.take, (events) => {
        const left = chosen(filter, events)
        return left.length > 0 ? Effect.succeed(left) : take
      })
      return { take }
    })

  const bounds: EventStreamService["bounds"] = call<{
    readonly state: { readonly first_seq: number; readonly last_seq: number }
  }>(nats.requests, `$JS.API.STREAM.INFO.${stream.name}`).pipe(
    Effect.map(({ state }) => ({ first: state.first_seq, last: state.last_seq })),
    Effect.mapError(({ detail }) => new Unavailable({ port, detail })),
  )

  return { append, appendWith, pages, read, tail, bounds }
}
