/**
 * Percentiles of values that come and go: exact for a few values; beyond, counts of values in buckets whose bounds grow
 * by a constant factor, so that an answer is at most `relativeError` away from the value of that rank.
 * Source: Masson, Rim, Lee, DDSketch, VLDB 2019.
 */
import type { ByteReader, ByteWriter } from "../bytes.ts"

export const relativeError = 0.01
/** Up to so many values are kept as they are. */
export const exactValuesMax = 32
/** Of one sign. Beyond, those nearest to 0 are put together: 2,048 span 17 decimal powers. */
export const bucketsMax = 2_048
/** The same, where a rule has no room for more: 64 span half a decimal power. Those that are there already stay. */
export const scarceBuckets = 64

const spareBuckets = 8
const growth = (1 + relativeError) / (1 - relativeError)
const logGrowth = Math.log(growth)
/** Nearer to 0 than this is 0. */
const leastMagnitude = 1e-300

const bucketOf = (magnitude: number): number => Math.ceil(Math.log(magnitude) / logGrowth)
/** Equally far, in proportion, from both bounds of the bucket. */
const valueOf = (bucket: number): number => Math.min(Number.MAX_VALUE, growth ** bucket * (2 / (growth + 1)))

/** Counts of the values of one sign, by bucket of their magnitude. */
class Buckets {
  counts: Uint32Array = new Uint32Array(0)
  /** The bucket that `counts[0]` is of. */
  lowest = 0
  /** Buckets below were put into this one. */
  floor = Number.NEGATIVE_INFINITY
  total = 0

  change(bucket: number, by: number, hasRoom = true): void {
    const place = Math.max(bucket, this.floor)
    if (this.total === 0 && by > 0) this.lowest = place
    if (place < this.lowest || place >= this.lowest + this.counts.length)
      this.stretch(place, hasRoom ? bucketsMax : Math.max(scarceBuckets, this.counts.length))
    // It may just have become one of the lowest that were put together.
    this.counts[Math.max(place, this.floor) - this.lowest]! += by
    this.total += by
    if (this.total === 0) this.floor = Number.NEGATIVE_INFINITY
  }

  /** Makes room for `place` and some around it. Buckets that are too many at the low end go into the lowest that stays. */
  private stretch(place: number, most: number): void {
    const [oldLowest, old] = [this.lowest, this.counts]
    let [from, to] = [0, old.length - 1]
    while (from <= to && old[from] === 0) from += 1
    while (to >= from && old[to] === 0) to -= 1
    const isEmpty = from > to
    const lowest = isEmpty ? place : Math.min(oldLowest + from, place) - spareBuckets
    const highest = isEmpty ? place : Math.max(oldLowest + to, place) + spareBuckets
    const length = Math.min(most, highest - lowest + 1)
    this.lowest = Math.max(lowest, highest - most + 1)
    if (this.lowest > lowest) this.floor = this.lowest
    this.counts = new Uint32Array(length)
    for (let index = from; index <= to; index++) {
      const count = old[index]!
      if (count > 0) this.counts[Math.max(0, oldLowest + index - this.lowest)]! += count
    }
  }

  /** The bucket of the value with so many nearer to 0. */
  bucketAt(rank: number): number {
    let before = 0
    for (let index = 0; index < this.counts.length; index++) {
      before += this.counts[index]!
      if (before > rank) return this.lowest + index
    }
    return this.lowest + this.counts.length - 1
  }

  merge(other: Buckets): void {
    for (let index = 0; index < other.counts.length; index++) {
      const count = other.counts[index]!
      if (count > 0) this.change(other.lowest + index, count)
    }
  }

  encode(writer: ByteWriter): void {
    writer.count(this.counts.length)
    writer.number(this.lowest)
    writer.number(this.floor)
    writer.count(this.total)
    for (const count of this.counts) writer.count(count)
  }

  static decode(reader: ByteReader): Buckets {
    const buckets = new Buckets()
    buckets.counts = new Uint32Array(reader.count())
    buckets.lowest = reader.number()
    buckets.floor = reader.number()
    buckets.total = reader.count()
    for (let index = 0; index < buckets.counts.length; index++) buckets.counts[index] = reader.count()
    return buckets
  }
}

