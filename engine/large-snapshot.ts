/**
 * A snapshot that is larger than one message: its parts lie under keys of their own, and what stands under the actor's
 * key names them. Parts are written before and dropped after the head changes, so a head always has its parts.
 */
import { crc32 } from "node:zlib"
import * as Effect from "effect/Effect"
import type { Unavailable } from "./errors.ts"
import type { KeyValueStore, Stored, Write } from "./key-value.ts"

/** Bytes of one part, and of the largest snapshot that is stored whole; well below a server's max_payload. */
export const partBytesMax = 448 * 1024

interface Head {
  readonly v: 1
  readonly parts: ReadonlyArray<string>
  readonly sequence: number
  readonly crc: number
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const headStart = '{"v":1,"parts":'

const headOf = (value: Uint8Array): Head | undefined =>
  decoder.decode(value.subarray(0, headStart.length)) === headStart
    ? (JSON.parse(decoder.decode(value)) as Head)
    : undefined

/** Keys of the parts that a stored value names. */
export const partsOf = (value: Uint8Array): ReadonlyArray<string> => headOf(value)?.parts ?? []

/** What is to be written for a snapshot, and the keys of its parts. `name` is unique to this attempt. */
export const split = (
  value: Uint8Array,
  sequence: number,
  name: string,
): { readonly head: Uint8Array; readonly parts: ReadonlyArray<Write> } => {
  if (value.length <= partBytesMax) return { head: value, parts: [] }
  const parts: Array<Write> = []
  for (let start = 0; start < value.length; start += partBytesMax) {
    const key = `snapshot-part/${name}/${parts.length}`
    parts.push({ key, value: value.subarray(start, start + partBytesMax), expectedRevision: 0 })
  }
  const head: Head = { v: 1, parts: parts.map(({ key }) => key), sequence, crc: crc32(value) }
  return { head: encoder.encode(JSON.stringify(head)), parts }
}

export interface Whole extends Stored {
  readonly parts: ReadonlyArray<string>
}

/** Puts a stored snapshot together; one whose parts are damaged comes as bytes that nobody can read. */
export const join = Effect.fnUntraced(function* (
  store: KeyValueStore,
  key: string,
  first: Stored,
): Effect.fn.Return<Whole, Unavailable> {
  let stored = first
  for (;;) {
    const head = headOf(stored.value)
    if (head === undefined) return { ...stored, parts: [] }
    const parts = yield* store.getMany(head.parts)
    if (parts.every((part) => part !== undefined)) {
      const value = Buffer.concat(parts.map((part) => part.value))
      if (crc32(value) === head.crc) return { value, revision: stored.revision, parts: head.parts }
    }
    // A later owner may just have replaced it: only an unchanged head is damaged.
    const [again] = yield* store.getMany([key])
    if (again === undefined || again.revision === stored.revision) {
      return { value: new Uint8Array(0), revision: stored.revision, parts: head.parts }
    }
    stored = again
  }
})
