/**
 * Messages on their way into a session: one after the other, each until the session shows it as an event, so that a
 * refusal, which names no message, is known to be that of the one under way. Each has an id under which the session
 * takes it once, so that it is sent again after a lost connection.
 */
import { backOffMs } from "./clock.ts"
import { clientErrors, MillraceError } from "./error.ts"
import { randomId } from "./random-id.ts"
import type { Parts } from "./transport.ts"

/** The session has it: as event `n`, in the turn that it began. */
export interface Said {
  readonly turn: number
  readonly n: number
  readonly messageId: string
}

interface Saying {
  readonly content: string
  readonly messageId: string
  readonly resolve: (said: Said) => void
  readonly reject: (cause: unknown) => void
  attempts: number
}

/** Codes of the socket's errors. Source: gateway/ws/frames.ts. */
const unavailable = "WS_ERROR_005"

export class Outbox {
  readonly #parts: Pick<Parts, "clock" | "limits">
  readonly #send: (frame: unknown) => boolean
  readonly #waiting: Array<Saying> = []
  #ended: { readonly reason: unknown } | undefined
  #cancelAgain = () => {}
  #cancelLate = () => {}

  constructor(parts: Pick<Parts, "clock" | "limits">, send: (frame: unknown) => boolean) {
    this.#parts = parts
    this.#send = send
  }

  say(content: string, messageId = randomId()): Promise<Said> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended.reason ?? this.#closed())
    if (this.#waiting.length >= this.#parts.limits.waitingMessagesMax)
      return Promise.reject(
        new MillraceError({
          code: clientErrors.full,
          message: "Too many messages wait already.",
          details: { limit: "waitingMessagesMax" },
        }),
      )
    return new Promise((resolve, reject) => {
      this.#waiting.push({ content, messageId, resolve, reject, attempts: 0 })
      if (this.#waiting.length === 1) this.#first()
    })
  }

  /** There is a connection, maybe after another: what the session may not have is sent again. */
  opened(): void {
    this.#sendFirst()
  }

  taken(event: { readonly n: number; readonly turn: number; readonly message_id: string }): void {
    const [first] = this.#waiting
    if (first?.messageId !== event.message_id) return
    this.#next()
    first.resolve({ turn: event.turn, n: event.n, messageId: event.message_id })
  }

  refused(frame: Readonly<Record<string, unknown>>): void {
    const [first] = this.#waiting
    if (first === undefined) return
    const { clock, limits } = this.#parts
    const { code, message, details, retry_after } = frame
    const retryAfterSeconds = Number(retry_after) || 0
    if (code === unavailable && first.attempts < limits.attemptsMax) {
      const pauseMs = Math.min(retryAfterSeconds * 1_000, limits.retryAfterMsMax)
      this.#cancelAgain()
      this.#cancelAgain = clock.after(pauseMs + backOffMs(clock, first.attempts, limits), () =>
        this.#sendFirst(),
      )
      return
    }
    this.#next()
    const fields = (details ?? {}) as Readonly<Record<string, unknown>>
    const parts = { code: String(fields.code ?? code), message: String(message), details: fields }
    first.reject(new MillraceError({ ...parts, ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }) }))
  }

  end(reason: unknown): void {
    this.#ended = { reason }
    this.#cancelAgain()
    this.#cancelLate()
    for (const { reject } of this.#waiting.splice(0)) reject(reason ?? this.#closed())
  }

  /** Whoever is first has a time of its own. */
  #first(): void {
    const { clock, limits } = this.#parts
    this.#cancelLate = clock.after(limits.attemptMsMax, () => {
      const [late] = this.#waiting
      this.#next()
      late?.reject(
        new MillraceError({
          code: clientErrors.timeout,
          message: "The session did not show the message in time; say it again under the same id.",
          details: { message_id: late.messageId },
        }),
      )
    })
    this.#sendFirst()
  }

  #sendFirst(): void {
    const [first] = this.#waiting
    if (first === undefined) return
    const { content, messageId } = first
    if (this.#send({ type: "message", content, message_id: messageId })) first.attempts += 1
  }

  #next(): void {
    this.#cancelAgain()
    this.#cancelLate()
    this.#waiting.shift()
    if (this.#waiting.length > 0) this.#first()
  }

  #closed(): MillraceError {
    return new MillraceError({ code: clientErrors.stream, message: "The session was closed." })
  }
}
