/**
 * Tumbling and hopping windows over one input of a group. Time is cut into panes of a length that divides all their
 * sizes and slides; each item is merged into its pane once, and a window that closes merges its panes. Only panes with
 * items exist. Windows are aligned to the epoch: they begin at the multiples of their slide. Those without items are not.
 * Percentiles and different texts are merged pane by pane, all other functions by a tree over many panes.
 * Source: Li et al., No Pane, No Gain, SIGMOD Record 2005.
 */
import type { ByteReader, ByteWriter } from "../bytes.ts"
import {
  addToExtras,
  bytesOfExtras,
  decodeExtras,
  type Extras,
  encodeExtras,
  makeExtras,
  mergeExtras,
  needsExtras,
  noExtras,
  writeResults,
} from "./merged-items.ts"
import { PaneTree, treePanesMin } from "./pane-tree.ts"
import type { Part, Slot, WindowState } from "./window-state.ts"

export interface PanedWindow {
  readonly sizeMs: number
  readonly slideMs: number
  readonly slots: ReadonlyArray<Slot>
}

export interface PanesPart extends Part {
  readonly paneMs: number
  readonly sizeMaxMs: number
  readonly allowedLatenessMs: number
  readonly windows: ReadonlyArray<PanedWindow>
}

/** The first end after `at` that windows can have. */
const firstEnd = ({ sizeMs, slideMs }: PanedWindow, at: number): number =>
  (Math.floor((at - sizeMs) / slideMs) + 1) * slideMs + sizeMs

const least = (numbers: ReadonlyArray<number>): number =>
  numbers.reduce((one, other) => Math.min(one, other), Number.POSITIVE_INFINITY)

export class PanesWindow implements WindowState {
  due = Number.POSITIVE_INFINITY
  private readonly part: PanesPart
  /** A ring of rows, each after the start of its pane. */
  private rows: Float64Array
  private tree: PaneTree | undefined
  private readonly extras: Array<Extras> | undefined
  private capacity = 1
  private head = 0
  private size = 0
  /** Of the newest pane. */
  private newestStart = Number.NaN
  /** By window: when the next one closes, and when the last one that had items did. */
  private readonly nextEnds: Array<number>
  private readonly lastEnds: Array<number>

  constructor(part: PanesPart) {
    this.part = part
    this.rows = new Float64Array(1 + part.columns.width)
    this.extras = needsExtras(part) ? [] : undefined
    this.nextEnds = part.windows.map(() => Number.POSITIVE_INFINITY)
    this.lastEnds = part.windows.map(() => Number.NEGATIVE_INFINITY)
  }

  /** Of a pane by its place in order: where its start is in the rows; its row of columns follows. */
  private baseOf(place: number): number {
    return ((this.head + place) & (this.capacity - 1)) * (1 + this.part.columns.width)
  }

  private startOf(place: number): number {
    return this.rows[this.baseOf(place)]!
  }

