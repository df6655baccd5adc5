/** Walks over the fields of a protobuf message. Source: https://protobuf.dev/programming-guides/encoding/ */
import protobuf from "protobufjs/minimal.js"

export type Reader = protobuf.Reader

/** Messages within messages; what is deeper is no message of a format that is read here. */
const depthMax = 16

export const writerOf = (): protobuf.Writer => protobuf.Writer.create()

export const readerOf = (bytes: Uint8Array): Reader => protobuf.Reader.create(bytes)

/** What to do with a field, by its number. Fields without one are passed over. */
export type Fields = { readonly [field: number]: (reader: Reader, wireType: number) => void }

/**
 * Reads one message up to `end`. A field whose wire type is not the one that its handler reads goes wrong in the reader.
 * Errors: throws on what is no protobuf.
 */
export const eachField = (reader: Reader, end: number, fields: Fields, depth = 0): void => {
  if (depth > depthMax) throw new RangeError("messages are nested too deep")
  while (reader.pos < end) {
    const tag = reader.uint32()
    const handle = fields[tag >>> 3]
    if (handle === undefined) reader.skipType(tag & 7)
    else handle(reader, tag & 7)
  }
  if (reader.pos !== end) throw new RangeError("a message is longer than it says")
}

/** A message in a message. */
export const nested = (reader: Reader, fields: Fields): void => {
  const length = reader.uint32()
  const end = reader.pos + length
  if (end > reader.len) throw new RangeError("a message ends too early")
  eachField(reader, end, fields)
}

/** Of 64 bits, as a number; what is beyond 2^53 loses its last digits. */
export const wide = (value: unknown): number =>
  typeof value === "number" ? value : (value as { toNumber(): number }).toNumber()

/** The wire type of texts and messages. */
export const lengthDelimited = 2

/** Numbers of a repeated field: many in one, or, as older writers have it, one of many. */
export const repeated = (
  reader: Reader,
  wireType: number,
  into: Array<number>,
  read: (reader: Reader) => number,
): void => {
  if (wireType !== lengthDelimited) {
    into.push(read(reader))
    return
  }
  const end = reader.uint32() + reader.pos
  if (end > reader.len) throw new RangeError("a message ends too early")
  while (reader.pos < end) into.push(read(reader))
}
