/** The samples of a ring as bytes. Times are written as their distances, which are few bytes where they are whole. */
import type { ByteReader, ByteWriter } from "../bytes.ts"

export const encodeSamples = (ring: Float64Array, first: number, next: number, writer: ByteWriter): void => {
  const mask = ring.length / 2 - 1
  let areWhole = true
  for (let sample = first; sample < next; sample++)
    areWhole &&= Number.isSafeInteger(ring[2 * (sample & mask)]!)
  writer.byte(areWhole ? 1 : 0)
  let before = 0
  for (let sample = first; sample < next; sample++) {
    const place = 2 * (sample & mask)
    const at = ring[place]!
    if (areWhole && sample > first) writer.count(at - before)
    else writer.number(at)
    writer.number(ring[place + 1]!)
    before = at
  }
}

export const decodeSamples = (ring: Float64Array, first: number, next: number, reader: ByteReader): void => {
  const mask = ring.length / 2 - 1
  const areWhole = reader.byte() === 1
  let before = 0
  for (let sample = first; sample < next; sample++) {
    const place = 2 * (sample & mask)
    before = areWhole && sample > first ? before + reader.count() : reader.number()
    ring[place] = before
    ring[place + 1] = reader.number()
  }
}
