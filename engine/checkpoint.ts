/**
 * What a new owner needs to know about a partition without reading its whole journal: how far mailbox and journal were
 * worked through, who sent what so far, and which timers and activities are pending. Actors' states are snapshots of
 * their own. A checkpoint is written in parts, and becomes valid with its head, under compare-and-set.
 */
import { crc32 } from "node:zlib"
import * as Effect from "effect/Effect"
import type { Mark } from "./envelope.ts"
import { Conflict, CorruptRecord, type Unavailable } from "./errors.ts"
import type { KeyValueStore } from "./key-value.ts"
import type { ProgressSnapshot } from "./mailbox-progress.ts"

export interface Checkpoint {
  readonly journal: number
  readonly progress: ProgressSnapshot
  readonly marks: ReadonlyArray<readonly [source: string, mark: Mark]>
  readonly outbox: number
  readonly timers: ReadonlyArray<readonly [address: string, key: string, at: number]>
  readonly activities: ReadonlyArray<readonly [address: string, id: string]>
  /** Where the journal stood at earlier times, oldest first: what retention may drop. */
  readonly history: ReadonlyArray<readonly [sequence: number, at: number]>
}

export const empty: Checkpoint = {
  journal: 0,
  progress: { floor: 0, read: 0, pending: [] },
  marks: [],
  outbox: 0,
  timers: [],
  activities: [],
  history: [],
}

interface Head {
  readonly v: 1
  readonly owner: string
  readonly journal: number
  readonly parts: ReadonlyArray<string>
  readonly crc: number
}

export interface Loaded {
  readonly checkpoint: Checkpoint
  readonly head: Head
  readonly revision: number
}

/** Bytes of one part; a checkpoint with many timers has many parts. */
const partBytesMax = 512 * 1024
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const headKey = (partition: number): string => `checkpoint/${partition}/head`

const emptyHead = (owner: string): Head => ({ v: 1, owner, journal: 0, parts: [], crc: 0 })

const readHead = (data: Uint8Array): Head | undefined => {
  try {
    const head = JSON.parse(decoder.decode(data)) as Head
    return head.v === 1 && Array.isArray(head.parts) && typeof head.crc === "number" ? head : undefined
  } catch {
    return undefined
  }
}

/** Reads the valid checkpoint of a partition; the empty one when there is none. */
export const load = Effect.fnUntraced(function* (
  store: KeyValueStore,
  partition: number,
): Effect.fn.Return<Loaded, Unavailable | CorruptRecord> {
  for (;;) {
    const [stored] = yield* store.getMany([headKey(partition)])
    if (stored === undefined) return { checkpoint: empty, head: emptyHead(""), revision: 0 }
    const head = readHead(stored.value)
    if (head === undefined) {
      const detail = "the head of its checkpoint is damaged"
      return yield* new CorruptRecord({ partition, sequence: 0, detail })
    }
    if (head.parts.length === 0) return { checkpoint: empty, head, revision: stored.revision }
    const parts = yield* store.getMany(head.parts)
    if (parts.every((part) => part !== undefined)) {
      const body = Buffer.concat(parts.map((part) => part.value))
      if (crc32(body) === head.crc) {
        const checkpoint: Checkpoint = { ...empty, ...JSON.parse(decoder.decode(body)) }
        return { checkpoint, head, revision: stored.revision }
      }
    }
    // A former owner may just have replaced the head and dropped these parts: only an unchanged head is corrupt.
    const [again] = yield* store.getMany([headKey(partition)])
    if (again?.revision === stored.revision) {
      return yield* new CorruptRecord({
        partition,
        sequence: head.journal,
        detail: `the checkpoint at journal sequence ${head.journal} is incomplete or damaged`,
      })
    }
  }
})

/**
 * Takes the head for a new owner, so that a former one can neither save nor trim any more; answers what was there.
 */
export const claim = Effect.fnUntraced(function* (
  store: KeyValueStore,
  partition: number,
  owner: string,
): Effect.fn.Return<Loaded, Unavailable | CorruptRecord> {
  for (;;) {
    const loaded = yield* load(store, partition)
    const head = { ...loaded.head, owner }
    const [revision] = yield* store.putMany([
      {
        key: headKey(partition),
        value: encoder.encode(JSON.stringify(head)),
        expectedRevision: loaded.revision,
      },
    ])
    if (typeof revision === "number") return { ...loaded, head, revision }
  }
})

/** `serial` numbers the checkpoints of one owner. Writes a checkpoint and makes it valid; `Conflict` when somebody else has claimed the partition since. */
export const save = Effect.fnUntraced(function* (
  store: KeyValueStore,
  partition: number,
  previous: Loaded,
  checkpoint: Checkpoint,
  owner: string,
  serial: number,
): Effect.fn.Return<Loaded, Unavailable | Conflict> {
  const body = encoder.encode(JSON.stringify(checkpoint))
  const parts: Array<{
    readonly key: string
    readonly value: Uint8Array
    readonly expectedRevision: number
  }> = []
  for (let start = 0; start < body.length; start += partBytesMax) {
    parts.push({
      key: `checkpoint/${partition}/${owner}-${serial}-${parts.length}`,
      value: body.subarray(start, start + partBytesMax),
      expectedRevision: 0,
    })
  }
  // A conflict on a part means this very attempt already wrote it: its name is unique to owner and serial.
  yield* store.putMany(parts)
  const head: Head = {
    v: 1,
    owner,
    journal: checkpoint.journal,
    parts: parts.map(({ key }) => key),
    crc: crc32(body),
  }
  const [revision] = yield* store.putMany([
    {
      key: headKey(partition),
      value: encoder.encode(JSON.stringify(head)),
      expectedRevision: previous.revision,
    },
  ])
  if (typeof revision !== "number")
    return yield* revision ?? new Conflict({ port: "KeyValue", expected: previous.revision })
  yield* store.removeMany(previous.head.parts.filter((key) => !head.parts.includes(key)))
  return { checkpoint, head, revision }
})
