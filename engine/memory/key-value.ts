/** The memory twin of the key-value store. */
import { Conflict } from "../errors.ts"
import type { KeyValueStore, Stored } from "../key-value.ts"
import { type Interference, none } from "./interference.ts"
import { payloadBytesMax } from "./log.ts"

export class ValueStore {
  private revision = 0
  readonly values = new Map<string, Stored>()

  put(key: string, value: Uint8Array, expectedRevision: number): number | Conflict {
    // As a real server would refuse it for ever: nobody may come so far.
    if (value.length > payloadBytesMax) throw new Error(`${key} is larger than ${payloadBytesMax} bytes`)
    if ((this.values.get(key)?.revision ?? 0) !== expectedRevision) {
      return new Conflict({ port: "memory key-value", expected: expectedRevision })
    }
    const revision = ++this.revision
    this.values.set(key, { value, revision })
    return revision
  }
}

export const makeKeyValue = (store: ValueStore, interference: Interference = none): KeyValueStore => ({
  getMany: (keys) => interference.run("getMany", () => keys.map((key) => store.values.get(key))),
  putMany: (writes) =>
    interference.run("putMany", () =>
      writes.map(({ key, value, expectedRevision }) => store.put(key, value, expectedRevision)),
    ),
  removeMany: (keys) =>
    interference.run("removeMany", () => {
      for (const key of keys) store.values.delete(key)
    }),
})
