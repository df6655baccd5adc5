/**
 * The data of events as they arrive: server-sent events, also those of services that leave the empty lines between them
 * out, and bare lines of JSON. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import { RemoteFailure } from "./failure.ts"
import { remoteLimits } from "./limits.ts"

const tooLarge = () => new RemoteFailure("AgentMalformed", "an event of the agent's answer is too large")

const isComplete = (data: string): boolean => {
  if (data === "[DONE]") return true
  try {
    JSON.parse(data)
    return true
  } catch {
    return false
  }
}

/** Lines of text, without their ends. The last one counts although nothing ends it. */
const linesOf = async function* (body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ""
  for (;;) {
    const piece = await reader.read()
    const added = piece.done ? decoder.decode() : decoder.decode(piece.value, { stream: true })
    // A long line that comes in small pieces is not looked at again with each of them.
    const mayEnd = /[\r\n]/.test(added) || text.endsWith("\r")
    text += added
    const lines = mayEnd ? text.split(/\r\n|\n|\r(?!$)/) : [text]
    text = lines.pop()!
    if (text.length > remoteLimits.eventCharactersMax) throw tooLarge()
    yield* lines
    if (piece.done) break
  }
  if (text !== "") yield text.replace(/\r$/, "")
}

/** Each event's data, as soon as it is whole. One that the stream's end cuts off is left out. */
export const dataOf = async function* (body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let pending: Array<string> = []
  let characters = 0
  for await (const line of linesOf(body)) {
    const isData = line.startsWith("data:")
    if (isData || line.startsWith("{")) {
      const data = isData ? line.slice(5).replace(/^ /, "") : line
      pending.push(data)
      characters += data.length
      if (pending.length > remoteLimits.eventLinesMax || characters > remoteLimits.eventCharactersMax)
        throw tooLarge()
    } else if (line !== "") continue
    const whole = pending.join("\n")
    if (line !== "" && !isComplete(whole)) continue
    pending = []
    characters = 0
    if (whole !== "") yield whole
  }
}
