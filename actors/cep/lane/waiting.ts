/** Questions that a node asked others: each has a place by its id, where answers find it, and gives it up however its wait ends. */
import * as Effect from "effect/Effect"

export const whileWaiting = <Place, A>(
  places: Map<string, Place>,
  id: string,
  place: Place,
  wait: Effect.Effect<A>,
): Effect.Effect<A> =>
  Effect.acquireUseRelease(
    Effect.sync(() => places.set(id, place)),
    () => wait,
    // Whoever asks may be gone before an answer comes.
    () => Effect.sync(() => places.delete(id)),
  )