  /** The place of the first pane that does not start before `at`. */
  private placeOf(at: number): number {
    let [low, high] = [0, this.size]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.startOf(middle) < at) low = middle + 1
      else high = middle
    }
    return low
  }

  add(at: number, value: number, text: string | undefined): boolean {
    const { paneMs, columns } = this.part
    if (!(at >= this.newestStart && at < this.newestStart + paneMs)) this.open(at)
    columns.add(this.rows, this.baseOf(this.size - 1) + 1, at, value)
    if (this.extras !== undefined) addToExtras(this.extras[this.placeInRing(this.size - 1)]!, value, text)
    return false
  }

  private placeInRing(place: number): number {
    return (this.head + place) & (this.capacity - 1)
  }

  private open(at: number): void {
    const { paneMs, windows } = this.part
    this.drop(at)
    this.newestStart = Math.floor(at / paneMs) * paneMs
    this.insert(this.size, this.newestStart)
    for (let index = 0; index < windows.length; index++)
      this.nextEnds[index] = Math.min(this.nextEnds[index]!, firstEnd(windows[index]!, at))
    this.due = least(this.nextEnds)
  }

  /** Makes an empty pane at a place; those from there on move on by one. */
  private insert(place: number, start: number): void {
    if (this.size === this.capacity) this.grow()
    const width = 1 + this.part.columns.width
    if (place < this.size) this.tree?.touchAll()
    for (let later = this.size; later > place; later--) {
      const from = this.baseOf(later - 1)
      this.rows.copyWithin(this.baseOf(later), from, from + width)
      if (this.extras !== undefined)
        this.extras[this.placeInRing(later)] = this.extras[this.placeInRing(later - 1)]!
    }
    this.size += 1
    const base = this.baseOf(place)
    this.tree?.touch(this.placeInRing(place))
    this.rows[base] = start
    this.part.columns.clear(this.rows, base + 1)
    if (this.extras !== undefined) this.extras[this.placeInRing(place)] = makeExtras(this.part)
  }

  private grow(): void {
    const width = 1 + this.part.columns.width
    const larger = new Float64Array(2 * this.capacity * width)
    const extras = this.extras?.slice()
    for (let place = 0; place < this.size; place++) {
      const base = this.baseOf(place)
      larger.set(this.rows.subarray(base, base + width), place * width)
      if (extras !== undefined) this.extras![place] = extras[this.placeInRing(place)]!
    }
    this.rows = larger
    this.capacity *= 2
    this.head = 0
    if (this.capacity >= treePanesMin) this.tree = new PaneTree(this.part.columns, larger)
  }

  /** Forgets panes of which no window will be asked for any more. */
  private drop(time: number): void {
    const { sizeMaxMs, allowedLatenessMs } = this.part
    while (this.size > 0 && this.startOf(0) + sizeMaxMs + allowedLatenessMs <= time) {
      if (this.extras !== undefined) this.extras[this.head] = noExtras
      this.head = (this.head + 1) & (this.capacity - 1)
      this.size -= 1
    }
    if (this.size === 0) this.newestStart = Number.NaN
  }

  close(end: number, results: Float64Array): boolean {
    const { windows } = this.part
    let hasResult = false
    for (let index = 0; index < windows.length; index++) {
      if (this.nextEnds[index]! > end) continue
      if (this.write(windows[index]!, end, results)) {
        hasResult = true
        this.lastEnds[index] = end
      }
      this.nextEnds[index] = this.endAfter(windows[index]!, end)
    }
    this.due = least(this.nextEnds)
    this.drop(end)
    return hasResult
  }

  private endAfter(window: PanedWindow, end: number): number {
    const following = end + window.slideMs
    const place = this.placeOf(following - window.sizeMs)
    if (place === this.size) return Number.POSITIVE_INFINITY
    const start = this.startOf(place)
    return start < following ? following : firstEnd(window, start)
  }

  /** Puts the results of the window that ends then into `results`; false when it has no items. */
  private write(window: PanedWindow, end: number, results: Float64Array): boolean {
    const { columns } = this.part
    const [from, to] = [this.placeOf(end - window.sizeMs), this.placeOf(end)]
    if (from === to) return false
    const { quantiles, texts } = this.extrasOf(from, to)
    const row = columns.scratch
    columns.clear(row, 0)
    this.merge(row, from, to)
    writeResults(columns, window.slots, row, 0, quantiles, texts, results)
    return true
  }

  private merge(row: Float64Array, from: number, to: number): void {
    const { capacity, tree } = this
    const [first, end] = [this.placeInRing(from), this.placeInRing(from) + to - from]
    if (tree === undefined) {
      for (let place = from; place < to; place++)
        this.part.columns.merge(row, 0, this.rows, this.baseOf(place) + 1)
    } else {
      tree.merge(row, first, Math.min(end, capacity))
      if (end > capacity) tree.merge(row, 0, end - capacity)
    }
  }

  private extrasOf(from: number, to: number): Extras {
    if (this.extras === undefined) return noExtras
    if (to === from + 1) return this.extras[this.placeInRing(from)]!
    const all = makeExtras(this.part)
    for (let place = from; place < to; place++) mergeExtras(all, this.extras[this.placeInRing(place)]!)
    return all
  }

  addLate(at: number, value: number, text: string | undefined, time: number): boolean {
    const { paneMs, windows, allowedLatenessMs, columns } = this.part
    let isTaken = false
    for (let index = 0; index < windows.length; index++) {
      const window = windows[index]!
      const lastEnd = Math.floor(at / window.slideMs) * window.slideMs + window.sizeMs
      if (lastEnd <= at || lastEnd + allowedLatenessMs <= time) continue
      isTaken = true
      if (lastEnd > time) this.nextEnds[index] = Math.min(this.nextEnds[index]!, firstEnd(window, time))
    }
    if (!isTaken) return false
    this.due = least(this.nextEnds)
    const start = Math.floor(at / paneMs) * paneMs
    const place = this.placeOf(start)
    if (place === this.size || this.startOf(place) !== start) this.insert(place, start)
    columns.add(this.rows, this.baseOf(place) + 1, at, value)
    this.tree?.touch(this.placeInRing(place))
    if (this.extras !== undefined) addToExtras(this.extras[this.placeInRing(place)]!, value, text)
    this.newestStart = this.startOf(this.size - 1)
    return true
  }

  nextCorrection(at: number, after: number, time: number): number {
    const { windows, allowedLatenessMs } = this.part
    let next = Number.POSITIVE_INFINITY
    for (const window of windows) {
      const end = firstEnd(window, Math.max(at, after, time - allowedLatenessMs))
      if (end - window.sizeMs <= at && end <= time && end < next) next = end
    }
    return next
  }

  correct(end: number, at: number, results: Float64Array): boolean {
    const { windows } = this.part
    let hasResult = false
    for (let index = 0; index < windows.length; index++) {
      const window = windows[index]!
      const start = end - window.sizeMs
      if (start > at || at >= end || start % window.slideMs !== 0) continue
      if (!this.write(window, end, results)) continue
      hasResult = true
      this.lastEnds[index] = Math.max(this.lastEnds[index]!, end)
    }
    return hasResult
  }

  restore(results: Float64Array, time: number): void {
    const { windows, allowedLatenessMs } = this.part
    for (let index = 0; index < windows.length; index++) {
      const end = this.lastEnds[index]!
      if (end + allowedLatenessMs > time) this.write(windows[index]!, end, results)
    }
  }

  bytes(): number {
    const extras = (this.extras ?? []).reduce((sum, one) => sum + bytesOfExtras(one), 0)
    return 450 + 16 * this.part.windows.length + this.rows.byteLength + (this.tree?.byteLength ?? 0) + extras
  }

  encode(writer: ByteWriter): void {
    const { columns } = this.part
    for (const end of [...this.nextEnds, ...this.lastEnds]) writer.number(end)
    writer.count(this.size)
    for (let place = 0; place < this.size; place++) {
      const base = this.baseOf(place)
      writer.number(this.rows[base]!)
      columns.encode(this.rows, base + 1, writer)
      if (this.extras !== undefined) encodeExtras(this.extras[this.placeInRing(place)]!, writer)
    }
  }

  static decode(part: PanesPart, reader: ByteReader): PanesWindow {
    const window = new PanesWindow(part)
    for (const ends of [window.nextEnds, window.lastEnds])
      for (let index = 0; index < ends.length; index++) ends[index] = reader.number()
    const size = reader.count()
    for (let place = 0; place < size; place++) {
      const start = reader.number()
      window.insert(place, start)
      part.columns.decode(window.rows, window.baseOf(place) + 1, reader)
      if (window.extras !== undefined) window.extras[window.placeInRing(place)] = decodeExtras(part, reader)
    }
    if (size > 0) window.newestStart = window.startOf(size - 1)
    window.due = least(window.nextEnds)
    return window
  }
}
