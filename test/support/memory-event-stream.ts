/** The memory twin of an event stream. It outlives the nodes that use it, as a server would. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import {
  type EventFilter,
  type EventStart,
  type MetricStreamService,
  matchesFilter,
  type StoredEvent,
} from "../../streams/index.ts"

export interface MemoryEventStream extends MetricStreamService {
  /** Drops what is stored up to a sequence, as age would. */
  readonly dropThrough: (sequence: number) => void
}

export const makeMemoryEventStream = (now: () => number, lanes = 4): MemoryEventStream => {
  let events: Array<StoredEvent> = []
  let arrived = Latch.makeUnsafe()
  let last = 0
  const ids = new Map<string, number>()

  const store = (token: string, data: Uint8Array, id?: string): number => {
    const known = id === undefined ? undefined : ids.get(id)
    if (known !== undefined) return known
    last += 1
    if (id !== undefined) ids.set(id, last)
    events.push({ token, sequence: last, storedAt: now(), data, pending: 0 })
    const waiting = arrived
    arrived = Latch.makeUnsafe()
    waiting.openUnsafe()
    return last
  }

  const from = (filter: EventFilter, start: EventStart): ReadonlyArray<StoredEvent> =>
    events.filter(
      (event) =>
        matchesFilter(filter, event.token) &&
        ("sequence" in start ? event.sequence >= start.sequence : event.storedAt >= start.timeMs),
    )

  return {
    lanes,
    append: (token, data, id) => Effect.sync(() => store(token, data, id)),
    appendWith: (token, data, onPublished) => onPublished(undefined, store(token, data)),
    read: (filter, start, onEvent) => Effect.sync(() => from(filter, start).forEach(onEvent)),
    pages: (filter, start) =>
      Effect.sync(() => {
        const left = [from(filter, start)].filter(({ length }) => length > 0)
        return { take: Effect.sync(() => left.shift()) }
      }),
    tail: (filter, start) =>
      Effect.sync(() => {
        let next = "sequence" in start ? start : { timeMs: start.timeMs }
        const take: Effect.Effect<ReadonlyArray<StoredEvent>> = Effect.suspend(() => {
          const found = from(filter, next)
          const latest = found.at(-1)
          if (latest === undefined) return Effect.andThen(arrived.await, take)
          next = { sequence: latest.sequence + 1 }
          return Effect.succeed(found)
        })
        return { take }
      }),
    bounds: Effect.sync(() => ({ first: events[0]?.sequence ?? last + 1, last })),
    dropThrough: (sequence) => {
      events = events.filter((event) => event.sequence > sequence)
    },
  }
}
