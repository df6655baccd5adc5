/**
 * The partial matches of one group and the items that they hold. Items hang in chains that lead back to the first item
 * of a match; partial matches with the same beginning share it, and what nobody needs any more is let go by counting
 * references. That is what Flink's versioned buffer is for; with one chain per partial match no versions are needed.
 *
 * Partial matches stand in buckets by position and open edges, so that an item touches only those that it can move, and
 * in a list by their first item, oldest first, so that expiry and skipping touch only those that end.
 */
import type { Item } from "../item.ts"

export interface Entry {
  readonly item: Item
  /** Its number among all items that were offered: the order, also among equal times. */
  readonly index: number
  readonly bytes: number
  references: number
}

/** An item that was taken, and what was taken before it. */
export interface Taken {
  readonly entry: Entry
  readonly position: number
  readonly alternative: number
  readonly before: Taken | undefined
  /** Items of the chain that ends here. */
  readonly length: number
  references: number
  /** Its items were shown to a condition, which cost steps, and nothing was taken after it since. */
  isShown: boolean
  /** All items by stage as conditions see them, kept for the next item while nothing was taken after this one. */
  matched: { readonly [stage: string]: ReadonlyArray<Item> } | undefined
}

/** Partial matches with the same first item. */
export interface Start {
  readonly index: number
  readonly at: number
  readonly partials: Set<PartialMatch>
  older: Start | undefined
  newer: Start | undefined
}

export interface PartialMatch {
  readonly start: Start
  readonly position: number
  /** How often its position was taken in a row. */
  readonly count: number
  /** Of a group: its round. Of `all_of`: bits of the members that are there. */
  readonly rounds: number
  readonly last: Taken
  open: number
  /** It made a match: its end is nobody's loss. */
  done: boolean
  alive: boolean
  readonly serial: number
}

/** Of one group. The oldest partial match beyond it dies. */
export const partialMatchesMax = 1_000
/** Of one group, by the estimate below. The oldest partial matches beyond it die. */
export const patternBytesMax = 2 * 1024 * 1024

const partialBytes = 430
const takenBytes = 64
const itemBytes = 96

const textBytes = (record: Readonly<Record<string, unknown>>): number => {
  let bytes = 0
  for (const [name, value] of Object.entries(record)) {
    bytes += 16 + 2 * (name.length + (typeof value === "string" ? value.length : 4))
  }
  return bytes
}

/** About what an item holds. Labels of samples belong to their series. */
export const bytesOf = (item: Pick<Item, "isEvent" | "labels" | "attributes">): number =>
  itemBytes + (item.isEvent ? textBytes(item.labels) + textBytes(item.attributes) : 0)

const bucketKey = (position: number, open: number): number => position * 0x4000_0000 + open

export interface Bucket {
  readonly position: number
  readonly open: number
  readonly partials: Set<PartialMatch>
}

export class PartialMatches {
  readonly buckets = new Map<number, Bucket>()
  oldest: Start | undefined
  newest: Start | undefined
  size = 0
  bytes = 0
  serial = 0

  entry(item: Item, index: number): Entry {
    return { item, index, bytes: bytesOf(item), references: 0 }
  }

  take(entry: Entry, position: number, alternative: number, before: Taken | undefined): Taken {
    if (entry.references === 0) this.bytes += entry.bytes
    entry.references += 1
    if (before !== undefined) {
      before.references += 1
      before.isShown = false
      before.matched = undefined
    }
    this.bytes += takenBytes
    const length = before === undefined ? 1 : before.length + 1
    return {
      entry,
      position,
      alternative,
      before,
      length,
      references: 0,
      isShown: false,
      matched: undefined,
    }
  }

  hold(taken: Taken): void {
    taken.references += 1
  }

  release(taken: Taken): void {
    taken.references -= 1
    this.sweep(taken)
  }

  /** Lets go of what nobody holds. */
  sweep(taken: Taken): void {
    let unused: Taken | undefined = taken
    while (unused !== undefined && unused.references === 0) {
      this.bytes -= takenBytes
      unused.entry.references -= 1
      if (unused.entry.references === 0) this.bytes -= unused.entry.bytes
      unused = unused.before
      if (unused !== undefined) unused.references -= 1
    }
  }

  start(index: number, at: number): Start {
    return { index, at, partials: new Set(), older: undefined, newer: undefined }
  }

  add(partial: PartialMatch): void {
    this.list(partial)
    this.place(partial)
  }

  /** Half of `add`: among those of its first item, and counted. */
  list(partial: PartialMatch): void {
    const { start } = partial
    if (start.partials.size === 0) {
      start.older = this.newest
      if (this.newest === undefined) this.oldest = start
      else this.newest.newer = start
      this.newest = start
    }
    start.partials.add(partial)
    this.size += 1
    this.bytes += partialBytes
    this.hold(partial.last)
  }

  /** The other half: in its bucket. Both have an order of their own. */
  place(partial: PartialMatch): void {
    this.bucket(partial.position, partial.open).partials.add(partial)
  }

  move(partial: PartialMatch, open: number): void {
    this.leaveBucket(partial)
    partial.open = open
    this.bucket(partial.position, open).partials.add(partial)
  }

  remove(partial: PartialMatch): void {
    partial.alive = false
    this.leaveBucket(partial)
    const { start } = partial
    start.partials.delete(partial)
    if (start.partials.size === 0) this.unlink(start)
    this.size -= 1
    this.bytes -= partialBytes
    this.release(partial.last)
  }

  private unlink(start: Start): void {
    if (start.older === undefined) this.oldest = start.newer
    else start.older.newer = start.newer
    if (start.newer === undefined) this.newest = start.older
    else start.newer.older = start.older
    start.older = undefined
    start.newer = undefined
  }

  private bucket(position: number, open: number): Bucket {
    const key = bucketKey(position, open)
    const known = this.buckets.get(key)
    if (known !== undefined) return known
    const bucket = { position, open, partials: new Set<PartialMatch>() }
    this.buckets.set(key, bucket)
    return bucket
  }

  private leaveBucket(partial: PartialMatch): void {
    const key = bucketKey(partial.position, partial.open)
    const bucket = this.buckets.get(key)!
    bucket.partials.delete(partial)
    if (bucket.partials.size === 0) this.buckets.delete(key)
  }
}