export class Quantiles {
  private count = 0
  private exact: Array<number> | undefined = []
  private zeros = 0
  private readonly positive: { of: Buckets | undefined } = { of: undefined }
  private readonly negative: { of: Buckets | undefined } = { of: undefined }

  private change(value: number, by: number, hasRoom = true): void {
    const magnitude = Math.abs(value)
    if (magnitude < leastMagnitude) this.zeros += by
    else {
      const side = value > 0 ? this.positive : this.negative
      side.of ??= new Buckets()
      side.of.change(bucketOf(magnitude), by, hasRoom)
    }
  }

  add(value: number, hasRoom = true): void {
    this.count += 1
    if (this.exact === undefined) this.change(value, 1, hasRoom)
    else this.exact.push(value)
    if (this.exact !== undefined && this.count > exactValuesMax) this.toBuckets(hasRoom)
  }

  private toBuckets(hasRoom = true): void {
    const values = this.exact ?? []
    this.exact = undefined
    for (const value of values) this.change(value, 1, hasRoom)
  }

  /** Takes back what was added. */
  remove(value: number): void {
    this.count -= 1
    if (this.exact !== undefined) {
      const last = this.exact.pop()!
      const place = this.exact.indexOf(value)
      if (place >= 0) this.exact[place] = last
      return
    }
    this.change(value, -1)
    if (this.count === 0) this.clear()
  }

  clear(): void {
    this.count = 0
    this.exact = []
    this.zeros = 0
    this.positive.of = undefined
    this.negative.of = undefined
  }

  merge(other: Quantiles): void {
    if (other.exact !== undefined) {
      for (const value of other.exact) this.add(value)
      return
    }
    if (this.exact !== undefined) this.toBuckets()
    this.count += other.count
    this.zeros += other.zeros
    for (const [ours, theirs] of [
      [this.positive, other.positive],
      [this.negative, other.negative],
    ] as const) {
      if (theirs.of === undefined) continue
      ours.of ??= new Buckets()
      ours.of.merge(theirs.of)
    }
  }

  /** Of the values in order the one at `quantile` × (count − 1), rounded down; NaN of none. */
  at(quantile: number): number {
    if (this.count === 0) return Number.NaN
    const rank = Math.floor(quantile * (this.count - 1))
    if (this.exact !== undefined) return this.exact.toSorted((one, other) => one - other)[rank]!
    const below = this.negative.of?.total ?? 0
    if (rank < below) return -valueOf(this.negative.of!.bucketAt(below - 1 - rank))
    if (rank < below + this.zeros) return 0
    return valueOf(this.positive.of!.bucketAt(rank - below - this.zeros))
  }

  bytes(): number {
    const buckets = (side: { of: Buckets | undefined }) =>
      24 + (side.of === undefined ? 0 : 250 + side.of.counts.byteLength)
    return (
      72 +
      (this.exact === undefined ? 0 : 32 + 8 * this.exact.length) +
      buckets(this.positive) +
      buckets(this.negative)
    )
  }

  encode(writer: ByteWriter): void {
    writer.byte(this.exact === undefined ? 1 : 0)
    writer.count(this.count)
    if (this.exact !== undefined) {
      for (const value of this.exact) writer.number(value)
      return
    }
    writer.count(this.zeros)
    for (const { of } of [this.positive, this.negative]) {
      writer.byte(of === undefined ? 0 : 1)
      of?.encode(writer)
    }
  }

  static decode(reader: ByteReader): Quantiles {
    const quantiles = new Quantiles()
    const isExact = reader.byte() === 0
    quantiles.count = reader.count()
    if (isExact) {
      quantiles.exact = Array.from({ length: quantiles.count }, () => reader.number())
      return quantiles
    }
    quantiles.exact = undefined
    quantiles.zeros = reader.count()
    for (const side of [quantiles.positive, quantiles.negative])
      if (reader.byte() === 1) side.of = Buckets.decode(reader)
    return quantiles
  }
}
