/**
 * Samples of a ring that are merged in chunks of neighbours, as a queue made of two stacks, so that nothing is subtracted:
 * chunks in front hold the merge of themselves and all behind them up to `flip`, those from there on are merged in the
 * back. The newest chunk has a row of its own, which grows. Of the oldest, each sample has the merge of itself and those
 * behind it, made when the first of them leaves: a chunk is read at once, and not sample by sample from far memory.
 * Source: Tangwongsan, Hirzel, Schneider, Low-Latency Sliding-Window Aggregation in Worst-Case Constant Time, DEBS 2017.
 */
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { Columns } from "./columns.ts"

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
/** Rows before those of whole chunks: the oldest chunk, the back, the newest chunk, the ends of the oldest. */
const [headRow, backRow, tailRow, endRows, ownRows] = [0, 1, 2, 3, 3 + chunkSamples] as const

export const chunkOf = (sample: number): number => sample >> chunkBits
const chunkRowsOf = (capacity: number): number => (capacity < 2 * chunkSamples ? 0 : capacity / chunkSamples)

export class ChunkRows {
  private readonly columns: Columns
  private rows: Float64Array
  /** One less than the rows of whole chunks. */
  private mask = -1
  /** Where the row of what is left of the oldest chunk is: its own, or that of an end of it. */
  private head = 0
  /** The chunk whose ends there are. */
  private ended = -1
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
    this.head = 0
    this.ended = -1
    this.flip = 1
  }

  private rowOf(chunk: number): number {
    return (ownRows + (chunk & this.mask)) * this.columns.width
  }

  /** A sample has come, as the last one. */
  push(first: number, sample: number, at: number, value: number): void {
    const { columns } = this
    const [oldest, chunk] = [chunkOf(first), chunkOf(sample)]
    if (chunk > oldest && sample % chunkSamples === 0) this.beginChunk(chunk, oldest)
    columns.add(this.rows, chunk === oldest ? this.head : tailRow * columns.width, at, value)
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
  leave(samples: Ring, before: number): void {
    const { columns, rows } = this
    const { first, next } = samples
    const [oldest, newest] = [chunkOf(first), chunkOf(next - 1)]
    if (oldest !== before) {
      if (oldest === newest) {
        columns.clear(rows, backRow * columns.width)
        this.flip = newest + 1
      } else if (oldest >= this.flip) this.turn(oldest + 1, newest)
    }
    if (oldest === newest) {
      this.head = headRow * columns.width
      columns.clear(rows, this.head)
      for (let sample = first; sample < next; sample++) this.addTo(this.head, samples, sample)
    } else {
      if (this.ended !== oldest) this.end(oldest, samples)
      this.head = (endRows + (first & (chunkSamples - 1))) * columns.width
    }
  }

  private addTo(row: number, { ring, mask }: Ring, sample: number): void {
    const place = 2 * (sample & mask)
    this.columns.add(this.rows, row, ring[place]!, ring[place + 1]!)
  }

  /** Each sample with those of its chunk that are behind it, from the last one on. */
  private end(chunk: number, samples: Ring): void {
    const { columns, rows } = this
    const { width } = columns
    const last = (chunk + 1) * chunkSamples - 1
    for (let sample = last; sample >= samples.first; sample--) {
      const row = (endRows + (sample & (chunkSamples - 1))) * width
      columns.clear(rows, row)
      this.addTo(row, samples, sample)
      if (sample < last) columns.merge(rows, row, rows, row + width)
    }
    this.ended = chunk
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
    const { columns, rows, head } = this
    const { width } = columns
    for (let column = 0; column < width; column++) row[column] = rows[head + column]!
    const oldest = chunkOf(first)
    if (chunkOf(next - 1) === oldest) return
    if (oldest + 1 < this.flip) columns.merge(row, 0, rows, this.rowOf(oldest + 1))
    columns.merge(row, 0, rows, backRow * width)
    columns.merge(row, 0, rows, tailRow * width)
  }

  /** Samples have lower numbers by a multiple of both rooms. */
  renumber(by: number): void {
    this.flip -= by / chunkSamples
    this.ended = -1
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
    for (const row of [this.head, backRow * columns.width, tailRow * columns.width])
      columns.encode(rows, row, writer)
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
