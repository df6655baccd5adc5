/** The port to durable values under compare-and-set: snapshots of actors and checkpoints of partitions. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Conflict, Unavailable } from "./errors.ts"

export interface Stored {
  readonly value: Uint8Array
  /** Opaque, grows with every change of the key; 0 stands for "no value". */
  readonly revision: number
}

export interface Write {
  readonly key: string
  readonly value: Uint8Array
  readonly expectedRevision: number
}

export interface KeyValueStore {
  /** Answers in the order of the keys; undefined where there is no value. Reflects every acknowledged put. */
  readonly getMany: (
    keys: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyArray<Stored | undefined>, Unavailable>
  /**
   * Writes each value if its key is still at the expected revision; answers the new revision or a `Conflict` per key.
   * Atomicity: per key, not across keys. Errors: after `Unavailable` any subset may have been written.
   */
  readonly putMany: (
    writes: ReadonlyArray<Write>,
  ) => Effect.Effect<ReadonlyArray<number | Conflict>, Unavailable>
  /** Removes the keys whatever their revision. Idempotent. */
  readonly removeMany: (keys: ReadonlyArray<string>) => Effect.Effect<void, Unavailable>
}

export class KeyValue extends Context.Service<KeyValue, KeyValueStore>()("millrace/engine/KeyValue") {}
