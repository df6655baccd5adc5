/**
 * The last samples of a group, by time or by count, and the functions over them at a constant cost for each item.
 * Samples stand in a ring; rows of `chunkSamples` neighbours are merged as a queue made of two stacks, so that nothing is
 * subtracted: those in front hold the merge of themselves and all behind them up to `flip`, those from there on are
 * merged in `back`. Oldest and newest chunk, which are not whole, have rows of their own.
 * Source: Tangwongsan, Hirzel, Schneider, Low-Latency Sliding-Window Aggregation in Worst-Case Constant Time, DEBS 2017.
 */
import type { ByteReader, ByteWriter } from "../bytes.ts"
import { DistinctCounts, distinctText } from "./distinct.ts"
import { writeResults } from "./merged-items.ts"
import { Quantiles } from "./quantiles.ts"
import { decodeSamples, encodeSamples } from "./sample-bytes.ts"
import type { SamplesPart, WindowState } from "./window-state.ts"

/** Of one window of one group. When it is full the oldest leaves early, and is counted. */
export const slidingSamplesMax = 100_000
/** A sliding window without new items is looked at again when its oldest item is so much too old: a part of its size. */
export const slidingSlackPart = 16

const chunkBits = 3
const chunkSamples = 1 << chunkBits
/** Numbers of samples begin again before they are too large for the processor's small integers. */
const sampleNumberMax = 2 ** 29
const initialCapacity = 4
/** An empty ring with more room than this is given back. */
const keptCapacity = 64
/** Rows before those of whole chunks: the oldest chunk, the merge of the back, the newest chunk. */
const [headRow, backRow, tailRow, ownRows] = [0, 1, 2, 3] as const

const chunkOf = (sample: number): number => sample >> chunkBits
const chunkRowsOf = (capacity: number): number => (capacity < 2 * chunkSamples ? 0 : capacity / chunkSamples)

export class SamplesWindow implements WindowState {
  due = Number.POSITIVE_INFINITY
  private readonly part: SamplesPart
  /** Time and value of each; its length is twice a power of two. */
  private ring = new Float64Array(2 * initialCapacity)
  /** One less than the samples it has room for, and than the rows of whole chunks. */
  private mask = initialCapacity - 1
  private rowMask = -1
  private rows: Float64Array
  /** Numbers of the oldest sample and of the one to come. */
  private first = 0
  private next = 0
  /** The first chunk that is not in front. */
  private flip = 1
  /** Items since the last result of a window by count. */
  private seen = 0
  private crowded = 0
  private texts: Array<string | undefined> | undefined
  private distinct: DistinctCounts | undefined
  private quantiles: Quantiles | undefined

  constructor(part: SamplesPart) {
    this.part = part
    this.rows = new Float64Array(ownRows * part.columns.width)
    if (part.needsTexts) {
      this.texts = []
      this.distinct = new DistinctCounts()
    }
    if (part.needsQuantiles) this.quantiles = new Quantiles()
    this.clear()
  }

  private clear(): void {
    const { columns } = this.part
    for (const row of [headRow, backRow, tailRow]) columns.clear(this.rows, row * columns.width)
    this.first = 0
    this.next = 0
    this.flip = 1
  }

  /** Where the row of a whole chunk is. */
  private rowOf(chunk: number): number {
    return (ownRows + (chunk & this.rowMask)) * this.part.columns.width
  }

  add(at: number, value: number, text: string | undefined, results: Float64Array): boolean {
    const { sizeMs, count, slide } = this.part
    const room = Math.min(count, slidingSamplesMax)
    if (this.next - this.first >= room) {
      if (count > slidingSamplesMax) this.crowded += 1
      this.leave(at - sizeMs, this.first + 1)
    } else this.leave(at - sizeMs, this.first)
    this.push(at, value, text)
    if (sizeMs !== Number.POSITIVE_INFINITY) this.due = this.dueOf()
    if (slide === 1) return false
    this.seen += 1
    if (this.seen < slide) return false
    this.seen = 0
    this.write(results)
    return true
  }

  private dueOf(): number {
    if (this.first === this.next) return Number.POSITIVE_INFINITY
    const { sizeMs } = this.part
    return this.ring[2 * (this.first & this.mask)]! + sizeMs + Math.ceil(sizeMs / slidingSlackPart)
  }

