/**
 * The last samples of a group, by time or by count, and the functions over them at a constant cost for each item. When
 * they are too many for the window, or for its rule, the oldest leave early and are counted.
 */
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { HeldBytes } from "../held-bytes.ts"
import { ChunkRows, chunkOf, chunkSamples } from "./chunk-rows.ts"
import { type CountedText, DistinctCounts, distinctText } from "./distinct.ts"
import { lookAhead } from "./look-ahead.ts"
import { writeResults } from "./merged-items.ts"
import { Quantiles } from "./quantiles.ts"
import { decodeSamples, encodeSamples } from "./sample-bytes.ts"
import type { SamplesPart, WindowState } from "./window-state.ts"

/** Of one window of one group. */
export const slidingSamplesMax = 100_000
/** A sliding window without new items is looked at again when its oldest item is so much too old: a part of its size. */
export const slidingSlackPart = 16

/** Numbers of samples begin again before they are too large for the processor's small integers. */
const sampleNumberMax = 2 ** 29
const initialCapacity = 4
/** A window of more than this looks ahead, by so many samples. */
const nearSamples = 512
const aheadSamples = 32
/** A ring of more than this is made smaller when only a quarter of it is used. */
const keptCapacity = 64

/** What a sample takes, with its part of the rows and of the room that a ring has to spare. */
const sampleBytesOf = ({ columns, needsTexts }: SamplesPart): number =>
  24 + 2 * columns.width + (needsTexts ? 8 : 0)

export class SamplesWindow implements WindowState {
  due = Number.POSITIVE_INFINITY
  private readonly part: SamplesPart
  private readonly held: HeldBytes
  private readonly sampleBytes: number
  /** Texts or percentiles. */
  private readonly hasMore: boolean
  /** What it holds of what its rule may. */
  private own = 0
  /** Time and value of each; its length is twice a power of two. */
  ring = new Float64Array(2 * initialCapacity)
  mask = initialCapacity - 1
  first = 0
  next = 0
  private readonly rows: ChunkRows
  /** Items since the last result of a window by count. */
  private seen = 0
  private texts: Array<CountedText | undefined> | undefined
  private distinct: DistinctCounts | undefined
  private quantiles: Quantiles | undefined

  constructor(part: SamplesPart, held: HeldBytes) {
    this.part = part
    this.held = held
    this.sampleBytes = sampleBytesOf(part)
    this.hasMore = part.needsTexts || part.needsQuantiles
    this.rows = new ChunkRows(part.columns)
    if (part.needsTexts) {
      this.texts = []
      this.distinct = new DistinctCounts()
    }
    if (part.needsQuantiles) this.quantiles = new Quantiles()
  }

  add(at: number, value: number, text: string | undefined, results: Float64Array): boolean {
    const { sizeMs, count, slide } = this.part
    const [before, samples] = [this.own, this.next - this.first]
    this.leave(at - sizeMs, this.next + 1 - count)
    if (this.next - this.first >= slidingSamplesMax) this.crowdOut()
    this.push(at, value, text)
    // As many samples as before are as many bytes, where nothing else is kept of them.
    if (this.next - this.first !== samples || this.hasMore) this.settle()
    if (this.held.isFull) this.makeRoom(before)
    if (sizeMs !== Number.POSITIVE_INFINITY) this.due = this.dueOf()
    if (slide === 1) return false
    this.seen += 1
    if (this.seen < slide) return false
    this.seen = 0
    this.write(results)
    return true
  }

  private crowdOut(): void {
    this.leave(Number.NEGATIVE_INFINITY, this.first + 1)
    this.held.crowdedOut += 1
  }

  /** As long as its rule holds too much it holds less after an item than before it, however large that was. */
  private makeRoom(before: number): void {
    while (!this.held.hasRoom(this.own) && this.own >= before && this.next - this.first > 1) {
      this.crowdOut()
      this.settle()
    }
  }

  private settle(): void {
    let bytes = (this.next - this.first) * this.sampleBytes
    if (this.distinct !== undefined) bytes += this.distinct.bytes
    if (this.quantiles !== undefined) bytes += this.quantiles.bytes()
    this.own = this.held.change(this.own, bytes)
  }

  release(): void {
    this.own = this.held.change(this.own, 0)
  }

  private dueOf(): number {
    if (this.first === this.next) return Number.POSITIVE_INFINITY
    const { sizeMs } = this.part
    return this.ring[2 * (this.first & this.mask)]! + sizeMs + Math.ceil(sizeMs / slidingSlackPart)
  }

