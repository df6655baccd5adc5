/**
 * A session's events as the bytes of WebSocket text frames. A server's frames are not masked, so that they are the same
 * for every client: they are made once for all clients of a session, and go out in one write.
 * Source: RFC 6455 §5.2.
 */
import type { SessionEvent } from "../../schemas/index.ts"

const finalText = 0x81
/** Longer payloads have their length in two further bytes, and beyond 65,535 in eight. */
const shortMax = 125
const mediumMax = 65_535
const lengthIn2Bytes = 126
const lengthIn8Bytes = 127

const headBytes = (payload: number): number => (payload <= shortMax ? 2 : payload <= mediumMax ? 4 : 10)

const writeHead = (frames: Buffer, at: number, payload: number): number => {
  frames[at] = finalText
  if (payload <= shortMax) {
    frames[at + 1] = payload
    return at + 2
  }
  if (payload <= mediumMax) {
    frames[at + 1] = lengthIn2Bytes
    return frames.writeUInt16BE(payload, at + 2)
  }
  frames[at + 1] = lengthIn8Bytes
  return frames.writeBigUInt64BE(BigInt(payload), at + 2)
}

/** One text frame for each text, one after the other. */
export const textFrames = (texts: ReadonlyArray<string>): Buffer => {
  const lengths = texts.map((text) => Buffer.byteLength(text))
  const frames = Buffer.allocUnsafe(lengths.reduce((sum, payload) => sum + headBytes(payload) + payload, 0))
  let at = 0
  for (const [index, text] of texts.entries()) {
    at = writeHead(frames, at, lengths[index]!)
    at += frames.write(text, at)
  }
  return frames
}

let last: { readonly events: ReadonlyArray<SessionEvent>; readonly frames: Buffer } | undefined

/** Clients of a session are given the same array one after the other: the newest is kept. */
export const eventFrames = (events: ReadonlyArray<SessionEvent>): Buffer => {
  if (last?.events === events) return last.frames
  const frames = textFrames(events.map((event) => JSON.stringify(event)))
  last = { events, frames }
  return frames
}
