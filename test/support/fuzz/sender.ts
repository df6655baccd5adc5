/** Sends drafts as they are, without a client that would mend them; keeps what answers name, to ask for it again. */
import { Agent, request } from "node:http"
import { gunzipSync } from "node:zlib"
import type { Answer } from "./answer-check.ts"
import type { Draft } from "./draft.ts"

const connectionsMax = 8
/** Of a stream only its beginning is read. */
const streamBytesMax = 256
const keptMax = 200
const tagsMax = 5
/** Fields that say what something is called. */
const naming = /(?:^|_)(?:id|name|key|username|category|roles|prefix)$/
/** Longer than any time limit of the gateway. */
const silenceMsMax = 40_000

export interface Sender {
  readonly send: (draft: Draft, token: string | undefined) => Promise<Answer>
  /** Texts that answers had at some field, the latest first: of one area, or of all. */
  readonly seen: (area?: string) => ReadonlyArray<string>
  /** Versions that answers of an area named, the latest first. */
  readonly tags: (area: string) => ReadonlyArray<string>
  readonly close: () => void
}

const decoded = (bytes: Buffer, encoding: string | undefined): string =>
  (encoding === "gzip" ? gunzipSync(bytes) : bytes).toString("utf8")

const bodyText = ({ text, body }: Draft): string | undefined =>
  text ?? (body === undefined ? undefined : JSON.stringify(body))

export const makeSender = (url: string, isOwn: (value: string) => boolean): Sender => {
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax })
  const { hostname, port } = new URL(url)
  const all: Array<string> = []
  const areas = new Map<string, Array<string>>()
  const tagsOf = new Map<string, Array<string>>()

  const keep = (texts: Array<string>, text: string): void => {
    if (text.length > 100 || isOwn(text) || texts.includes(text)) return
    texts.unshift(text)
    texts.length = Math.min(texts.length, keptMax)
  }

  const look = (value: unknown, name: string, area: Array<string>): void => {
    if (Array.isArray(value)) for (const item of value.slice(0, 3)) look(item, name, area)
    else if (typeof value === "object" && value !== null)
      for (const [field, part] of Object.entries(value)) look(part, field, area)
    else if (value !== null && naming.test(name)) for (const texts of [all, area]) keep(texts, String(value))
  }

  /** An answer that is not as it should be is the check's to tell of. */
  const learn = ({ area }: Draft, { status, headers, text }: Answer): void => {
    if (status >= 300 || !String(headers["content-type"]).startsWith("application/json")) return
    const texts = areas.get(area) ?? []
    areas.set(area, texts)
    try {
      look(JSON.parse(text), "", texts)
    } catch {
      return
    }
    if (headers.etag !== undefined)
      tagsOf.set(area, [String(headers.etag), ...(tagsOf.get(area) ?? [])].slice(0, tagsMax))
  }

  const send = (draft: Draft, token: string | undefined): Promise<Answer> => {
    const text = bodyText(draft)
    const path = draft.segments.join("/") + (draft.query.length === 0 ? "" : `?${draft.query.join("&")}`)
    const headers = {
      ...(text === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...draft.headers,
    }
    return new Promise((resolve, reject) => {
      const asking = request({ agent, hostname, port, path, method: draft.method, headers }, (response) => {
        const isStream = String(response.headers["content-type"]).startsWith("text/event-stream")
        const pieces: Array<Buffer> = []
        let bytes = 0
        const done = () => {
          const answer = {
            status: response.statusCode!,
            headers: response.headers,
            text: decoded(Buffer.concat(pieces), response.headers["content-encoding"]),
          }
          if (!isStream) learn(draft, answer)
          resolve(answer)
        }
        response.on("data", (piece: Buffer) => {
          pieces.push(piece)
          bytes += piece.length
          if (isStream && bytes > streamBytesMax) asking.destroy()
        })
        response.once("end", done)
        if (isStream) response.once("close", done)
        if (isStream) setImmediate(() => asking.destroy())
      })
      asking.once("error", (cause: Error) => reject(cause))
      asking.setTimeout(silenceMsMax, () => asking.destroy(new Error(`no answer within ${silenceMsMax} ms`)))
      asking.end(text)
    })
  }
  const seen = (area?: string) => (area === undefined ? all : (areas.get(area) ?? []))
  const tags = (area: string) => tagsOf.get(area) ?? []
  return { send, seen, tags, close: () => agent.destroy() }
}
