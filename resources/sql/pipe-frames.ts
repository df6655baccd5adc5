/**
 * How the process with the embedded database and its parent talk over one pipe: a frame is a 4-byte
 * length, a kind and a body. The end of the pipe is the parent's order to leave, however it came about.
 */
import { concatBytes, readUint32 } from "./wire-framing.ts"

export const frameKind = {
  /** Parent: execute these protocol messages. */
  execute: 1,
  /** Child: everything the execution answered. */
  answer: 2,
  /** Child: open and ready; the body is the server's version. */
  ready: 3,
  /** Child: the directory belongs to a live process; the body is its id. */
  locked: 4,
  /** Child: could not open; the body is the reason. */
  failed: 5,
} as const

export interface Frame {
  readonly kind: number
  readonly body: Uint8Array
}

const headerBytes = 5

/** The header of a frame whose body is written behind it, in as many pieces as it comes in. */
export const frameHeader = (kind: number, bodyBytes: number): Uint8Array => {
  const header = new Uint8Array(headerBytes)
  new DataView(header.buffer).setUint32(0, bodyBytes)
  header[4] = kind
  return header
}

/** Collects frames from chunks; both ends are ours, so a length is taken at its word. */
export class FrameReader {
  #parts: Array<Uint8Array> = []
  #size = 0
  #needed = headerBytes

  push(chunk: Uint8Array): ReadonlyArray<Frame> {
    this.#parts.push(chunk)
    this.#size += chunk.length
    if (this.#size < this.#needed) return []
    const frames: Array<Frame> = []
    let rest = concatBytes(this.#parts)
    this.#needed = headerBytes
    while (rest.length >= headerBytes) {
      const end = headerBytes + readUint32(rest, 0)
      this.#needed = end
      if (rest.length < end) break
      frames.push({ kind: rest[4]!, body: rest.subarray(headerBytes, end) })
      rest = rest.subarray(end)
      this.#needed = headerBytes
    }
    this.#parts = rest.length === 0 ? [] : [rest]
    this.#size = rest.length
    return frames
  }
}
