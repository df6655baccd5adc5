/** Frames that are made here are what the WebSocket library reads. */
import type { EventEmitter } from "node:events"
import { describe, expect, it } from "vitest"
import * as library from "ws"
import { textFrames } from "../../../gateway/ws/text-frames.ts"

type Reading = EventEmitter & { write: (piece: Buffer) => boolean; end: (done: () => void) => void }
/** Exported, and missing from the library's types. */
const { Receiver } = library as unknown as { readonly Receiver: new (options: object) => Reading }

/** What a client's side of the library makes of the bytes, given in pieces of this size. */
const received = async (bytes: Buffer, pieceBytes: number): Promise<ReadonlyArray<string>> => {
  const receiver = new Receiver({ isServer: false, maxPayload: 0 })
  const texts: Array<string> = []
  receiver.on("message", (data: Buffer, isBinary: boolean) => texts.push(isBinary ? "binary" : String(data)))
  for (let at = 0; at < bytes.length; at += pieceBytes) receiver.write(bytes.subarray(at, at + pieceBytes))
  await new Promise<void>((done) => receiver.end(done))
  return texts
}

describe("text frames", () => {
  it.each([1, 3, 1_000, 1_000_000])("come out as they went in, in pieces of %d bytes", async (pieceBytes) => {
    const texts = [
      "",
      "a",
      "안녕하세요 🙂",
      "x".repeat(125),
      "x".repeat(126),
      "가".repeat(30_000),
      "y".repeat(65_535),
      "z",
    ]
    expect(await received(textFrames(texts), pieceBytes)).toEqual(texts)
  })

  it("has eight bytes for the length of a very long text", async () => {
    const text = "x".repeat(65_536)
    expect(textFrames([text])).toHaveLength(10 + 65_536)
    expect(await received(textFrames([text]), 100_000)).toEqual([text])
  })
})
