/**
 * The port to fast, lossy messages between live nodes: heartbeats, replies, hand-over hints.
 * Nothing that must survive may travel here: a signal may be lost, doubled or late.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface SignalBus {
  /** Hands a signal to whoever listens now. Never fails and never waits: a lost signal is allowed. */
  readonly publish: (topic: string, data: Uint8Array) => void
  /** Calls `handle` for each signal on a topic until the scope closes. */
  readonly subscribe: (
    topic: string,
    handle: (data: Uint8Array) => void,
  ) => Effect.Effect<void, never, Scope.Scope>
}

export class Signals extends Context.Service<Signals, SignalBus>()("millrace/engine/Signals") {}
