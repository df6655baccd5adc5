/** Items of a group that follow each other closely: one row, until nothing came for the gap or it has become too long. */
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { HeldBytes } from "../held-bytes.ts"
import {
  addToExtras,
  bytesOfExtras,
  decodeExtras,
  type Extras,
  encodeExtras,
  makeExtras,
  needsExtras,
  noExtras,
  writeResults,
} from "./merged-items.ts"
import type { Part, Slot, WindowState } from "./window-state.ts"

export interface SessionPart extends Part {
  readonly gapMs: number
  /** From its first item on it lasts at most so long; what comes then begins another. */
  readonly sizeMaxMs: number
  readonly slots: ReadonlyArray<Slot>
}

export class SessionWindow implements WindowState {
  due = Number.POSITIVE_INFINITY
  private readonly part: SessionPart
  private readonly held: HeldBytes
  /** What it holds of what its rule may. */
  private own = 0
  private readonly row: Float64Array
  private extras: Extras | undefined
  private firstAt = Number.NaN
  private lastAt = Number.NaN
  /** When the one before it ended: late items from before are not this one's. */
  private endBefore = Number.NEGATIVE_INFINITY

  constructor(part: SessionPart, held: HeldBytes) {
    this.part = part
    this.held = held
    this.row = new Float64Array(part.columns.width)
  }

  add(at: number, value: number, text: string | undefined): boolean {
    if (this.due === Number.POSITIVE_INFINITY) this.begin(at)
    this.lastAt = at
    this.take(at, value, text)
    return false
  }

  private begin(at: number): void {
    this.part.columns.clear(this.row, 0)
    this.extras = needsExtras(this.part) ? makeExtras(this.part) : undefined
    this.firstAt = at
  }

  private take(at: number, value: number, text: string | undefined): void {
    this.part.columns.add(this.row, 0, at, value)
    if (this.extras !== undefined) this.takeExtras(this.extras, value, text)
    this.due = Math.min(this.lastAt + this.part.gapMs, this.firstAt + this.part.sizeMaxMs)
  }

  private takeExtras(extras: Extras, value: number, text: string | undefined): void {
    if (!addToExtras(extras, value, text, this.held.hasRoom(this.own))) this.held.crowdedOut += 1
    this.own = this.held.change(this.own, bytesOfExtras(extras))
  }

  release(): void {
    this.own = this.held.change(this.own, 0)
  }

  close(end: number, results: Float64Array): boolean {
    if (end < this.due) return false
    const { quantiles, texts } = this.extras ?? noExtras
    writeResults(this.part.columns, this.part.slots, this.row, 0, quantiles, texts, results)
    this.endBefore = this.due
    this.due = Number.POSITIVE_INFINITY
    this.extras = undefined
    this.release()
    return true
  }

  /** Into the session that is open, when it is in it or not more than the gap before it. */
  addLate(at: number, value: number, text: string | undefined, time: number): boolean {
    if (this.due === Number.POSITIVE_INFINITY || at < this.endBefore) return false
    const { gapMs, sizeMaxMs } = this.part
    if (at <= this.firstAt - gapMs || time >= at + sizeMaxMs) return false
    this.firstAt = Math.min(this.firstAt, at)
    this.lastAt = Math.max(this.lastAt, at)
    this.take(at, value, text)
    return true
  }

  bytes(): number {
    return 300 + this.row.byteLength + bytesOfExtras(this.extras)
  }

  encode(writer: ByteWriter): void {
    for (const time of [this.firstAt, this.lastAt, this.endBefore, this.due]) writer.number(time)
    this.part.columns.encode(this.row, 0, writer)
    writer.byte(this.extras === undefined ? 0 : 1)
    if (this.extras !== undefined) encodeExtras(this.extras, writer)
  }

  static decode(part: SessionPart, reader: ByteReader, held: HeldBytes): SessionWindow {
    const window = new SessionWindow(part, held)
    window.firstAt = reader.number()
    window.lastAt = reader.number()
    window.endBefore = reader.number()
    window.due = reader.number()
    part.columns.decode(window.row, 0, reader)
    if (reader.byte() === 1) window.extras = decodeExtras(part, reader)
    window.own = held.change(0, bytesOfExtras(window.extras))
    return window
  }
}
