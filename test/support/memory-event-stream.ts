/** The memory twin of an event stream. It outlives the nodes that use it, as a server would. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { EventStart, EventStreamService, StoredEvent } from "../../streams/index.ts"

const matches = (filter: string, token: string): boolean =>
  filter.endsWith(">") ? token.startsWith(filter.slice(0, -1)) : filter === token

/** Knows whole tokens, and filters that end with `>`. */
export const makeMemoryEventStream = (now: () => number): EventStreamService => {
  const events: Array<StoredEvent> = []
  let arrived = Latch.makeUnsafe()

  const store = (token: string, data: Uint8Array): number => {
    const sequence = events.length + 1
    events.push({ token, sequence, storedAt: now(), data, pending: 0 })
    const waiting = arrived
    arrived = Latch.makeUnsafe()
    waiting.openUnsafe()
    return sequence
  }

  const from = (filter: string, start: EventStart): ReadonlyArray<StoredEvent> =>
    events.filter(
      (event) =>
        matches(filter, event.token) &&
        ("sequence" in start ? event.sequence >= start.sequence : event.storedAt >= start.timeMs),
    )

  return {
    append: (token, data) => Effect.sync(() => store(token, data)),
    appendWith: (token, data, onPublished) => onPublished(undefined, store(token, data)),
    read: (filter, start, onEvent) => Effect.sync(() => from(filter, start).forEach(onEvent)),
    tail: (filter, start) =>
      Effect.sync(() => {
        let next = "sequence" in start ? start : { timeMs: start.timeMs }
        const take: Effect.Effect<ReadonlyArray<StoredEvent>> = Effect.suspend(() => {
          const found = from(filter, next)
          const last = found.at(-1)
          if (last === undefined) return Effect.andThen(arrived.await, take)
          next = { sequence: last.sequence + 1 }
          return Effect.succeed(found)
        })
        return { take }
      }),
  }
}
