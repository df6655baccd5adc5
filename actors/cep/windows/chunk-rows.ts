/**
 * Samples of a ring that are merged in chunks of neighbours, as a queue made of two stacks, so that nothing is subtracted:
 * chunks in front hold the merge of themselves and all behind them up to `flip`, those from there on are merged in the
 * back. Oldest and newest chunk, which are not whole, have rows of their own.
 * Source: Tangwongsan, Hirzel, Schneider, Low-Latency Sliding-Window Aggregation in Worst-Case Constant Time, DEBS 2017.
 */
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { Columns } from "./columns.ts"
import { lookAhead } from "./look-ahead.ts"

/** Time and value of each sample, at its number modulo the room. */
export interface Ring {
  readonly ring: Float64Array
  /** One less than the samples it has room for. */
  readonly mask: number
  /** Numbers of the oldest sample and of the one to come. */
  readonly first: number
  readonly next: number
}

const chunkBits = 3
export const chunkSamples = 1 << chunkBits
/** Rows before those of whole chunks: the oldest chunk, the merge of the back, the newest chunk. */
const [headRow, backRow, tailRow, ownRows] = [0, 1, 2, 3] as const

export const chunkOf = (sample: number): number => sample >> chunkBits
const chunkRowsOf = (capacity: number): number => (capacity < 2 * chunkSamples ? 0 : capacity / chunkSamples)

export class ChunkRows {
  private readonly columns: Columns
  private rows: Float64Array
  /** One less than the rows of whole chunks. */
  private mask = -1
  /** The first chunk that is not in front. */
  flip = 1

  constructor(columns: Columns) {
    this.columns = columns
    this.rows = new Float64Array(ownRows * columns.width)
    this.clear()
  }

  clear(): void {
    const { columns, rows } = this
    for (const row of [headRow, backRow, tailRow]) columns.clear(rows, row * columns.width)
    this.flip = 1
  }

  private rowOf(chunk: number): number {
    return (ownRows + (chunk & this.mask)) * this.columns.width
  }

  lookAhead(sample: number, samples: number): void {
    lookAhead(this.rows, this.rowOf(chunkOf(sample)), (samples / chunkSamples) * this.columns.width)
  }

  /** A sample has come, as the last one. */
  push(first: number, sample: number, at: number, value: number): void {
    const { columns } = this
    const [oldest, chunk] = [chunkOf(first), chunkOf(sample)]
    if (chunk > oldest && sample % chunkSamples === 0) this.beginChunk(chunk, oldest)
    columns.add(this.rows, (chunk === oldest ? headRow : tailRow) * columns.width, at, value)
  }

  private beginChunk(chunk: number, oldest: number): void {
    const { columns } = this
    const tail = tailRow * columns.width
    if (chunk - 1 > oldest) {
      this.rows.copyWithin(this.rowOf(chunk - 1), tail, tail + columns.width)
      columns.merge(this.rows, backRow * columns.width, this.rows, tail)
    }
    columns.clear(this.rows, tail)
  }

  /** Samples have left, of which the first was in the chunk `before`. There are others. */
  leave({ ring, mask, first, next }: Ring, before: number): void {
    const { columns, rows } = this
    const [oldest, newest] = [chunkOf(first), chunkOf(next - 1)]
    if (oldest !== before) {
      if (oldest === newest) {
        columns.clear(rows, backRow * columns.width)
        this.flip = newest + 1
      } else if (oldest >= this.flip) this.turn(oldest + 1, newest)
    }
    const [head, end] = [headRow * columns.width, Math.min(next, (oldest + 1) * chunkSamples)]
    columns.clear(rows, head)
    for (let sample = first; sample < end; sample++) {
      const place = 2 * (sample & mask)
      columns.add(rows, head, ring[place]!, ring[place + 1]!)
    }
  }

  /** Puts all whole chunks in front: each is merged with those behind it. */
  private turn(from: number, to: number): void {
    const { columns, rows } = this
    for (let chunk = to - 2; chunk >= from; chunk--)
      columns.merge(rows, this.rowOf(chunk), rows, this.rowOf(chunk + 1))
    columns.clear(rows, backRow * columns.width)
    this.flip = to
  }

  /** The merge of all samples. */
  write(row: Float64Array, first: number, next: number): void {
    const { columns, rows } = this
    const { width } = columns
    for (let column = 0; column < width; column++) row[column] = rows[headRow * width + column]!
    const oldest = chunkOf(first)
    if (chunkOf(next - 1) === oldest) return
    if (oldest + 1 < this.flip) columns.merge(row, 0, rows, this.rowOf(oldest + 1))
    columns.merge(row, 0, rows, backRow * width)
    columns.merge(row, 0, rows, tailRow * width)
  }

  /** Samples have lower numbers by a multiple of both rooms. */
  renumber(by: number): void {
    this.flip -= by / chunkSamples
  }

  /** For a ring of so many samples. */
  resize(capacity: number, first: number, next: number): void {
    const { columns, rows: old, mask: oldMask } = this
    const count = chunkRowsOf(capacity)
    const rows = new Float64Array((ownRows + count) * columns.width)
    rows.set(old.subarray(0, ownRows * columns.width))
    for (let chunk = chunkOf(first) + 1; oldMask >= 0 && chunk < chunkOf(next - 1); chunk++) {
      const from = (ownRows + (chunk & oldMask)) * columns.width
      const to = (ownRows + (chunk & (count - 1))) * columns.width
      rows.set(old.subarray(from, from + columns.width), to)
    }
    this.mask = count - 1
    this.rows = rows
  }

  get byteLength(): number {
    return this.rows.byteLength
  }

  /** All but `flip`. */
  encode(writer: ByteWriter, first: number, next: number): void {
    const { columns, rows } = this
    for (const row of [headRow, backRow, tailRow]) columns.encode(rows, row * columns.width, writer)
    for (let chunk = chunkOf(first) + 1; chunk < chunkOf(next - 1); chunk++)
      columns.encode(rows, this.rowOf(chunk), writer)
  }

  decode(reader: ByteReader, first: number, next: number): void {
    const { columns, rows } = this
    for (const row of [headRow, backRow, tailRow]) columns.decode(rows, row * columns.width, reader)
    for (let chunk = chunkOf(first) + 1; chunk < chunkOf(next - 1); chunk++)
      columns.decode(rows, this.rowOf(chunk), reader)
  }
}
