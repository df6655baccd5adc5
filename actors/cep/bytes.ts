/** Writes and reads the state of evaluation as bytes: little-endian, growing as needed, no schema but the order of calls. */

const encoder = new TextEncoder()
const decoder = new TextDecoder()
/** Longer ones are encoded by the platform. */
const plainTextMax = 256

export class ByteWriter {
  private bytes: Uint8Array
  private view: DataView
  private length = 0

  constructor(initialBytes = 4_096) {
    this.bytes = new Uint8Array(initialBytes)
    this.view = new DataView(this.bytes.buffer)
  }

  get size(): number {
    return this.length
  }

  private room(count: number): number {
    const at = this.length
    this.length += count
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, this.bytes.length * 2))
      larger.set(this.bytes)
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    }
    return at
  }

  byte(value: number): void {
    const at = this.room(1)
    this.bytes[at] = value
  }

  /** A whole number from 0 to 2^53, few bytes for small ones (LEB128). */
  count(value: number): void {
    let left = value
    while (left >= 128) {
      this.byte((left % 128) + 128)
      left = Math.floor(left / 128)
    }
    this.byte(left)
  }

  number(value: number): void {
    const at = this.room(8)
    this.view.setFloat64(at, value, true)
  }

  text(value: string): void {
    if (value.length > plainTextMax || !this.plain(value)) this.blob(encoder.encode(value))
  }

  /** Writes a text of ASCII without making an array of it first; false when it is none. */
  private plain(value: string): boolean {
    const before = this.length
    this.count(value.length)
    const at = this.room(value.length)
    const { bytes } = this
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index)
      if (code >= 128) {
        this.length = before
        return false
      }
      bytes[at + index] = code
    }
    return true
  }

  blob(value: Uint8Array): void {
    this.count(value.length)
    const at = this.room(value.length)
    this.bytes.set(value, at)
  }

  /** Writes what `write` writes, and before it how many bytes that is. */
  sized(write: () => void): void {
    const at = this.room(4)
    write()
    this.view.setUint32(at, this.length - at - 4, true)
  }

  json(value: unknown): void {
    this.text(JSON.stringify(value))
  }

  /** What was written; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }
}

/** Throws a RangeError when it is asked for more than there is. */
export class ByteReader {
  private at = 0
  private readonly bytes: Uint8Array
  private readonly view: DataView
  /** Of the state that it reads, as `lane-state.ts` counts them. */
  format: number

  constructor(bytes: Uint8Array, format = Number.POSITIVE_INFINITY) {
    this.bytes = bytes
    this.format = format
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** How many were read. */
  get position(): number {
    return this.at
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  byte(): number {
    const value = this.view.getUint8(this.at)
    this.at += 1
    return value
  }

  count(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.byte()
      value += (byte % 128) * scale
      if (byte < 128) return value
      scale *= 128
    }
  }

  number(): number {
    const value = this.view.getFloat64(this.at, true)
    this.at += 8
    return value
  }

  blob(): Uint8Array {
    const length = this.count()
    if (length > this.left) throw new RangeError("the state ends too early")
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  /** What `sized` wrote. */
  sized(): ByteReader {
    const length = this.view.getUint32(this.at, true)
    if (length > this.left - 4) throw new RangeError("the state ends too early")
    this.at += 4 + length
    return new ByteReader(this.bytes.subarray(this.at - length, this.at), this.format)
  }

  text(): string {
    return decoder.decode(this.blob())
  }

  json(): unknown {
    return JSON.parse(this.text())
  }
}
