/** One client of a conversation: counts what comes, and what is missing or comes twice. */
import { randomUUID } from "node:crypto"
import { WebSocket } from "ws"
import type { LatencyCounts } from "../../gateway/index.ts"

export const now = (): number => performance.timeOrigin + performance.now()

export interface Counts {
  tokens: number
  gaps: number
  doubles: number
  restarts: number
  /** Errors by code. */
  readonly errors: Record<string, number>
  /** From the sending by the provider to the arrival here. */
  latencies: LatencyCounts
  firsts: LatencyCounts
}

interface Frame {
  readonly type: string
  readonly n?: number
  readonly content?: string
  readonly code?: string
}

/** The node has no time for a message just now: it is said again. */
const unavailable = "WS_ERROR_005"
const retryMs = 500

export class Client {
  readonly #counts: Counts
  #socket: WebSocket | undefined
  #saidAt = 0
  /** Number of the last event; undefined before the first one. */
  #last: number | undefined
  #tokens = 0
  #live: (() => void) | undefined
  #ended: (() => void) | undefined
  #since = 0
  #say = () => {}

  constructor(counts: Counts) {
    this.#counts = counts
  }

  /** The sum of what came in this answer. */
  get tokens(): number {
    return this.#tokens
  }

  /** Resolves when it is open; rejects when it is refused. `url` gets the number of the last event. */
  open(url: (after: number) => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url(this.#last ?? 0), { perMessageDeflate: false })
      this.#socket = socket
      socket.on("message", (data) => this.#receive(JSON.parse(String(data)) as Frame))
      socket.once("open", () => resolve())
      socket.once("unexpected-response", (_, response) => {
        reject(new Error(`status ${response.statusCode}`))
        socket.terminate()
      })
      socket.on("error", reject)
    })
  }

  /** Whether the answer has ended. */
  isOver = false

  /** Another answer is about to come. */
  begin(): void {
    this.#tokens = 0
    this.isOver = false
  }

  /** Resolves at the end of the answer. */
  say(question: object): Promise<void> {
    this.begin()
    this.#saidAt = now()
    const message_id = randomUUID()
    this.#say = () =>
      this.#socket!.send(JSON.stringify({ type: "message", content: JSON.stringify(question), message_id }))
    this.#say()
    return this.ended()
  }

  ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#ended = resolve
    })
  }

  /** Resolves with the first token that was sent after now, or the end. */
  caughtUp(): Promise<void> {
    this.#since = now()
    return new Promise((resolve) => {
      this.#live = resolve
    })
  }

  cut(): void {
    this.#socket?.removeAllListeners("message")
    this.#socket?.terminate()
  }

  #receive({ type, n, content, code }: Frame): void {
    const counts = this.#counts
    if (n === undefined) {
      if (type !== "error") return
      counts.errors[code ?? ""] = (counts.errors[code ?? ""] ?? 0) + 1
      if (code === unavailable) setTimeout(() => this.#say(), retryMs)
      return
    }
    const last = this.#last ?? n - 1
    if (n <= last) counts.doubles += 1
    else if (n > last + 1) counts.gaps += n - last - 1
    this.#last = Math.max(n, last)
    if (type === "token") this.#token(Number(content))
    else if (type === "stream_restart") counts.restarts += 1
    else if (type === "stream_end" || type === "error") {
      if (type === "error") counts.errors[code ?? ""] = (counts.errors[code ?? ""] ?? 0) + 1
      this.isOver = true
      this.#live?.()
      this.#ended?.()
    }
  }

  #token(sentAt: number): void {
    const counts = this.#counts
    const at = now()
    this.#tokens += 1
    counts.tokens += 1
    counts.latencies.add(at - sentAt)
    if (this.#tokens === 1 && this.#saidAt > 0) counts.firsts.add(at - this.#saidAt)
    if (this.#live === undefined || sentAt < this.#since) return
    this.#live()
    this.#live = undefined
  }
}
