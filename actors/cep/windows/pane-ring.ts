/**
 * The panes of one group's windows, each with the items of its time merged, oldest first. Only panes with items exist.
 * What a rule may hold in all bounds them: then the oldest leave early, with their items, and different texts are passed
 * over.
 */
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { HeldBytes } from "../held-bytes.ts"
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
} from "./merged-items.ts"
import { PaneTree, treePanesMin } from "./pane-tree.ts"
import type { Part } from "./window-state.ts"

/** Numbers of panes begin again before they are too large for the processor's small integers. */
const paneNumberMax = 2 ** 29
/** For each that opens so many leave, as long as the rule holds too much. */
const leavingPanes = 2

export class PaneRing {
  private readonly part: Part
  private readonly held: HeldBytes
  /** What a pane takes beside its extras: its row, with spare room, and its part of the tree. */
  private readonly paneBytes: number
  /** What it holds of what its rule may. */
  private own = 0
  /** Each row after the start of its pane. */
  private rows: Float64Array
  private tree: PaneTree | undefined
  private readonly extras: Array<Extras> | undefined
  private capacity = 1
  /** Number of the oldest: which panes are merged together, and so how sums are rounded, follows from their numbers. */
  private first = 0
  size = 0

  constructor(part: Part, held: HeldBytes) {
    this.part = part
    this.held = held
    this.paneBytes = 16 * (1 + part.columns.width)
    this.rows = new Float64Array(1 + part.columns.width)
    this.extras = needsExtras(part) ? [] : undefined
  }

  private placeInRing(place: number): number {
    return (this.first + place) & (this.capacity - 1)
  }

  /** Of a pane by its place in order: where its start is in the rows; its row of columns follows. */
  private baseOf(place: number): number {
    return this.placeInRing(place) * (1 + this.part.columns.width)
  }

  startOf(place: number): number {
    return this.rows[this.baseOf(place)]!
  }

  /** The place of the first pane that does not start before `at`. */
  placeOf(at: number): number {
    let [low, high] = [0, this.size]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.startOf(middle) < at) low = middle + 1
      else high = middle
    }
    return low
  }

  get hasRoom(): boolean {
    return this.held.hasRoom(this.own)
  }

  /** Puts an item into a pane that is there. */
  add(place: number, at: number, value: number, text: string | undefined): void {
    this.part.columns.add(this.rows, this.baseOf(place) + 1, at, value)
    if (this.extras === undefined) return
    const extras = this.extras[this.placeInRing(place)]!
    const before = bytesOfExtras(extras)
    if (!addToExtras(extras, value, text, this.hasRoom)) this.held.crowdedOut += 1
    this.grow(bytesOfExtras(extras) - before)
  }

  /** The merges over a pane are made anew when they are asked for. */
  touch(place: number): void {
    this.tree?.touch(this.placeInRing(place))
  }

  private grow(bytes: number): void {
    this.own = this.held.change(this.own, this.own + bytes)
  }

  /** Before a pane opens. */
  makeRoom(): void {
    for (let left = 0; left < leavingPanes && this.size > 0 && !this.hasRoom; left++) {
      this.held.crowdedOut += this.rows[this.baseOf(0) + 1]!
      this.drop()
    }
  }

  /** An item is lost for want of room. */
  passOver(): false {
    this.held.crowdedOut += 1
    return false
  }

  /** Makes an empty pane at a place; those from there on move on by one. */
  insert(place: number, start: number): void {
    if (this.size === this.capacity) this.resize(2 * this.capacity)
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
    this.touch(place)
    this.rows[base] = start
    this.part.columns.clear(this.rows, base + 1)
    this.grow(this.paneBytes)
    if (this.extras !== undefined) this.putExtras(place, makeExtras(this.part))
  }

  private putExtras(place: number, extras: Extras): void {
    this.extras![this.placeInRing(place)] = extras
    this.grow(bytesOfExtras(extras))
  }

  private resize(capacity: number): void {
    const width = 1 + this.part.columns.width
    const rows = new Float64Array(capacity * width)
    const extras = this.extras?.slice()
    if (this.extras !== undefined) this.extras.length = 0
    for (let place = 0; place < this.size; place++) {
      const base = this.baseOf(place)
      const to = (this.first + place) & (capacity - 1)
      rows.set(this.rows.subarray(base, base + width), to * width)
      if (extras !== undefined) this.extras![to] = extras[this.placeInRing(place)]!
    }
    this.rows = rows
    this.capacity = capacity
    this.tree = capacity >= treePanesMin ? new PaneTree(this.part.columns, rows) : undefined
  }

  /** Forgets the oldest pane. */
  drop(): void {
    this.grow(-this.paneBytes)
    if (this.extras !== undefined) {
      this.grow(-bytesOfExtras(this.extras[this.placeInRing(0)]))
      this.extras[this.placeInRing(0)] = noExtras
    }
    this.first = (this.first + 1) % paneNumberMax
    this.size -= 1
    if (this.capacity >= treePanesMin && this.size <= this.capacity / 4) this.resize(this.capacity / 2)
  }

  release(): void {
    this.own = this.held.change(this.own, 0)
  }

  /** Adds the panes from one place on and before another to a row. */
  merge(row: Float64Array, from: number, to: number): void {
    const { capacity, tree } = this
    const [first, end] = [this.placeInRing(from), this.placeInRing(from) + to - from]
    if (tree === undefined || this.size < treePanesMin) {
      for (let place = from; place < to; place++)
        this.part.columns.merge(row, 0, this.rows, this.baseOf(place) + 1)
    } else {
      tree.merge(row, first, Math.min(end, capacity))
      if (end > capacity) tree.merge(row, 0, end - capacity)
    }
  }

  extrasOf(from: number, to: number): Extras {
    if (this.extras === undefined) return noExtras
    if (to === from + 1) return this.extras[this.placeInRing(from)]!
    const all = makeExtras(this.part)
    for (let place = from; place < to; place++) mergeExtras(all, this.extras[this.placeInRing(place)]!)
    return all
  }

  bytes(): number {
    const extras = (this.extras ?? []).reduce((sum, one) => sum + bytesOfExtras(one), 0)
    return this.rows.byteLength + (this.tree?.byteLength ?? 0) + extras
  }

  encode(writer: ByteWriter): void {
    writer.count(this.size)
    writer.count(this.first)
    for (let place = 0; place < this.size; place++) {
      const base = this.baseOf(place)
      writer.number(this.rows[base]!)
      this.part.columns.encode(this.rows, base + 1, writer)
      if (this.extras !== undefined) encodeExtras(this.extras[this.placeInRing(place)]!, writer)
    }
  }

  /** Into an empty one. */
  decode(reader: ByteReader): void {
    const size = reader.count()
    if (reader.format >= 2) this.first = reader.count()
    for (let place = 0; place < size; place++) {
      const start = reader.number()
      this.insert(place, start)
      this.part.columns.decode(this.rows, this.baseOf(place) + 1, reader)
      if (this.extras === undefined) continue
      this.grow(-bytesOfExtras(this.extras[this.placeInRing(place)]))
      this.putExtras(place, decodeExtras(this.part, reader))
    }
  }
}
