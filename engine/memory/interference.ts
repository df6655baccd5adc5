/**
 * How an operation on a memory store reaches it. Plain: at once. Under simulation: late, twice, not at all, or with its
 * answer lost — the things that a network and a dying process do.
 */
import * as Effect from "effect/Effect"
import type { Unavailable } from "../errors.ts"

export interface Interference {
  /** Carries out `apply` on the store, perhaps twice. */
  readonly run: <A>(operation: string, apply: () => A) => Effect.Effect<A, Unavailable>
  /** Hands a signal on: now, later, twice or never. */
  readonly signal: (deliver: () => void) => void
  /** Hands an arrived signal to its listener, which may be stopped or dead. */
  readonly heard: (deliver: () => void) => void
}

export const none: Interference = {
  run: (_operation, apply) => Effect.sync(apply),
  signal: (deliver) => deliver(),
  heard: (deliver) => deliver(),
}
