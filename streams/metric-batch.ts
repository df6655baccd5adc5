/**
 * Samples as one message holds them: column by column, the text of each series once. Reading one is little more than
 * copying its columns. Changing the form hides the samples that are stored.
 * Shape: form, width of indexes and times; counts; base of the times; values; times; indexes; texts of series, one a line.
 * Numbers are little-endian. JSON of the form `{"samples":[…]}`, from before, begins with another byte.
 */
import { crc32 } from "node:zlib"
import * as Schema from "effect/Schema"
import { type Labels, type Sample, SampleBatch } from "../schemas/index.ts"

/** Samples of one message; `series` is indexed by `seriesOf`. */
export interface SampleColumns {
  /** Canonical texts. The same array for messages with the same series, as long as it is remembered. */
  readonly series: ReadonlyArray<string>
  readonly seriesOf: Uint32Array
  readonly values: Float64Array
  readonly times: Float64Array
}

/** Canonical and unique within a tenant: JSON of the name and then each label's name and value, sorted by name. */
export const seriesText = (name: string, labels: Labels): string => {
  const parts = [name]
  for (const label of Object.keys(labels).sort()) parts.push(label, labels[label]!)
  return JSON.stringify(parts)
}

export const readSeriesText = (text: string): { readonly name: string; readonly labels: Labels } => {
  const [name = "", ...rest] = JSON.parse(text) as ReadonlyArray<string>
  const labels: Record<string, string> = {}
  for (let at = 0; at + 1 < rest.length; at += 2) labels[rest[at]!] = rest[at + 1]!
  return { name, labels }
}

export const columnsOf = (samples: ReadonlyArray<Sample>): SampleColumns => {
  const indexes = new Map<string, number>()
  const count = samples.length
  const [seriesOf, values, times] = [new Uint32Array(count), new Float64Array(count), new Float64Array(count)]
  for (const [at, sample] of samples.entries()) {
    const text = seriesText(sample.name, sample.labels)
    const index = indexes.get(text) ?? indexes.size
    indexes.set(text, index)
    seriesOf[at] = index
    values[at] = sample.value
    times[at] = sample.at
  }
  return { series: [...indexes.keys()], seriesOf, values, times }
}

export const samplesOfColumns = ({
  series,
  seriesOf,
  values,
  times,
}: SampleColumns): ReadonlyArray<Sample> => {
  const known = series.map(readSeriesText)
  return Array.from(seriesOf, (index, at) => ({ ...known[index]!, value: values[at]!, at: times[at]! }))
}

const form = 1
const headerBytes = 24
const [wideIndexes, exactTimes] = [1, 2]
const narrowMax = 0xffff
const deltaMax = 0xffffffff
const openingBrace = 0x7b
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Whole milliseconds that lie close together take half of the room. */
const baseOf = (times: Float64Array): number | undefined => {
  let [least, most, whole] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true]
  for (const time of times) {
    if (time < least) least = time
    if (time > most) most = time
    if (!Number.isInteger(time)) whole = false
  }
  return whole && most - least <= deltaMax ? least : undefined
}

const bytesOf = (column: Float64Array | Uint32Array | Uint16Array): Uint8Array =>
  new Uint8Array(column.buffer, column.byteOffset, column.byteLength)

export const encodeColumns = ({ series, seriesOf, values, times }: SampleColumns): Uint8Array => {
  const base = baseOf(times)
  const isWide = series.length > narrowMax
  const texts = encoder.encode(series.join("\n"))
  const columns = [
    bytesOf(values),
    bytesOf(base === undefined ? times : Uint32Array.from(times, (time) => time - base)),
    bytesOf(isWide ? seriesOf : new Uint16Array(seriesOf)),
    texts,
  ]
  const bytes = new Uint8Array(columns.reduce((sum, { length }) => sum + length, headerBytes))
  const view = new DataView(bytes.buffer)
  view.setUint8(0, form)
  view.setUint8(1, (isWide ? wideIndexes : 0) | (base === undefined ? exactTimes : 0))
  view.setUint32(4, values.length, true)
  view.setUint32(8, series.length, true)
  view.setFloat64(16, base ?? 0, true)
  let at = headerBytes
  for (const column of columns) {
    bytes.set(column, at)
    at += column.length
  }
  return bytes
}

/** Bytes of texts that a decoder remembers, and of how many messages. */
const rememberedBytesMax = 16 * 1024 * 1024
const rememberedMax = 8_192

const decodeBatch = Schema.decodeUnknownOption(Schema.fromJsonString(SampleBatch))
const old = encoder.encode('{"samples"')

/** Reads messages of many senders; remembers which series they are about, so that only new ones cost. */
export class SampleDecoder {
  readonly #remembered = new Map<
    number,
    { readonly texts: Uint8Array; readonly series: ReadonlyArray<string> }
  >()
  #bytes = 0

  /** Undefined for what holds no samples, or is damaged. */
  read(data: Uint8Array): SampleColumns | undefined {
    if (data[0] === openingBrace) {
      if (!old.every((byte, at) => data[at] === byte)) return undefined
      const batch = decodeBatch(decoder.decode(data))
      return batch._tag === "None" ? undefined : columnsOf(batch.value.samples)
    }
    if (data[0] !== form || data.length < headerBytes) return undefined
    return this.#readColumns(data)
  }

  #readColumns(data: Uint8Array): SampleColumns | undefined {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    const flags = view.getUint8(1)
    const [count, seriesCount] = [view.getUint32(4, true), view.getUint32(8, true)]
    const [timeBytes, indexBytes] = [(flags & exactTimes) === 0 ? 4 : 8, (flags & wideIndexes) === 0 ? 2 : 4]
    const timesAt = headerBytes + 8 * count
    const indexesAt = timesAt + timeBytes * count
    const textsAt = indexesAt + indexBytes * count
    if (data.length < textsAt) return undefined
    // Copied, because columns of a message rarely lie where typed arrays must begin.
    const copy = (from: number, to: number) => new Uint8Array(data.subarray(from, to)).buffer
    const values = new Float64Array(copy(headerBytes, timesAt))
    const [times, indexes] = [copy(timesAt, indexesAt), copy(indexesAt, textsAt)]
    const series = this.#series(data.subarray(textsAt), seriesCount)
    const seriesOf = indexBytes === 4 ? new Uint32Array(indexes) : new Uint32Array(new Uint16Array(indexes))
    for (let at = 0; at < count; at++) if (seriesOf[at]! >= series.length) return undefined
    if (timeBytes === 8) return { series, seriesOf, values, times: new Float64Array(times) }
    const base = view.getFloat64(16, true)
    const absolute = new Float64Array(new Uint32Array(times))
    for (let at = 0; at < count; at++) absolute[at]! += base
    return { series, seriesOf, values, times: absolute }
  }

  #series(texts: Uint8Array, count: number): ReadonlyArray<string> {
    const key = crc32(texts)
    const known = this.#remembered.get(key)
    if (known !== undefined && Buffer.compare(known.texts, texts) === 0) return known.series
    const series = texts.length === 0 && count === 0 ? [] : decoder.decode(texts).split("\n")
    if (series.length !== count) return []
    if (this.#bytes + texts.length > rememberedBytesMax || this.#remembered.size >= rememberedMax) {
      this.#remembered.clear()
      this.#bytes = 0
    }
    // A copy: what was read keeps the whole of a socket's buffer in memory.
    this.#remembered.set(key, { texts: new Uint8Array(texts), series })
    this.#bytes += texts.length
    return series
  }
}
