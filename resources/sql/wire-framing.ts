/**
 * Cuts a byte stream of the Postgres wire protocol into whole messages, however it arrives split.
 * A message keeps its header. The first message of a client has no type byte; its type is `startup`.
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Message Formats".
 */

/** Type given to the untyped first message of a client. */
export const startup = 0

export interface WireMessage {
  /** ASCII code of the message type, or `startup`. */
  readonly type: number
  /** The whole message with its header. */
  readonly bytes: Uint8Array
}

/** A message announced a length that is impossible or beyond the limit. */
export class WireLengthError extends Error {
  override readonly name = "WireLengthError"
}

export const readUint32 = (bytes: Uint8Array, offset: number): number =>
  ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0

/** Joins byte strings; a single one is returned as it is. */
export const concatBytes = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  if (parts.length === 1) return parts[0]!
  let size = 0
  for (const part of parts) size += part.length
  const joined = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Walks complete messages from a server; `bytes` must hold whole messages only. */
export const forEachMessage = (
  bytes: Uint8Array,
  visit: (type: number, start: number, end: number) => void,
): void => {
  let start = 0
  while (start < bytes.length) {
    const end = start + 1 + readUint32(bytes, start + 1)
    if (end > bytes.length || end < start + 5) throw new WireLengthError("server message is cut off")
    visit(bytes[start]!, start, end)
    start = end
  }
}

/** The untyped messages that leave the stream untyped: the client goes on as if it had just connected. */
export const sslRequestCode = 80877103
export const gssRequestCode = 80877104

export class ClientFraming {
  readonly #messageBytesMax: number
  /** Parts of the message under way; joined once it is complete, so that many small chunks stay linear. */
  #parts: Array<Uint8Array> = []
  #size = 0
  /** Bytes needed before the next look: the header first, then the whole message. */
  #needed = 8
  #started = false

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax
  }

  /** Takes a chunk and returns the messages it completed. Errors: throws `WireLengthError`. */
  push(chunk: Uint8Array): ReadonlyArray<WireMessage> {
    this.#parts.push(chunk)
    this.#size += chunk.length
    if (this.#size < this.#needed) return []
    const messages: Array<WireMessage> = []
    let rest = concatBytes(this.#parts)
    while (rest.length >= this.#headerBytes()) {
      const length = this.#messageLength(rest)
      this.#needed = length
      if (rest.length < length) break
      messages.push(this.#take(rest.subarray(0, length)))
      rest = rest.subarray(length)
      this.#needed = this.#headerBytes()
    }
    this.#parts = rest.length === 0 ? [] : [rest]
    this.#size = rest.length
    return messages
  }

  #headerBytes(): number {
    return this.#started ? 5 : 8
  }

  #messageLength(bytes: Uint8Array): number {
    const typeBytes = this.#started ? 1 : 0
    const length = readUint32(bytes, typeBytes)
    if (length < (this.#started ? 4 : 8) || length > this.#messageBytesMax) {
      throw new WireLengthError(
        `a message of ${length} bytes is refused, the limit is ${this.#messageBytesMax}`,
      )
    }
    return typeBytes + length
  }

  #take(bytes: Uint8Array): WireMessage {
    if (this.#started) return { type: bytes[0]!, bytes }
    const code = readUint32(bytes, 4)
    this.#started = code !== sslRequestCode && code !== gssRequestCode
    return { type: startup, bytes }
  }
}
