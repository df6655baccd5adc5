/**
 * One server-sent event stream on a raw response: comments against silence, a bound for slow readers, one end.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import type { ServerResponse } from "node:http"

export interface EventStreamOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly pingEveryMs: number
  readonly bufferBytesMax: number
  /** Called once, whoever ended the stream; by the constructor when the client has left already. */
  readonly closed: () => void
}

export class EventStream {
  readonly #response: ServerResponse
  readonly #options: EventStreamOptions
  readonly #ping: NodeJS.Timeout | undefined

  constructor(response: ServerResponse, options: EventStreamOptions) {
    this.#response = response
    this.#options = options
    // Who left while the stream was prepared has closed already, and says so no more.
    if (response.destroyed || response.closed) {
      options.closed()
      return
    }
    response.writeHead(200, {
      ...options.headers,
      "Content-Type": "text/event-stream; charset=UTF-8",
      "Cache-Control": "no-cache, no-transform",
      "X-Accel-Buffering": "no",
    })
    response.flushHeaders()
    this.#ping = setInterval(() => this.#write(": ping\n\n"), options.pingEveryMs)
    response.once("close", () => {
      clearInterval(this.#ping)
      options.closed()
    })
  }

  /** `id` is what the client sends back as `Last-Event-ID` when it resumes. */
  send(data: unknown, id?: number): void {
    this.#write(`${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`)
  }

  /** Calls `go` when what was sent is on its way. */
  ready(go: () => void): void {
    if (this.#response.writableNeedDrain) this.#response.once("drain", go)
    else go()
  }

  end(): void {
    if (!this.#response.writableEnded) this.#response.end()
  }

  /** Who does not read is cut off, and resumes where it stopped; the answer itself goes on. */
  #write(text: string): void {
    if (this.#response.writableEnded || this.#response.destroyed) return
    this.#response.write(text)
    if (this.#response.writableLength > this.#options.bufferBytesMax) this.#response.destroy()
  }
}