  private push(at: number, value: number, text: string | undefined): void {
    if (this.next - this.first > this.mask) this.resize(2 * (this.mask + 1))
    if (this.next > sampleNumberMax) this.renumber()
    const sample = this.next
    if (this.mask >= nearSamples && sample % aheadSamples === 0) this.lookAhead(sample)
    const place = 2 * (sample & this.mask)
    this.ring[place] = at
    this.ring[place + 1] = value
    this.next += 1
    if (this.texts !== undefined)
      this.texts[sample & this.mask] = this.distinct!.add(distinctText(text, value))
    if (this.quantiles !== undefined && !Number.isNaN(value))
      this.quantiles.add(value, this.held.hasRoom(this.own))
    this.rows.push(this.first, sample, at, value)
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
    if (mask >= nearSamples) {
      const ahead = (first | (aheadSamples - 1)) + 1
      if (ahead > before + aheadSamples) this.lookAhead(ahead)
    }
    if (first === this.next) this.clear()
    else {
      this.rows.leave(this, chunkOf(before))
      if (mask >= keptCapacity && this.next - first <= mask >> 2) this.resize((mask + 1) / 2)
    }
  }

  /** What the next items need of a long window, from a sample on. */
  private lookAhead(sample: number): void {
    lookAhead(this.ring, 2 * (sample & this.mask), 2 * aheadSamples)
    this.rows.lookAhead(sample, aheadSamples)
  }

  private clear(): void {
    if (this.mask >= keptCapacity) this.resize(initialCapacity)
    this.rows.clear()
    this.first = 0
    this.next = 0
  }

  /** By a multiple of the rooms of both rings, so that nothing moves in them. */
  private renumber(): void {
    const room = Math.max(this.mask + 1, chunkSamples)
    const by = this.first - (this.first % room)
    this.first -= by
    this.next -= by
    this.rows.renumber(by)
  }

  private resize(capacity: number): void {
    const [ring, mask, texts] = [this.ring, this.mask, this.texts]
    const larger = new Float64Array(2 * capacity)
    const itsTexts = texts === undefined ? undefined : new Array<CountedText | undefined>(capacity)
    for (let sample = this.first; sample < this.next; sample++) {
      const [from, to] = [sample & mask, sample & (capacity - 1)]
      larger[2 * to] = ring[2 * from]!
      larger[2 * to + 1] = ring[2 * from + 1]!
      if (itsTexts !== undefined) itsTexts[to] = texts![from]
    }
    this.rows.resize(capacity, this.first, this.next)
    this.mask = capacity - 1
    this.ring = larger
    this.texts = itsTexts
  }

  private write(into: Float64Array): void {
    const { columns, slots } = this.part
    this.rows.write(columns.scratch, this.first, this.next)
    writeResults(columns, slots, columns.scratch, 0, this.quantiles, this.distinct, into)
  }

  close(end: number): boolean {
    const { due } = this
    this.pass(end)
    return end >= due
  }

  pass(time: number): void {
    if (this.part.sizeMs === Number.POSITIVE_INFINITY) return
    this.leave(time - this.part.sizeMs, this.first)
    this.settle()
    this.due = this.dueOf()
  }

  read(into: Float64Array): void {
    if (this.part.slide === 1) this.write(into)
  }

  bytes(): number {
    const texts = this.distinct === undefined ? 0 : 64 + 8 * this.texts!.length + this.distinct.bytes
    return 400 + this.ring.byteLength + this.rows.byteLength + texts + (this.quantiles?.bytes() ?? 0)
  }

  encode(writer: ByteWriter): void {
    // The last one was of items that left early, which the rule counts now.
    for (const number of [this.first, this.next, this.rows.flip, this.seen, 0]) writer.count(number)
    encodeSamples(this.ring, this.first, this.next, writer)
    this.rows.encode(writer, this.first, this.next)
    if (this.texts !== undefined) {
      for (let sample = this.first; sample < this.next; sample++) {
        const counted = this.texts[sample & this.mask]
        writer.byte(counted === undefined ? 0 : 1)
        if (counted !== undefined) writer.text(counted.text)
      }
    }
    this.quantiles?.encode(writer)
  }

  static decode(part: SamplesPart, reader: ByteReader, held: HeldBytes): SamplesWindow {
    const window = new SamplesWindow(part, held)
    const [first, next, flip] = [reader.count(), reader.count(), reader.count()]
    let capacity = initialCapacity
    while (capacity < next - first) capacity *= 2
    window.resize(capacity)
    window.first = first
    window.next = next
    window.rows.flip = flip
    window.seen = reader.count()
    held.crowdedOut += reader.count()
    decodeSamples(window.ring, first, next, reader)
    window.rows.decode(reader, first, next)
    if (window.texts !== undefined) {
      for (let sample = first; sample < next; sample++) {
        const text = reader.byte() === 1 ? reader.text() : undefined
        window.texts[sample & window.mask] = text === undefined ? undefined : window.distinct!.add(text)
      }
    }
    if (part.needsQuantiles) window.quantiles = Quantiles.decode(reader)
    window.settle()
    if (part.sizeMs !== Number.POSITIVE_INFINITY) window.due = window.dueOf()
    return window
  }
}
