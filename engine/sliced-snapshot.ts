/**
 * The snapshot of a large state, a slice at a time: its bytes are those of any other snapshot, as JSON in which each
 * newline ends a slice and the state stands last. Whoever drives it decides how many slices make a turn.
 */
import type { SlicedCodec } from "./sliced-codec.ts"

/** Each step gives how many bytes it was, the last one all of them. */
export type Encoding = Generator<number, Uint8Array>

interface Head {
  readonly v: number
  readonly version: number
  readonly failure?: string
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const newline = 10
const stateStart = ',"state":{'
const end = "\n}}"

const join = (head: Head, slices: ReadonlyArray<Uint8Array>): Uint8Array =>
  Buffer.concat([
    encoder.encode(JSON.stringify(head).slice(0, -1) + stateStart),
    ...slices,
    encoder.encode(end),
  ])

export interface Refusal {
  readonly bytesMax: number
  /**
   * Why the actor fails: for what is thrown by its schema, and for a snapshot of more bytes. Undefined where this snapshot
   * must not say so yet.
   */
  readonly unfit: (cause: unknown) => string
  readonly large: (bytes: number) => string | undefined
}

/** Never throws: a state that does not fit gives a snapshot that says so. `lines` are taken one at each step. */
export function* encode(lines: Iterable<string>, head: Head, refusal: Refusal): Encoding {
  const slices: Array<Uint8Array> = []
  try {
    for (const line of lines) {
      const slice = encoder.encode(`\n${line}`)
      slices.push(slice)
      yield slice.length
    }
  } catch (cause) {
    return encoder.encode(JSON.stringify({ ...head, state: null, failure: refusal.unfit(cause) }))
  }
  const whole = join(head, slices)
  if (whole.length <= refusal.bytesMax || head.failure !== undefined) return whole
  const failure = refusal.large(whole.length)
  return failure === undefined ? whole : join({ ...head, failure }, slices)
}

function* linesOf(data: Uint8Array): Generator<string> {
  for (let start = 0; start < data.length; ) {
    const found = data.indexOf(newline, start)
    const line = data.subarray(start, found < 0 ? data.length : found)
    start += line.length + 1
    yield decoder.decode(line)
  }
}

/**
 * Each step gives how many characters it read. Ends with undefined for what was not written in slices, or by another
 * version, or cannot be read: reading it whole does it, or finds what is wrong.
 */
export function* decode<H extends Head>(
  codec: SlicedCodec,
  data: Uint8Array,
  version: number,
): Generator<number, { readonly head: H; readonly state: unknown } | undefined> {
  const [headEnd, bodyEnd] = [data.indexOf(newline), data.lastIndexOf(newline)]
  if (headEnd < 0 || decoder.decode(data.subarray(bodyEnd)) !== end) return undefined
  try {
    const head = JSON.parse(`${decoder.decode(data.subarray(0, headEnd))}}}`) as H
    if (head.version !== version) return undefined
    const state = yield* codec.decode(linesOf(data.subarray(headEnd + 1, bodyEnd)))
    return { head, state }
  } catch {
    return undefined
  }
}
