/**
 * The state of a lane and the sequence up to which it was evaluated, stored together: parts first, then the head that names
 * them, under compare-and-set. A head belongs to whoever claimed it last; whoever claimed it before can store nothing more.
 * A head also names the parts that are written next, so that those of an attempt that died are found and removed.
 */
import { crc32 } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { CorruptRecord, type KeyValue, type Unavailable } from "../../../engine/index.ts"

/** Of the bytes of a state. Raise it when older releases cannot read what this one writes. */
const format = 2
/** Bytes of one part; well below a server's max_payload. */
const partBytesMax = 448 * 1024
/** Parts that are checked or copied before others of this process get their turn: some milliseconds. */
const partsPerTurn = 8
/** Parts of an attempt that died are looked for beyond those of the last one that succeeded, up to this. */
const spareParts = 16

const Parts = Schema.Struct({ name: Schema.String, count: Schema.Int })
const Head = Schema.Struct({
  v: Schema.Literal(1),
  owner: Schema.String,
  sequence: Schema.Int,
  format: Schema.Int,
  parts: Parts,
  crc: Schema.Int,
  next: Schema.String,
})
type Head = typeof Head.Type

export interface Held {
  readonly head: Head
  readonly revision: number
}

export interface Claimed extends Held {
  /** Absent: nothing was stored yet. */
  readonly state?: Uint8Array
}

/** As many as an attempt after that of a head is thought to have written. */
const partsOfAttempt = ({ parts }: Head): number => 2 * parts.count + spareParts

const encoder = new TextEncoder()
const decodeHead = Schema.decodeUnknownOption(Schema.fromJsonString(Head))
const decoder = new TextDecoder()

const headKey = (lane: number): string => `lane/${lane}/head`
const partKeys = (lane: number, name: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, part) => `lane/${lane}/${name}-${part}`)

const partsOf = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / partBytesMax) }, (_, part) =>
    bytes.subarray(part * partBytesMax, (part + 1) * partBytesMax),
  )

/** Gives each part to `take`, and others of this process their turns between them. */
const forParts = Effect.fnUntraced(function* (
  parts: ReadonlyArray<Uint8Array>,
  take: (part: Uint8Array) => void,
) {
  for (const [index, part] of parts.entries()) {
    take(part)
    if (index % partsPerTurn === partsPerTurn - 1) yield* Effect.yieldNow
  }
})

const checksum = Effect.fnUntraced(function* (parts: ReadonlyArray<Uint8Array>) {
  let crc = 0
  yield* forParts(parts, (part) => {
    crc = crc32(part, crc)
  })
  return crc
})

const joined = Effect.fnUntraced(function* (parts: ReadonlyArray<Uint8Array>) {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  yield* forParts(parts, (part) => {
    all.set(part, at)
    at += part.length
  })
  return all
})

const corrupt = (lane: number, sequence: number, what: string) =>
  new CorruptRecord({ partition: lane, sequence, detail: `the checkpoint of lane ${lane} ${what}` })

const readHead = ({ value }: KeyValue.Stored): Head | undefined =>
  Option.getOrUndefined(decodeHead(decoder.decode(value)))

const load = Effect.fnUntraced(function* (
  store: KeyValue.KeyValueStore,
  lane: number,
): Effect.fn.Return<Held | undefined, Unavailable | CorruptRecord> {
  const [stored] = yield* store.getMany([headKey(lane)])
  if (stored === undefined) return undefined
  const head = readHead(stored)
  if (head === undefined) return yield* corrupt(lane, 0, "has a damaged head")
  if (head.format > format)
    return yield* corrupt(
      lane,
      head.sequence,
      `has format ${head.format}, this release reads up to ${format}: run the release that wrote it`,
    )
  return { head, revision: stored.revision }
})

/** Answers the new revision; undefined when the head is not what it was. */
const put = Effect.fnUntraced(function* (
  store: KeyValue.KeyValueStore,
  lane: number,
  head: Head,
  expectedRevision: number,
): Effect.fn.Return<number | undefined, Unavailable> {
  const value = encoder.encode(JSON.stringify(head))
  const [revision] = yield* store.putMany([{ key: headKey(lane), value, expectedRevision }])
  return typeof revision === "number" ? revision : undefined
})

const empty: Head = {
  v: 1,
  owner: "",
  sequence: 0,
  format,
  parts: { name: "", count: 0 },
  crc: 0,
  next: "",
}