  private push(at: number, value: number, text: string | undefined): void {
    const { columns } = this.part
    if (this.next - this.first > this.mask) this.resize(2 * (this.mask + 1))
    if (this.next > sampleNumberMax) this.renumber()
    const sample = this.next
    const place = 2 * (sample & this.mask)
    this.ring[place] = at
    this.ring[place + 1] = value
    this.next += 1
    if (this.texts !== undefined) {
      const counted = distinctText(text, value)
      this.texts[sample & this.mask] = this.distinct!.add(counted) ? counted : undefined
    }
    if (this.quantiles !== undefined && !Number.isNaN(value)) this.quantiles.add(value)
    const oldest = chunkOf(this.first)
    const chunk = chunkOf(sample)
    if (chunk > oldest && sample % chunkSamples === 0) this.beginChunk(chunk, oldest)
    columns.add(this.rows, (chunk === oldest ? headRow : tailRow) * columns.width, at, value)
  }

  private beginChunk(chunk: number, oldest: number): void {
    const { columns } = this.part
    const tail = tailRow * columns.width
    if (chunk - 1 > oldest) {
      this.rows.copyWithin(this.rowOf(chunk - 1), tail, tail + columns.width)
      columns.merge(this.rows, backRow * columns.width, this.rows, tail)
    }
    columns.clear(this.rows, tail)
  }

  /** Lets samples leave that are not newer than `until`, and those before the number `least`. */
  private leave(until: number, least: number): void {
    const before = this.first
    const { ring, mask } = this
    let first = before
    while (first < this.next && (first < least || ring[2 * (first & mask)]! <= until)) {
      if (this.texts !== undefined) {
        const text = this.texts[first & mask]
        if (text !== undefined) this.distinct!.remove(text)
        this.texts[first & mask] = undefined
      }
      const value = ring[2 * (first & mask) + 1]!
      if (this.quantiles !== undefined && !Number.isNaN(value)) this.quantiles.remove(value)
      first += 1
    }
    if (first === before) return
    this.first = first
    if (first === this.next) {
      if (mask >= keptCapacity) this.resize(initialCapacity)
      this.clear()
    } else this.renewHead(chunkOf(before))
  }

  /** After samples have left, of which the first was in the chunk `before`. */
  private renewHead(before: number): void {
    const { columns } = this.part
    const oldest = chunkOf(this.first)
    const newest = chunkOf(this.next - 1)
    if (oldest !== before) {
      if (oldest === newest) {
        columns.clear(this.rows, backRow * columns.width)
        this.flip = newest + 1
      } else if (oldest >= this.flip) this.turn(oldest + 1, newest)
    }
    const [head, end] = [headRow * columns.width, Math.min(this.next, (oldest + 1) * chunkSamples)]
    columns.clear(this.rows, head)
    for (let sample = this.first; sample < end; sample++) {
      const place = 2 * (sample & this.mask)
      columns.add(this.rows, head, this.ring[place]!, this.ring[place + 1]!)
    }
  }

  /** Puts all whole chunks in front: each is merged with those behind it. */
  private turn(from: number, to: number): void {
    const { columns } = this.part
    const back = backRow * columns.width
    for (let chunk = to - 2; chunk >= from; chunk--)
      columns.merge(this.rows, this.rowOf(chunk), this.rows, this.rowOf(chunk + 1))
    columns.clear(this.rows, back)
    this.flip = to
  }

  /** By a multiple of the rooms of both rings, so that nothing moves in them. */
  private renumber(): void {
    const room = Math.max(this.mask + 1, chunkSamples)
    const by = this.first - (this.first % room)
    this.first -= by
    this.next -= by
    this.flip -= by / chunkSamples
  }

