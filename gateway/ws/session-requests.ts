/**
 * What a client asks for over its socket. Each frame counts as the request that does the same, and is allowed as that
 * one is: a socket is no way around a limit or a right.
 */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import { ChatSessionProtocol, chatEndpoints } from "../../schemas/index.ts"
import { usableAgentOf } from "../agent-access.ts"
import { scopesOf } from "../auth/identity.ts"
import { type GatewayError, toGatewayError } from "../errors.ts"
import { rateLimit } from "../rate-limit.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayNeeds, GatewayServices } from "../services.ts"
import { checkMayAsk } from "../session/access.ts"
import { inSessionTrace, sessionTraceparent } from "../session/session-trace.ts"
import { renewStream } from "../stream-access.ts"
import { runTraced } from "../traced.ts"
import { decodeFrame, type Frame } from "./frames.ts"

const sameAs = {
  message: chatEndpoints.say,
  stop: chatEndpoints.stop,
  resume: chatEndpoints.follow,
  transfer: chatEndpoints.transfer,
  auth: chatEndpoints.socket,
} as const

export interface RequestEnds {
  /** Events from after this number are to come again. */
  readonly resume: (after: number) => void
  readonly send: (frame: unknown) => void
}

type Command = (typeof ChatSessionProtocol)["Command"]
type Report = (error: GatewayError) => void
type FrameOf<T extends Frame["type"]> = Extract<Frame, { readonly type: T }>

export class SessionRequests {
  readonly #services: GatewayServices
  readonly #request: GatewayRequest
  readonly #session: string
  readonly #ends: RequestEnds

  constructor(services: GatewayServices, request: GatewayRequest, session: string, ends: RequestEnds) {
    this.#services = services
    this.#request = request
    this.#session = session
    this.#ends = ends
  }

  /** Rejects with what is wrong with the frame; what a session says to it later is reported. */
  async take(data: unknown, report: Report): Promise<void> {
    const frame = decodeFrame(data, this.#services.limits.bodyDepthMax)
    if (frame.type === "ping") return this.#ends.send({ type: "pong" })
    await rateLimit(this.#services, sameAs[frame.type], this.#request)
    switch (frame.type) {
      case "resume":
        return this.#ends.resume(frame.after)
      case "auth":
        return this.#renew(frame.token)
      case "stop":
        return this.#stop(frame, report)
      case "transfer":
        return this.#transfer(frame, report)
      case "message":
        return this.#say(frame, report)
    }
  }

  async #renew(token: string): Promise<void> {
    const { expiresAt } = await renewStream(this.#services, this.#request, token)
    const until = Number.isFinite(expiresAt) ? { expires_at: new Date(expiresAt).toISOString() } : {}
    this.#ends.send({ type: "authenticated", ...until })
  }

  #stop({ turn }: FrameOf<"stop">, report: Report): void {
    const command: Command = { _tag: "Stop", ...(turn === undefined ? {} : { turn }) }
    this.#run("WS stop", this.#ask(command), report)
  }

  #transfer({ type: _, to_agent, ...terms }: FrameOf<"transfer">, report: Report): void {
    const toAgent = String(to_agent)
    const command: Command = {
      _tag: "Transfer",
      reason: "asked by the user",
      context: "full",
      ...terms,
      toAgent,
    }
    const usable = usableAgentOf(this.#request.identity, toAgent)
    this.#run("WS transfer", Effect.andThen(usable, this.#ask(command)), report)
  }

  #say({ content, message_id: messageId = randomUUID() }: FrameOf<"message">, report: Report): void {
    const allowed = checkMayAsk(this.#services, this.#request.identity, this.#session)
    const saying = this.#ask({ _tag: "Say", messageId, content, ...scopesOf(this.#request.identity) })
    this.#run("WS message", Effect.andThen(allowed, saying), report)
  }

  #ask(command: Command): Effect.Effect<unknown, unknown, GatewayNeeds> {
    const { tenant, user } = this.#request.identity
    const trace = sessionTraceparent(this.#session)
    return this.#services.engine.ask(ChatSessionProtocol, this.#session, command, {
      tenant,
      principal: user,
      trace,
    })
  }

  #run(name: string, effect: Effect.Effect<unknown, unknown, GatewayNeeds>, report: Report): void {
    const context = inSessionTrace(this.#request.context, this.#session)
    runTraced(this.#services, { ...this.#request, context }, name, effect).catch((failure: unknown) =>
      report(toGatewayError(failure)),
    )
  }
}
