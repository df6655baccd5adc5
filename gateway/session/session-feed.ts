/**
 * Follows one session's events for one client, in order and without gaps: live from signals, which may be lost, and by
 * reading the session again whenever a number is missing, a turn has been silent, or the client asks to start earlier.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { EngineError } from "../../engine/index.ts"
import {
  ChatSessionProtocol,
  type SessionEvent,
  type SessionFeed as SessionSignal,
  type SessionView,
  sessionTopic,
} from "../../schemas/index.ts"
import type { GatewayError } from "../errors.ts"
import { engineError, rejectionError } from "../errors.ts"
import type { GatewayServices } from "../services.ts"
import { sessionTraceparent } from "./session-trace.ts"

export interface FeedClient {
  /** Order: by `n`, each exactly once since the last start. */
  readonly event: (event: SessionEvent) => void
  /** Events `from` to `to` are no longer held; what they said is among the messages. */
  readonly missing: (from: number, to: number) => void
  /** Reading failed; the feed goes on trying. */
  readonly failed: (error: GatewayError) => void
}

/** A session without a running answer is read again this many times more rarely. */
const idleFactor = 15
const endings = new Set<SessionEvent["type"]>(["stream_end", "error"])

export class SessionFeed {
  readonly #services: GatewayServices
  readonly #tenant: string
  readonly #session: string
  readonly #client: FeedClient
  readonly #scope = Effect.runSync(Scope.make())
  /** Number of the last event handed over. */
  #position: number
  #reading = false
  #readAgain = false
  /** More is to come soon: an answer is under way, or the last read failed. */
  #expecting = false
  #silentSince = performance.now()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(
    services: GatewayServices,
    at: { readonly tenant: string; readonly session: string; readonly after: number },
    client: FeedClient,
  ) {
    this.#services = services
    this.#tenant = at.tenant
    this.#session = at.session
    this.#position = at.after
    this.#client = client
  }

  get position(): number {
    return this.#position
  }

  /** Listens first and reads then, so that nothing falls in between. */
  async open(): Promise<void> {
    const listening = this.#services.engine.listen(sessionTopic(this.#tenant, this.#session), (body) =>
      this.#signalled((body as SessionSignal).events),
    )
    await Effect.runPromise(Effect.provideService(listening, Scope.Scope, this.#scope))
    if (this.#closed) return
    const { rereadEveryMs } = this.#services.limits
    this.#timer = setInterval(() => this.#tick(rereadEveryMs), rereadEveryMs / 2)
    this.#read()
  }

  /** Goes back, or forth, to just after an event. */
  resume(after: number): void {
    this.#position = after
    this.#read()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    Effect.runFork(Scope.close(this.#scope, Exit.void))
  }

  #tick(rereadEveryMs: number): void {
    const silentMs = performance.now() - this.#silentSince
    if (silentMs >= rereadEveryMs * (this.#expecting ? 1 : idleFactor)) this.#read()
  }

  #signalled(events: ReadonlyArray<SessionEvent>): void {
    if (this.#closed) return
    // While a page is on its way what is live could overtake it: read on instead.
    if (this.#reading) this.#readAgain = true
    else if (!this.#deliver(events)) this.#read()
  }

  /** False when a number is missing before one of the events; that one and the rest are not handed over. */
  #deliver(events: ReadonlyArray<SessionEvent>): boolean {
    this.#silentSince = performance.now()
    for (const event of events) {
      if (event.n <= this.#position) continue
      if (event.n !== this.#position + 1) return false
      this.#position = event.n
      this.#expecting = !endings.has(event.type)
      this.#client.event(event)
      if (this.#closed) return true
    }
    return true
  }

  #read(): void {
    if (this.#closed) return
    this.#readAgain = this.#reading
    if (this.#reading) return
    this.#reading = true
    this.#silentSince = performance.now()
    const { engine, limits } = this.#services
    const after = this.#position
    engine.submit(
      `${this.#tenant}/${ChatSessionProtocol.kind}/${this.#session}`,
      ChatSessionProtocol.version,
      { _tag: "Read", after, limit: limits.pageEventsMax } as { readonly _tag: string },
      { tenant: this.#tenant, trace: sessionTraceparent(this.#session) },
      (result) => {
        this.#reading = false
        if (this.#closed) return
        if ("ok" in result) return this.#taken(after, result.ok as SessionView)
        this.#expecting = true
        if (result instanceof EngineError) return this.#client.failed(engineError(result))
        const failed =
          "failed" in result
            ? engineError({ code: result.failed.code as EngineError["code"], detail: result.failed.detail })
            : rejectionError(ChatSessionProtocol.kind, result.rejected as { readonly _tag: string })
        this.#client.failed(failed)
      },
    )
  }

  #taken(after: number, view: SessionView): void {
    // The client went elsewhere meanwhile: what came is an answer to another question.
    if (after !== this.#position) {
      this.#read()
      return
    }
    // A number that was never given out, as after a restore from a backup: what is next is what comes next.
    if (after > view.last) this.#position = view.last
    const first = view.events[0]?.n ?? view.last + 1
    if (first > after + 1) {
      this.#client.missing(after + 1, first - 1)
      this.#position = first - 1
    }
    this.#expecting = view.activeTurn !== undefined
    this.#deliver(view.events)
    if (view.activeTurn !== undefined) this.#expecting = true
    if (this.#readAgain || this.#position < view.last) this.#read()
  }
}
