/** What is stored of an actor beside its journal, for who looks at it without its kind. */
import * as Effect from "effect/Effect"
import type { Unavailable } from "./errors.ts"
import type { KeyValueStore } from "./key-value.ts"
import * as LargeSnapshot from "./large-snapshot.ts"
import { snapshotKey } from "./snapshots.ts"

const decoder = new TextDecoder()

/** As it was written, not lifted. Undefined when there is no snapshot, or nobody can read it. */
export const storedState = Effect.fnUntraced(function* (
  store: KeyValueStore,
  actor: string,
): Effect.fn.Return<unknown, Unavailable> {
  const [stored] = yield* store.getMany([snapshotKey(actor)])
  if (stored === undefined) return undefined
  const { value } = yield* LargeSnapshot.join(store, snapshotKey(actor), stored)
  try {
    return (JSON.parse(decoder.decode(value)) as { readonly state?: unknown }).state
  } catch {
    return undefined
  }
})