  private resize(capacity: number): void {
    const { columns } = this.part
    const [ring, mask, texts] = [this.ring, this.mask, this.texts]
    const larger = new Float64Array(2 * capacity)
    if (texts !== undefined) this.texts = []
    for (let sample = this.first; sample < this.next; sample++) {
      const [from, to] = [sample & mask, sample & (capacity - 1)]
      larger[2 * to] = ring[2 * from]!
      larger[2 * to + 1] = ring[2 * from + 1]!
      if (texts !== undefined) this.texts![to] = texts[from]
    }
    const [old, oldMask] = [this.rows, this.rowMask]
    const rows = chunkRowsOf(capacity)
    const grown = new Float64Array((ownRows + rows) * columns.width)
    grown.set(old.subarray(0, ownRows * columns.width))
    for (let chunk = chunkOf(this.first) + 1; oldMask >= 0 && chunk < chunkOf(this.next - 1); chunk++) {
      const from = (ownRows + (chunk & oldMask)) * columns.width
      const to = (ownRows + (chunk & (rows - 1))) * columns.width
      grown.set(old.subarray(from, from + columns.width), to)
    }
    this.mask = capacity - 1
    this.rowMask = rows - 1
    this.ring = larger
    this.rows = grown
  }

  private write(into: Float64Array): void {
    const { columns, slots } = this.part
    const { scratch: row, width } = columns
    for (let column = 0; column < width; column++) row[column] = this.rows[headRow * width + column]!
    const oldest = chunkOf(this.first)
    if (chunkOf(this.next - 1) > oldest) {
      if (oldest + 1 < this.flip) columns.merge(row, 0, this.rows, this.rowOf(oldest + 1))
      columns.merge(row, 0, this.rows, backRow * width)
      columns.merge(row, 0, this.rows, tailRow * width)
    }
    writeResults(columns, slots, row, 0, this.quantiles, this.distinct, into)
  }

  close(end: number): boolean {
    const { due } = this
    this.pass(end)
    return end >= due
  }

  pass(time: number): void {
    if (this.part.sizeMs === Number.POSITIVE_INFINITY) return
    this.leave(time - this.part.sizeMs, this.first)
    this.due = this.dueOf()
  }

  read(into: Float64Array): void {
    if (this.part.slide === 1) this.write(into)
  }

  crowdedOut(): number {
    return this.crowded
  }

  bytes(): number {
    const texts = this.distinct === undefined ? 0 : 64 + 16 * this.texts!.length + this.distinct.bytes()
    return 350 + this.ring.byteLength + this.rows.byteLength + texts + (this.quantiles?.bytes() ?? 0)
  }

  encode(writer: ByteWriter): void {
    const { columns } = this.part
    for (const number of [this.first, this.next, this.flip, this.seen, this.crowded]) writer.count(number)
    encodeSamples(this.ring, this.first, this.next, writer)
    for (const row of [headRow, backRow, tailRow]) columns.encode(this.rows, row * columns.width, writer)
    for (let chunk = chunkOf(this.first) + 1; chunk < chunkOf(this.next - 1); chunk++)
      columns.encode(this.rows, this.rowOf(chunk), writer)
    if (this.texts !== undefined) {
      for (let sample = this.first; sample < this.next; sample++) {
        const text = this.texts[sample & this.mask]
        writer.byte(text === undefined ? 0 : 1)
        if (text !== undefined) writer.text(text)
      }
    }
    this.quantiles?.encode(writer)
  }

  static decode(part: SamplesPart, reader: ByteReader): SamplesWindow {
    const { columns } = part
    const window = new SamplesWindow(part)
    const [first, next, flip] = [reader.count(), reader.count(), reader.count()]
    let capacity = initialCapacity
    while (capacity < next - first) capacity *= 2
    window.resize(capacity)
    window.first = first
    window.next = next
    window.flip = flip
    window.seen = reader.count()
    window.crowded = reader.count()
    decodeSamples(window.ring, window.first, window.next, reader)
    for (const row of [headRow, backRow, tailRow]) columns.decode(window.rows, row * columns.width, reader)
    for (let chunk = chunkOf(window.first) + 1; chunk < chunkOf(window.next - 1); chunk++)
      columns.decode(window.rows, window.rowOf(chunk), reader)
    if (window.texts !== undefined) {
      for (let sample = window.first; sample < window.next; sample++) {
        const text = reader.byte() === 1 ? reader.text() : undefined
        window.texts[sample & window.mask] = text
        if (text !== undefined) window.distinct!.add(text)
      }
    }
    if (part.needsQuantiles) window.quantiles = Quantiles.decode(reader)
    if (part.sizeMs !== Number.POSITIVE_INFINITY) window.due = window.dueOf()
    return window
  }
}