/** Takes the head for a new owner, and what is stored with it. From here on a former owner fails. */
export const claim = Effect.fnUntraced(function* (
  store: KeyValue.KeyValueStore,
  lane: number,
  owner: string,
): Effect.fn.Return<Claimed, Unavailable | CorruptRecord> {
  for (;;) {
    const before = yield* load(store, lane)
    const last = before?.head ?? empty
    const head = { ...last, owner, next: `${owner}-1` }
    const revision = yield* put(store, lane, head, before?.revision ?? 0)
    if (revision === undefined) continue
    // Of its own names none is removed that it has yet to write under: a removal may come true late.
    if (last.next !== "" && last.owner !== owner)
      yield* store.removeMany(partKeys(lane, last.next, partsOfAttempt(last)))
    if (last.parts.count === 0) return { head, revision }
    // Nobody else can replace the parts any more.
    const stored = yield* store.getMany(partKeys(lane, last.parts.name, last.parts.count))
    const parts = stored.map((part) => part?.value ?? new Uint8Array(0))
    if ((yield* checksum(parts)) !== last.crc)
      return yield* corrupt(lane, last.sequence, "is incomplete or damaged")
    return { head, revision, state: yield* joined(parts) }
  }
})

/** Up to where a lane was evaluated; undefined when nothing is stored, or its head is damaged. */
export const reached = Effect.fnUntraced(function* (store: KeyValue.KeyValueStore, lane: number) {
  const [stored] = yield* store.getMany([headKey(lane)])
  return stored === undefined ? undefined : readHead(stored)?.sequence
})

/**
 * Throws away what is stored of a lane, whoever has it and whether or not it can be read. Its next owner begins behind
 * `sequence`, without rules; the one before can store nothing more. Gotcha: parts that a damaged head named stay.
 */
export const discard = Effect.fnUntraced(function* (
  store: KeyValue.KeyValueStore,
  lane: number,
  owner: string,
  sequence: number,
): Effect.fn.Return<void, Unavailable> {
  for (;;) {
    const [stored] = yield* store.getMany([headKey(lane)])
    const before = stored === undefined ? undefined : readHead(stored)
    const { next = "" } = before ?? {}
    const revision = yield* put(store, lane, { ...empty, owner, sequence, next }, stored?.revision ?? 0)
    if (revision === undefined) continue
    if (before === undefined) return
    const { name, count } = before.parts
    const written = next === "" ? [] : partKeys(lane, next, partsOfAttempt(before))
    return yield* store.removeMany([...partKeys(lane, name, count), ...written])
  }
})

/** Attempts of the owner since the last that succeeded, as far as it knows, and before this one. */
const abandonedBy = ({ owner, next }: Head, serial: number): ReadonlyArray<string> => {
  const first = Number(next.slice(owner.length + 1))
  return Array.from({ length: Math.max(0, serial - first) }, (_, index) => `${owner}-${first + index}`)
}

/**
 * Stores a state of the owner's, given in pieces. `serial` counts its attempts from 1. Answers what is held now, or undefined when the lane
 * belongs to somebody else. Errors: after `Unavailable` nobody knows; the next attempt finds out.
 */
export const save = Effect.fnUntraced(function* (
  store: KeyValue.KeyValueStore,
  lane: number,
  held: Held,
  sequence: number,
  state: ReadonlyArray<Uint8Array>,
  serial: number,
): Effect.fn.Return<Held | undefined, Unavailable | CorruptRecord> {
  const { owner } = held.head
  const [name, next] = [`${owner}-${serial}`, `${owner}-${serial + 1}`]
  const parts = state.flatMap(partsOf)
  const writes = partKeys(lane, name, parts.length).map((key, part) => ({
    key,
    value: parts[part]!,
    expectedRevision: 0,
  }))
  // A conflict on a part means that this very attempt wrote it: its name is unique to owner and serial.
  yield* store.putMany(writes)
  const crc = yield* checksum(parts)
  const head: Head = { v: 1, owner, sequence, format, parts: { name, count: parts.length }, crc, next }
  const revision = yield* put(store, lane, head, held.revision)
  const abandoned = abandonedBy(held.head, serial).flatMap((one) =>
    partKeys(lane, one, partsOfAttempt(held.head)),
  )
  const before = partKeys(lane, held.head.parts.name, held.head.parts.count)
  if (revision !== undefined) {
    yield* store.removeMany([...before, ...abandoned])
    return { head, revision }
  }
  // Of ours, after an unclear outcome: what stands there is either this attempt's or one's before.
  const found = yield* load(store, lane)
  if (found?.head.owner !== owner) return undefined
  if (found.head.parts.name !== held.head.parts.name) {
    const stored = new Set(partKeys(lane, found.head.parts.name, found.head.parts.count))
    const others = [...before, ...abandoned, ...writes.map(({ key }) => key)]
    yield* store.removeMany(others.filter((key) => !stored.has(key)))
  }
  return found
})
