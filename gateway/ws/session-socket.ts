/**
 * One client's WebSocket on a session: messages in, events out. Closing it never ends an answer: a client that comes
 * back resumes after the number that it saw last. Source: seed 0 §8.
 */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import type { WebSocket } from "ws"
import { ChatSessionProtocol, chatEndpoints } from "../../schemas/index.ts"
import { GatewayError, toGatewayError } from "../errors.ts"
import { rateLimit } from "../rate-limit.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { SessionFeed } from "../session/session-feed.ts"
import { inSessionTrace } from "../session/session-trace.ts"
import { openStream } from "../stream-access.ts"
import { runTraced } from "../traced.ts"
import { decodeFrame, type Frame, frameErrors } from "./frames.ts"

/** Source: RFC 6455 §7.4.1 and the IANA registry: 1012 service restart, 1013 try again later. */
const closeCodes = { policy: 1008, restart: 1012, tryAgainLater: 1013 } as const
const retryAfterSeconds = 1
/** Frames of one socket that wait to be taken. */
const framesWaitingMax = 64

const sameAs = { message: chatEndpoints.say, stop: chatEndpoints.stop, resume: chatEndpoints.follow } as const

const tooManyFrames = () =>
  new GatewayError(
    429,
    "GTW_RATE_001",
    "Too many frames wait to be taken.",
    { limit: "framesWaitingMax", remedy: "wait for answers" },
    retryAfterSeconds,
  )

export class SessionSocket {
  readonly #services: GatewayServices
  readonly #request: GatewayRequest
  readonly #session: string
  readonly #socket: WebSocket
  readonly #feed: SessionFeed
  readonly #remove: () => void
  #handled: Promise<void> = Promise.resolve()
  #frames = 0
  #heard = true
  readonly #beat: NodeJS.Timeout

  constructor(
    services: GatewayServices,
    request: GatewayRequest,
    socket: WebSocket,
    at: { readonly session: string; readonly after: number },
  ) {
    this.#services = services
    this.#request = { ...request, context: inSessionTrace(request.context, at.session) }
    this.#session = at.session
    this.#socket = socket
    this.#remove = openStream(services, request, {
      stop: () => this.#stop(),
      refuse: (error) => this.#refuse(error),
    })
    this.#feed = new SessionFeed(
      services,
      { tenant: request.identity.tenant, ...at },
      {
        event: (event) => this.#send(event),
        missing: (from, to) =>
          this.#send({
            type: "error",
            code: frameErrors.eventsMissing,
            message: `Events ${from} to ${to} are no longer held; read the session's messages.`,
            from,
            to,
            reconnect: false,
          }),
        failed: (error) => this.#report(error),
      },
    )
    void this.#feed.open()
    socket.on("pong", () => {
      this.#heard = true
    })
    this.#beat = setInterval(() => this.#look(), services.limits.pingEveryMs)
  }

  /** Who is gone without a word keeps no place: a WebSocket is silent, so that nothing else would tell. */
  #look(): void {
    if (this.#heard) this.#socket.ping()
    else this.#socket.terminate()
    this.#heard = false
  }

  /** Takes one frame. Never throws: what is wrong with it goes back as an error. */
  receive(data: unknown): void {
    if (this.#frames >= framesWaitingMax) {
      this.#report(tooManyFrames())
      return
    }
    this.#frames += 1
    // In the order in which they came, also where one waits for its limit to be counted.
    this.#handled = this.#handled
      .then(() => this.#take(data))
      .catch((failure: unknown) => this.#report(toGatewayError(failure)))
      .finally(() => {
        this.#frames -= 1
      })
  }

  /** A frame counts as the request that does the same: a socket is no way around a limit. */
  async #take(data: unknown): Promise<void> {
    // What still comes after the last word is not listened to.
    if (this.#socket.readyState !== this.#socket.OPEN) return
    const frame = decodeFrame(data)
    if (frame.type !== "ping") await rateLimit(this.#services, sameAs[frame.type], this.#request)
    this.#handle(frame)
  }

  closed(): void {
    clearInterval(this.#beat)
    this.#remove()
    this.#feed.close()
  }

  #handle(frame: Frame): void {
    if (frame.type === "resume") this.#feed.resume(frame.after)
    else if (frame.type === "ping") this.#send({ type: "pong" })
    else if (frame.type === "stop") {
      const { type: _, ...fields } = frame
      this.#ask("WS stop", { _tag: "Stop", ...fields })
    } else {
      const { content, message_id: messageId = randomUUID() } = frame
      this.#ask("WS message", { _tag: "Say", messageId, content })
    }
  }

  #ask(name: string, command: (typeof ChatSessionProtocol)["Command"]): void {
    const { engine } = this.#services
    const { tenant, user } = this.#request.identity
    const asking = engine.ask(ChatSessionProtocol, this.#session, command, { tenant, principal: user })
    runTraced(this.#services, { ...this.#request }, name, Effect.asVoid(asking)).catch((failure: unknown) =>
      this.#report(toGatewayError(failure)),
    )
  }

  #report(error: GatewayError): void {
    const passing = error.status === 503 || error.status === 429
    const own = error.code.startsWith("WS_")
    this.#send({
      type: "error",
      code: own ? error.code : passing ? frameErrors.unavailable : frameErrors.refused,
      message: error.message,
      details: own ? error.details : { ...error.details, code: error.code },
      reconnect: false,
      ...(error.retryAfterSeconds === undefined ? {} : { retry_after: error.retryAfterSeconds }),
    })
  }

  #send(frame: unknown): void {
    const socket = this.#socket
    if (socket.readyState !== socket.OPEN) return
    socket.send(JSON.stringify(frame))
    if (socket.bufferedAmount <= this.#services.limits.sendBufferBytesMax) return
    this.closed()
    socket.close(closeCodes.tryAgainLater, `too slow; resume after ${this.#feed.position}`)
    // The close frame waits behind what the client does not read.
    socket.terminate()
  }

  /** Whoever has another credential, as after the token's time, comes back with it. */
  #refuse({ code, message }: GatewayError): void {
    this.#send({
      type: "error",
      code: frameErrors.notAllowed,
      message,
      details: { code },
      reconnect: true,
      retry_after: 0,
    })
    this.closed()
    this.#socket.close(closeCodes.policy, code)
  }

  #stop(): void {
    this.#send({
      type: "error",
      code: frameErrors.connectionLost,
      message: "This node is shutting down.",
      reconnect: true,
      retry_after: retryAfterSeconds,
    })
    this.#socket.close(closeCodes.restart, "shutting down")
  }
}
