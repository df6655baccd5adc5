/** Server-sent events as they arrive. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html */
import { UpstreamFailure } from "./failure.ts"

/** Characters of one event. */
const eventCharactersMax = 1024 * 1024

const dataOf = (block: string): string =>
  block
    .split(/\r\n|\r|\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).replace(/^ /, ""))
    .join("\n")

/** The `data` of each event; an event that the stream's end cuts off is left out. */
export const eventsOf = async function* (body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = ""
  for await (const piece of body.pipeThrough(
    new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>,
  )) {
    text += piece
    const blocks = text.split(/\r\n\r\n|\n\n|\r\r/)
    text = blocks.pop()!
    if (text.length > eventCharactersMax) throw new UpstreamFailure("malformed", "an event is too large")
    for (const block of blocks) {
      const data = dataOf(block)
      if (data !== "") yield data
    }
  }
}
