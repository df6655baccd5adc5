/**
 * A command on the wire, and the batch of them that one mailbox message carries. Text is JSON, so that an operator can
 * read a mailbox with the plain `nats` tool. Everything in it comes from outside and is checked before use.
 */
import * as Schema from "effect/Schema"
import * as Address from "./address.ts"

/** Where an answer goes: a node's reply topic and the number of the ask in that node. */
export const ReplyTo = Schema.Struct({ node: Schema.String, ask: Schema.Int })
export type ReplyTo = typeof ReplyTo.Type

/** Position of a message in what one source sent to one partition: journal sequence and index, or batch and index. */
export const Mark = Schema.Tuple([Schema.Int, Schema.Int])
export type Mark = typeof Mark.Type

export const Envelope = Schema.Struct({
  /** Unique per command. */
  id: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(128)),
  /** Formatted address of the receiver. */
  to: Schema.String,
  /** Version of the protocol that wrote the body. */
  version: Schema.Int,
  /** Encoded command; its kind's protocol checks the rest. */
  body: Schema.Struct({ _tag: Schema.String }),
  /** Who sends, for exact de-duplication: `s:<sender>` or `p:<partition>`, with its mark. */
  source: Schema.String,
  mark: Mark,
  /** W3C traceparent of the hop that caused this command. */
  trace: Schema.String,
  /** Formatted address of the sending actor, when an actor sent it. */
  from: Schema.optionalKey(Schema.String),
  /** Opaque identity of the person or service on whose behalf it is sent. */
  principal: Schema.optionalKey(Schema.String),
  idempotencyKey: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(256))),
  replyTo: Schema.optionalKey(ReplyTo),
})
export type Envelope = typeof Envelope.Type

const isEnvelope = Schema.is(Envelope)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Joins envelopes that are already JSON text into the bytes of one mailbox message. */
export const encodeBatch = (envelopes: ReadonlyArray<string>): Uint8Array =>
  encoder.encode(`[${envelopes.join(",")}]`)

/** What one element of a mailbox message turned out to be. */
export type Incoming =
  | { readonly _tag: "Envelope"; readonly envelope: Envelope }
  | { readonly _tag: "Malformed"; readonly raw: unknown; readonly detail: string }

/** Characters of an unreadable message that are kept to be looked at. */
const rawCharactersMax = 4_096
/** What an envelope adds to a body that fills a batch by itself. */
const envelopeBytesMax = 4_096

/**
 * Reads a mailbox message; an unreadable one counts as a single malformed element, so that nothing vanishes. One that
 * is larger than any sender writes is unreadable too: it would not fit into a journal record again.
 */
export const decodeBatch = (data: Uint8Array, bytesMax: number): ReadonlyArray<Incoming> => {
  let parsed: unknown
  const text = decoder.decode(data)
  if (data.length > bytesMax + envelopeBytesMax) {
    const detail = `${data.length} bytes, a batch has at most ${bytesMax}`
    return [{ _tag: "Malformed", raw: text.slice(0, rawCharactersMax), detail }]
  }
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    return [{ _tag: "Malformed", raw: text.slice(0, rawCharactersMax), detail: `not JSON: ${String(cause)}` }]
  }
  if (!Array.isArray(parsed)) return [{ _tag: "Malformed", raw: parsed, detail: "not an array of envelopes" }]
  return parsed.map((element): Incoming => {
    if (!isEnvelope(element)) return { _tag: "Malformed", raw: element, detail: "not an envelope" }
    if (Address.parse(element.to) === undefined) {
      return { _tag: "Malformed", raw: element, detail: `"to" is no address: ${element.to}` }
    }
    return { _tag: "Envelope", envelope: element }
  })
}
