/**
 * Tumbling and hopping windows over one input of a group. Time is cut into panes of a length that divides all their
 * sizes and slides; each item is merged into its pane once, and a window that closes merges its panes. Only panes with
 * items exist. Windows are aligned to the epoch: they begin at the multiples of their slide. Those without items are not.
 * Percentiles and different texts are merged pane by pane, all other functions by a tree over many panes.
 * Source: Li et al., No Pane, No Gain, SIGMOD Record 2005.
 */
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { HeldBytes } from "../held-bytes.ts"
import { writeResults } from "./merged-items.ts"
import { PaneRing } from "./pane-ring.ts"
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
  private readonly panes: PaneRing
  /** Of the newest pane. */
  private newestStart = Number.NaN
  /** By window: when the next one closes, and when the last one that had items did. */
  private readonly nextEnds: Array<number>
  private readonly lastEnds: Array<number>

  constructor(part: PanesPart, held: HeldBytes) {
    this.part = part
    this.panes = new PaneRing(part, held)
    this.nextEnds = part.windows.map(() => Number.POSITIVE_INFINITY)
    this.lastEnds = part.windows.map(() => Number.NEGATIVE_INFINITY)
  }

  add(at: number, value: number, text: string | undefined): boolean {
    const { panes } = this
    if (!(at >= this.newestStart && at < this.newestStart + this.part.paneMs)) this.open(at)
    panes.add(panes.size - 1, at, value, text)
    return false
  }

  private open(at: number): void {
    const { paneMs, windows } = this.part
    this.drop(at)
    this.panes.makeRoom()
    this.newestStart = Math.floor(at / paneMs) * paneMs
    this.panes.insert(this.panes.size, this.newestStart)
    for (let index = 0; index < windows.length; index++)
      this.nextEnds[index] = Math.min(this.nextEnds[index]!, firstEnd(windows[index]!, at))
    this.due = least(this.nextEnds)
  }

  /** Forgets panes of which no window will be asked for any more. */
  private drop(time: number): void {
    const { sizeMaxMs, allowedLatenessMs } = this.part
    const { panes } = this
    while (panes.size > 0 && panes.startOf(0) + sizeMaxMs + allowedLatenessMs <= time) panes.drop()
    if (panes.size === 0) this.newestStart = Number.NaN
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
    const place = this.panes.placeOf(following - window.sizeMs)
    if (place === this.panes.size) return Number.POSITIVE_INFINITY
    const start = this.panes.startOf(place)
    return start < following ? following : firstEnd(window, start)
  }

  /** Puts the results of the window that ends then into `results`; false when it has no items. */
  private write(window: PanedWindow, end: number, results: Float64Array): boolean {
    const { columns } = this.part
    const { panes } = this
    const [from, to] = [panes.placeOf(end - window.sizeMs), panes.placeOf(end)]
    if (from === to) return false
    const { quantiles, texts } = panes.extrasOf(from, to)
    const row = columns.scratch
    columns.clear(row, 0)
    panes.merge(row, from, to)
    writeResults(columns, window.slots, row, 0, quantiles, texts, results)
    return true
  }

  addLate(at: number, value: number, text: string | undefined, time: number): boolean {
    const { paneMs, windows, allowedLatenessMs } = this.part
    const { panes } = this
    const kept = windows.map(({ sizeMs, slideMs }) => {
      const lastEnd = Math.floor(at / slideMs) * slideMs + sizeMs
      return lastEnd > at && lastEnd + allowedLatenessMs > time ? lastEnd : Number.NEGATIVE_INFINITY
    })
    if (kept.every((lastEnd) => lastEnd === Number.NEGATIVE_INFINITY)) return false
    const start = Math.floor(at / paneMs) * paneMs
    const place = panes.placeOf(start)
    const isNew = place === panes.size || panes.startOf(place) !== start
    if (isNew && !panes.hasRoom) return panes.passOver()
    for (const [index, lastEnd] of kept.entries())
      if (lastEnd > time)
        this.nextEnds[index] = Math.min(this.nextEnds[index]!, firstEnd(windows[index]!, time))
    this.due = least(this.nextEnds)
    if (isNew) panes.insert(place, start)
    panes.add(place, at, value, text)
    panes.touch(place)
    this.newestStart = panes.startOf(panes.size - 1)
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

  release(): void {
    this.panes.release()
  }

  bytes(): number {
    return 500 + 16 * this.part.windows.length + this.panes.bytes()
  }

  encode(writer: ByteWriter): void {
    for (const end of [...this.nextEnds, ...this.lastEnds]) writer.number(end)
    this.panes.encode(writer)
  }

  static decode(part: PanesPart, reader: ByteReader, held: HeldBytes): PanesWindow {
    const window = new PanesWindow(part, held)
    const { panes } = window
    for (const ends of [window.nextEnds, window.lastEnds])
      for (let index = 0; index < ends.length; index++) ends[index] = reader.number()
    panes.decode(reader)
    if (panes.size > 0) window.newestStart = panes.startOf(panes.size - 1)
    window.due = least(window.nextEnds)
    return window
  }
}
