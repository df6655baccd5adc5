/** The memory twin of the signal bus. */
import * as Effect from "effect/Effect"
import type { SignalBus } from "../signals.ts"
import { type Interference, none } from "./interference.ts"

export class SignalStore {
  readonly handlers = new Map<string, Set<(data: Uint8Array) => void>>()

  publish(topic: string, data: Uint8Array): void {
    for (const handle of this.handlers.get(topic) ?? []) handle(data)
  }
}

export const makeSignals = (store: SignalStore, interference: Interference = none): SignalBus => ({
  publish: (topic, data) => interference.signal(() => store.publish(topic, data)),
  subscribe: (topic, handle) => {
    const heard = (data: Uint8Array) => interference.heard(() => handle(data))
    return Effect.acquireRelease(
      Effect.sync(() => {
        const handlers = store.handlers.get(topic) ?? new Set()
        store.handlers.set(topic, handlers)
        handlers.add(heard)
      }),
      () => Effect.sync(() => void store.handlers.get(topic)?.delete(heard)),
    )
  },
})
