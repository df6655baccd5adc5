/** Packs spans into messages of the trace stream: one per shard and size bound, each under its shard's token. */
import { type Span, traceShard } from "../../schemas/index.ts"

export interface SpanMessage {
  readonly token: string
  readonly data: Uint8Array
  readonly spans: ReadonlyArray<Span>
}

const encoder = new TextEncoder()
/** Of `{"v":1,"spans":[]}`. */
const frameBytes = 32

const messageOf = (token: string, spans: ReadonlyArray<Span>, texts: ReadonlyArray<string>): SpanMessage => ({
  token,
  data: encoder.encode(`{"v":1,"spans":[${texts.join(",")}]}`),
  spans,
})

/** Order: within a shard as given. A span beyond the bound travels alone. */
export const packSpans = (spans: ReadonlyArray<Span>, bytesMax: number): ReadonlyArray<SpanMessage> => {
  const shards = new Map<string, Array<Span>>()
  for (const span of spans) {
    const token = traceShard(span.traceId)
    const shard = shards.get(token)
    if (shard === undefined) shards.set(token, [span])
    else shard.push(span)
  }
  return [...shards].flatMap(([token, members]) => packShard(token, members, bytesMax))
}

const packShard = (token: string, spans: ReadonlyArray<Span>, bytesMax: number): Array<SpanMessage> => {
  const messages: Array<SpanMessage> = []
  let members: Array<Span> = []
  let texts: Array<string> = []
  let bytes = frameBytes
  for (const span of spans) {
    const text = JSON.stringify(span)
    const size = Buffer.byteLength(text) + 1
    if (texts.length > 0 && bytes + size > bytesMax) {
      messages.push(messageOf(token, members, texts))
      members = []
      texts = []
      bytes = frameBytes
    }
    members.push(span)
    texts.push(text)
    bytes += size
  }
  messages.push(messageOf(token, members, texts))
  return messages
}
