/**
 * One client's WebSocket on a session: messages in, events out. Closing it never ends an answer: a client that comes
 * back resumes after the number that it saw last. Source: seed 0 §8.
 */
import type { Socket } from "node:net"
import type { WebSocket } from "ws"
import type { SessionEvent } from "../../schemas/index.ts"
import { GatewayError, toGatewayError } from "../errors.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { SessionFeed } from "../session/session-feed.ts"
import { openStream } from "../stream-access.ts"
import { sweep } from "../sweep.ts"
import { frameErrors } from "./frames.ts"
import { SessionRequests } from "./session-requests.ts"
import { eventFrames } from "./text-frames.ts"

/** Source: RFC 6455 §7.4.1 and the IANA registry: 1012 service restart, 1013 try again later. */
const closeCodes = { policy: 1008, restart: 1012, tryAgainLater: 1013 } as const
const retryAfterSeconds = 1
/** Frames of one socket that wait to be taken. */
const framesWaitingMax = 64

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
  readonly #socket: WebSocket
  /** The connection beneath it. */
  readonly #connection: Socket
  readonly #feed: SessionFeed
  readonly #requests: SessionRequests
  readonly #remove: () => void
  readonly #unsweep: () => void
  #handled: Promise<void> = Promise.resolve()
  #frames = 0
  #heard = true

  constructor(
    services: GatewayServices,
    request: GatewayRequest,
    socket: WebSocket,
    at: { readonly session: string; readonly after: number },
  ) {
    this.#services = services
    this.#socket = socket
    this.#connection = request.http.env.incoming.socket
    this.#remove = openStream(services, request, {
      stop: () => this.#stop(),
      refuse: (error) => this.#refuse(error),
    })
    this.#feed = new SessionFeed(
      services,
      { tenant: request.identity.tenant, ...at },
      {
        events: (events) => this.#pass(events),
        ready: (go) => this.#ready(go),
        missing: (from, to) => this.#missing(from, to),
        failed: (error) => this.#failed(error),
      },
    )
    this.#requests = new SessionRequests(services, request, at.session, {
      resume: (number) => this.#feed.resume(number),
      send: (frame) => this.#send(frame),
    })
    void this.#feed.open()
    socket.on("pong", () => {
      this.#heard = true
    })
    this.#unsweep = sweep(services.limits.pingEveryMs, () => this.#look())
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

  closed(): void {
    this.#unsweep()
    this.#remove()
    this.#feed.close()
  }

  /** Who is gone without a word keeps no place: a WebSocket is silent, so that nothing else would tell. */
  #look(): void {
    if (!this.#heard) this.#socket.terminate()
    else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping()
    this.#heard = false
  }

  async #take(data: unknown): Promise<void> {
    // What still comes after the last word is not listened to.
    if (this.#socket.readyState !== this.#socket.OPEN) return
    await this.#requests.take(data, (error) => this.#report(error))
  }

  /** Events go past the socket's own sender: it would make each of them anew for each client, in two writes. */
  #pass(events: ReadonlyArray<SessionEvent>): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    this.#connection.write(eventFrames(events))
    this.#bound()
  }

  #ready(go: () => void): void {
    if (this.#connection.writableNeedDrain) this.#connection.once("drain", go)
    else go()
  }

  #send(frame: unknown): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    this.#socket.send(JSON.stringify(frame))
    this.#bound()
  }

  /** Who does not read is given no more, and comes back for the rest; the answer itself goes on. */
  #bound(): void {
    if (this.#socket.bufferedAmount <= this.#services.limits.sendBufferBytesMax) return
    this.#feed.close()
    // Waits behind what the client has not read. Who never reads sends no pong either, and is cut off for that.
    this.#socket.close(closeCodes.tryAgainLater, `too slow; resume after ${this.#feed.position}`)
  }

  #missing(from: number, to: number): void {
    this.#send({
      type: "error",
      code: frameErrors.eventsMissing,
      message: `Events ${from} to ${to} are no longer held; read the session's messages.`,
      from,
      to,
      reconnect: false,
    })
  }

  /** What passes is tried again; a session that is no more, as after it was deleted, is not. */
  #failed(error: GatewayError): void {
    this.#report(error)
    if (error.status === 503) return
    this.#feed.close()
    this.#socket.close(closeCodes.policy, error.code)
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
