/**
 * What all clients of one session on this node share: one subscription to its signals, and one question to it where
 * several clients ask the same at once. A thousand who watch the same answer cost one decoding, not a thousand.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { AskResult } from "../../engine/index.ts"
import {
  ChatSessionProtocol,
  type SessionEvent,
  type SessionFeed as SessionSignal,
  sessionTopic,
} from "../../schemas/index.ts"
import type { GatewayServices } from "../services.ts"
import { sessionTraceparent } from "./session-trace.ts"

/** Shape: the array of one signal is the same object for every client. */
export type Heard = (events: ReadonlyArray<SessionEvent>) => void
type Answered = (result: AskResult) => void

export class SessionChannel {
  readonly #services: GatewayServices
  readonly #tenant: string
  readonly #session: string
  readonly #clients = new Set<Heard>()
  readonly #scope = Effect.runSync(Scope.make())
  readonly #ended: () => void
  #listening: Promise<void> | undefined
  /** Who asked in this very turn of the event loop, by what they have. */
  readonly #asking = new Map<number, Array<Answered>>()

  /** `ended`: the last client has left. */
  constructor(services: GatewayServices, tenant: string, session: string, ended: () => void) {
    this.#services = services
    this.#tenant = tenant
    this.#session = session
    this.#ended = ended
  }

  /** Resolves when nothing that is signalled from now on passes by unheard. */
  join(heard: Heard): Promise<void> {
    this.#clients.add(heard)
    this.#listening ??= this.#listen()
    return this.#listening
  }

  leave(heard: Heard): void {
    if (!this.#clients.delete(heard) || this.#clients.size > 0) return
    this.#ended()
    Effect.runFork(Scope.close(this.#scope, Exit.void))
  }

  /**
   * Events after number `after`. Gotcha: only who asks at the very same time shares an answer: an answer that was on its
   * way already may be older than what a client has missed.
   */
  read(after: number, answered: Answered): void {
    const asking = this.#asking.get(after)
    if (asking !== undefined) {
      asking.push(answered)
      return
    }
    const all = [answered]
    const settled = () => {
      if (this.#asking.get(after) === all) this.#asking.delete(after)
    }
    this.#asking.set(after, all)
    queueMicrotask(settled)
    this.#submit(after, (result) => {
      settled()
      for (const one of all) one(result)
    })
  }

  #listen(): Promise<void> {
    const listening = this.#services.engine.listen(sessionTopic(this.#tenant, this.#session), (body) => {
      const { events } = body as SessionSignal
      for (const heard of this.#clients) heard(events)
    })
    return Effect.runPromise(Effect.provideService(listening, Scope.Scope, this.#scope))
  }

  #submit(after: number, answered: Answered): void {
    const { engine, limits } = this.#services
    engine.submit(
      `${this.#tenant}/${ChatSessionProtocol.kind}/${this.#session}`,
      ChatSessionProtocol.version,
      { _tag: "Read", after, limit: limits.pageEventsMax } as { readonly _tag: string },
      { tenant: this.#tenant, trace: sessionTraceparent(this.#session) },
      answered,
    )
  }
}

const channels = new WeakMap<GatewayServices, Map<string, SessionChannel>>()

/** The session's channel on this node, to be joined at once; it ends with the last client that leaves. */
export const channelOf = (services: GatewayServices, tenant: string, session: string): SessionChannel => {
  let ofNode = channels.get(services)
  if (ofNode === undefined) {
    ofNode = new Map()
    channels.set(services, ofNode)
  }
  const all = ofNode
  const key = sessionTopic(tenant, session)
  let channel = all.get(key)
  if (channel === undefined) {
    channel = new SessionChannel(services, tenant, session, () => {
      if (all.get(key) === channel) all.delete(key)
    })
    all.set(key, channel)
  }
  return channel
}
