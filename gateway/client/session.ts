/**
 * A chat session over a WebSocket that may break at any time. Invariants: I1 events come once and in the order of their
 * numbers; I2 none is left out, unless the gateway says that it holds it no more; I3 a message is said once, however
 * often it had to be sent. The socket is closed, not the events dropped, when their reader is too slow.
 */
import type { SessionEvent } from "../../schemas/index.ts"
import { backOffMs } from "./clock.ts"
import { clientErrors, isPassing, MillraceError } from "./error.ts"
import { Outbox, type Said } from "./session-outbox.ts"
import { EventQueue } from "./session-queue.ts"
import type { Parts } from "./transport.ts"

/** A session's event, or word that some are held no more: read the session's messages instead. */
export type SessionFrame =
  | SessionEvent
  | { readonly type: "missing"; readonly from: number; readonly to: number }

/** What is used of a WebSocket: the browser's, Node's own from 22 on, or `ws`. */
export interface SocketLike {
  readonly readyState: number
  send(text: string): void
  close(code?: number, reason?: string): void
  // biome-ignore lint/suspicious/noExplicitAny: each of them has events of its own
  addEventListener(type: "open" | "message" | "close" | "error", listener: (event: any) => void): void
}

export interface SessionOptions {
  /** Number of the last event that is known: 0 for a new session, else `last_event` of its messages. */
  readonly after: number
  readonly signal?: AbortSignal
}

export interface SessionParts extends Parts {
  readonly url: (after: number, token: string | undefined) => string
  readonly openSocket: (url: string) => SocketLike
  /** Why there is no socket, where HTTP can tell: a socket's refusal has no status. */
  readonly reason: () => Promise<MillraceError | undefined>
}

type Frame = Readonly<Record<string, unknown>> & { readonly type?: unknown; readonly n?: unknown }

const open = 1
const normalClosure = 1000
const eventsMissing = "WS_ERROR_006"

export class SessionConnection {
  readonly #parts: SessionParts
  readonly #queue: EventQueue<SessionFrame>
  readonly #outbox: Outbox
  #socket: SocketLike | undefined
  #last: number
  #fruitless = 0
  #waitMs = 0
  #closed = false
  /** Waits for the reader, with the socket closed. */
  #full = false
  #cancelIdle = () => {}
  #cancelPing = () => {}
  #cancelAgain = () => {}

