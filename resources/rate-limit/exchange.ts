/** Advances a window's shared counter under compare-and-set until those who wait are answered or nothing is left. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { Conflict, type KeyValue, Unavailable } from "../../engine/index.ts"
import { blockOf, rateLimitBounds } from "./bounds.ts"
import type { Window } from "./window.ts"

/** `contended`: other nodes were faster every time, so nothing was taken. */
export type Exchanged = "taken" | "nothing-left" | "contended"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const answered = <A>(operation: Effect.Effect<A, Unavailable>) =>
  Effect.timeoutOrElse(operation, {
    duration: rateLimitBounds.answerMsMax,
    orElse: () =>
      Effect.fail(
        new Unavailable({
          port: "LimitCounters",
          detail: `no answer within ${rateLimitBounds.answerMsMax} ms`,
        }),
      ),
  })

const look = (store: KeyValue.KeyValueStore, window: Window) =>
  Effect.map(answered(store.getMany([window.key])), ([stored]) => {
    const count = stored === undefined ? 0 : Number(decoder.decode(stored.value))
    window.seen(Number.isSafeInteger(count) ? count : 0, stored?.revision ?? 0)
  })

const backOff = (round: number) =>
  Effect.flatMap(Random.next, (chance) =>
    Effect.sleep(chance * Math.min(rateLimitBounds.backoffMsMax, round)),
  )

/** Errors: `Unavailable` when the store did not answer; what it may have stored nevertheless is given to nobody. */
export const exchange = Effect.fnUntraced(function* (
  store: KeyValue.KeyValueStore,
  window: Window,
  onConflict: () => void,
): Effect.fn.Return<Exchanged, Unavailable> {
  for (let round = 1; round <= rateLimitBounds.roundsMax; round++) {
    if (window.left === 0) return "nothing-left"
    const { taken, count } = window.wanted(blockOf)
    const { alone } = window
    const value = encoder.encode(String(count))
    const [answer] = yield* answered(
      store.putMany([{ key: window.key, value, expectedRevision: window.revision }]),
    )
    if (!(answer instanceof Conflict)) {
      window.advanced(taken, count, alone, answer!)
      return "taken"
    }
    onConflict()
    if (round > 1) yield* backOff(round)
    yield* look(store, window)
  }
  return "contended"
})
