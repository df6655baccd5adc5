/**
 * Folds events, each once: a decision folds what it decides to see what follows from it, and the engine folds the same
 * events into the same state right after.
 */
import { evolve as evolveAnew } from "./evolve.ts"
import type { Event, State } from "./state.ts"

type Evolve = typeof evolveAnew

/** What a state became last. As long as the state itself is there. */
const known = new WeakMap<State, { readonly event: Event; readonly after: State }>()

const once = (state: State, event: Event): State => {
  const last = known.get(state)
  if (last?.event === event) return last.after
  const after = evolveAnew[event._tag](state, event as never)
  known.set(state, { event, after })
  return after
}

export const evolve = Object.fromEntries(
  Object.keys(evolveAnew).map((tag) => [tag, once]),
) as unknown as Evolve

export const fold = (state: State, added: ReadonlyArray<Event>): State => added.reduce(once, state)