  constructor(parts: SessionParts, { after, signal }: SessionOptions) {
    this.#parts = parts
    this.#last = after
    this.#queue = new EventQueue(parts.limits.waitingEventsMax, () => this.#drained())
    this.#outbox = new Outbox(parts, (frame) => this.#send(frame))
    signal?.addEventListener("abort", () => this.#end(signal.reason), { once: true })
    if (signal?.aborted) this.#end(signal.reason)
    else void this.#connect()
  }

  /** Number of the last event that came. */
  get last(): number {
    return this.#last
  }

  /** Order: by `n`. One reader. Ends with `close`; errors: what ended the session. */
  events(): AsyncIterableIterator<SessionFrame> {
    return this.#queue
  }

  /** Says something, after what was said before; answers when the session has taken it. */
  say(content: string, messageId?: string): Promise<Said> {
    return this.#outbox.say(content, messageId)
  }

  /** Ends the running answer, or only that of `turn`. Lost when there is no connection just now. */
  stop(turn?: number): void {
    this.#send({ type: "stop", ...(turn === undefined ? {} : { turn }) })
  }

  close(): void {
    this.#end(undefined)
  }

  async #connect(): Promise<void> {
    try {
      const token = await this.#parts.credential.token()
      if (this.#closed) return
      const socket = this.#parts.openSocket(this.#parts.url(this.#last, token))
      this.#socket = socket
      let opened = false
      const own = (run: () => void) => () => this.#socket === socket && run()
      socket.addEventListener(
        "open",
        own(() => {
          opened = true
          this.#outbox.opened()
          this.#beat()
        }),
      )
      socket.addEventListener("message", ({ data }: { data: unknown }) => own(() => this.#receive(data))())
      socket.addEventListener(
        "close",
        own(() => void this.#lost(opened)),
      )
      // A close follows each error.
      socket.addEventListener("error", () => {})
      this.#watch()
    } catch (failure) {
      if (isPassing(failure)) this.#again()
      else this.#end(failure)
    }
  }

  #send(frame: unknown): boolean {
    const socket = this.#socket
    if (socket?.readyState !== open) return false
    socket.send(JSON.stringify(frame))
    return true
  }

  #receive(data: unknown): void {
    this.#watch()
    let frame: Frame
    try {
      frame = JSON.parse(String(data)) as Frame
    } catch {
      this.#drop()
      return
    }
    if (typeof frame.n === "number") this.#take(frame as unknown as SessionEvent)
    else if (frame.type === "error") this.#warned(frame)
  }

  #take(event: SessionEvent): void {
    if (event.n <= this.#last) return
    if (event.n > this.#last + 1) {
      // One is missing: a new connection begins after the last that came.
      this.#drop()
      return
    }
    this.#last = event.n
    this.#fruitless = 0
    if (event.type === "message") this.#outbox.taken(event)
    if (this.#queue.push(event)) return
    this.#full = true
    this.#drop()
  }

  #warned(frame: Frame): void {
    this.#waitMs = (Number(frame.retry_after) || 0) * 1_000
    const { from, to } = frame
    if (frame.code === eventsMissing && typeof from === "number" && typeof to === "number") {
      this.#last = Math.max(this.#last, to)
      this.#queue.push({ type: "missing", from, to })
    } else if (frame.reconnect !== true) this.#outbox.refused(frame)
  }

  #drained(): void {
    if (!this.#full || this.#closed) return
    this.#full = false
    void this.#connect()
  }

  /** Takes the connection for dead; what it still brings is not listened to. */
  #drop(): void {
    const socket = this.#socket
    this.#socket = undefined
    this.#rest()
    socket?.close(normalClosure)
    if (!this.#full) this.#again()
  }

  async #lost(opened: boolean): Promise<void> {
    this.#socket = undefined
    this.#rest()
    if (this.#closed) return
    if (opened) return this.#again()
    const reason = await this.#parts.reason()
    if (reason !== undefined && !isPassing(reason)) this.#end(reason)
    else this.#again()
  }

  #again(): void {
    if (this.#closed) return
    const { clock, limits } = this.#parts
    this.#fruitless += 1
    if (this.#fruitless > limits.reconnectsMax) {
      const details = { last_event: this.#last }
      const message = "The session cannot be reached."
      this.#end(new MillraceError({ code: clientErrors.stream, message, details }))
      return
    }
    const pauseMs = Math.min(this.#waitMs, limits.retryAfterMsMax) + backOffMs(clock, this.#fruitless, limits)
    this.#waitMs = 0
    this.#cancelAgain = clock.after(pauseMs, () => void this.#connect())
  }

  /** Something came, or has to come soon. */
  #watch(): void {
    this.#cancelIdle()
    this.#cancelIdle = this.#parts.clock.after(this.#parts.limits.idleMsMax, () => this.#drop())
  }

  #beat(): void {
    this.#cancelPing()
    this.#cancelPing = this.#parts.clock.after(this.#parts.limits.pingEveryMs, () => {
      this.#send({ type: "ping" })
      this.#beat()
    })
  }

  #rest(): void {
    this.#cancelIdle()
    this.#cancelPing()
  }

  #end(reason: unknown): void {
    if (this.#closed) return
    this.#closed = true
    this.#rest()
    this.#cancelAgain()
    const socket = this.#socket
    this.#socket = undefined
    socket?.close(normalClosure)
    this.#outbox.end(reason)
    this.#queue.end(reason)
  }
}
