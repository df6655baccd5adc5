/** Protocol messages come out whole and in order, however the bytes were split on their way. */
import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { FrameReader, frameHeader } from "../../resources/sql/pipe-frames.ts"
import {
  ClientFraming,
  concatBytes,
  forEachMessage,
  startup,
  WireLengthError,
} from "../../resources/sql/wire-framing.ts"
import { keepListening, queryMessage } from "../../resources/sql/wire-messages.ts"

const runs = 500
const messageBytesMax = 1024

const typed = (type: number, body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(5 + body.length)
  bytes[0] = type
  new DataView(bytes.buffer).setUint32(1, 4 + body.length)
  bytes.set(body, 5)
  return bytes
}

/** An untyped first message; 196608 is protocol 3.0, 80877103 asks for encryption. */
const untyped = (code: number, body = new Uint8Array(0)): Uint8Array => {
  const bytes = new Uint8Array(8 + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length)
  view.setUint32(4, code)
  bytes.set(body, 8)
  return bytes
}

const body = fc.uint8Array({ maxLength: 200 })
const message = fc.tuple(fc.integer({ min: 1, max: 255 }), body).map(([type, bytes]) => typed(type, bytes))
const messages = fc.array(message, { maxLength: 30 })

/** The same bytes in pieces, the empty piece included. */
const pieces = (bytes: Uint8Array, cuts: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((left, right) => left - right)
  return [0, ...places].map((place, index) => bytes.subarray(place, places[index] ?? bytes.length))
}
const cuts = fc.array(fc.nat(), { maxLength: 60 })

const plain = (bytes: ReadonlyArray<Uint8Array>) => bytes.map((each) => Array.from(each))

describe("the framing of a client's bytes", () => {
  it("gives the same messages for every way to split them", () => {
    fc.assert(
      fc.property(fc.boolean(), body, messages, cuts, (asksForEncryption, parameters, sent, splits) => {
        const opening = [...(asksForEncryption ? [untyped(80877103)] : []), untyped(196608, parameters)]
        const all = [...opening, ...sent]
        const framing = new ClientFraming(messageBytesMax)
        const received = pieces(concatBytes([...all, new Uint8Array(0)]), splits).flatMap((piece) =>
          framing.push(piece),
        )
        expect(plain(received.map(({ bytes }) => bytes))).toEqual(plain(all))
        expect(received.map(({ type }) => type)).toEqual([
          ...opening.map(() => startup),
          ...sent.map((bytes) => bytes[0]),
        ])
      }),
      { numRuns: runs },
    )
  })

  it("refuses a message from its header when it is longer than the limit, or impossibly short", () => {
    const lengths = fc.oneof(
      fc.integer({ min: messageBytesMax + 1, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 3 }),
    )
    fc.assert(
      fc.property(lengths, (length) => {
        const framing = new ClientFraming(messageBytesMax)
        framing.push(untyped(196608))
        const header = typed(0x51, new Uint8Array(0))
        new DataView(header.buffer).setUint32(1, length)
        expect(() => framing.push(header)).toThrow(WireLengthError)
      }),
      { numRuns: runs },
    )
  })
})

describe("the walk through a server's messages", () => {
  it("visits each message once, from its start to its end", () => {
    fc.assert(
      fc.property(messages, (sent) => {
        const bytes = concatBytes([...sent, new Uint8Array(0)])
        const visited: Array<Uint8Array> = []
        forEachMessage(bytes, (_, start, end) => visited.push(bytes.subarray(start, end)))
        expect(plain(visited)).toEqual(plain(sent))
      }),
      { numRuns: runs },
    )
  })

  it("refuses bytes that end inside a message", () => {
    const cut = typed(0x5a, new Uint8Array(10)).subarray(0, 12)
    expect(() => forEachMessage(cut, () => {})).toThrow(WireLengthError)
  })
})

describe("the frames between the database's process and its parent", () => {
  it("give the same bodies for every way to split them", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), body)), cuts, (sent, splits) => {
        const bytes = concatBytes([
          ...sent.flatMap(([kind, bytes]) => [frameHeader(kind, bytes.length), bytes]),
          new Uint8Array(0),
        ])
        const reader = new FrameReader()
        const received = pieces(bytes, splits).flatMap((piece) => reader.push(piece))
        expect(received.map((frame) => [frame.kind, Array.from(frame.body)])).toEqual(
          sent.map(([kind, bytes]) => [kind, Array.from(bytes)]),
        )
      }),
      { numRuns: runs },
    )
  })
})

describe("a client that stops listening", () => {
  it("leaves the shared session listening for the others", () => {
    expect(keepListening(0x51, queryMessage('unlisten "mill"'))).toEqual(queryMessage('LISTEN "mill"'))
    expect(keepListening(0x51, queryMessage("UNLISTEN *"))).toEqual(queryMessage("SELECT"))
    const other = queryMessage("SELECT 'UNLISTEN mill'")
    expect(keepListening(0x51, other)).toBe(other)
  })
})
