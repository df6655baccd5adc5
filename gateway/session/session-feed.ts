/**
 * Follows one session's events for one client, in order and without gaps: live from signals, which may be lost, and by
 * reading the session again whenever a number is missing, a turn has been silent, or the client asks to start earlier.
 */
import { type AskResult, EngineError } from "../../engine/index.ts"
import {
  ChatSessionProtocol,
  type SessionEvent,
  type SessionView,
  sessionDeletedCode,
} from "../../schemas/index.ts"
import type { GatewayError } from "../errors.ts"
import { engineError, rejectionError } from "../errors.ts"
import type { GatewayServices } from "../services.ts"
import { sweep } from "../sweep.ts"
import { channelOf, type SessionChannel } from "./session-channel.ts"

export interface FeedClient {
  /**
   * Order: by `n`, each exactly once since the last start. Events of one signal come as one array, never empty, which is
   * mostly the same object for all clients of the session: what is made of it may be kept by it.
   */
  readonly events: (events: ReadonlyArray<SessionEvent>) => void
  /** Calls `go` when what was handed over is on its way: before that no further page is read for this client. */
  readonly ready: (go: () => void) => void
  /** Events `from` to `to` are no longer held; what they said is among the messages. */
  readonly missing: (from: number, to: number) => void
  /** Reading failed; the feed goes on trying. */
  readonly failed: (error: GatewayError) => void
}

/** A session without a running answer is read again this many times more rarely. */
const idleFactor = 15
const endings = new Set<SessionEvent["type"]>(["stream_end", "error"])

/** Signals kept while a page is on its way; with more of them the session is read again. */
const meanwhileMax = 64

/** Those after number `position` up to the first gap; undefined when there is a gap before them. */
const following = (events: ReadonlyArray<SessionEvent>, position: number) => {
  if (events[0]?.n === position + 1 && events.at(-1)!.n === position + events.length) return events
  const start = events.findIndex(({ n }) => n > position)
  if (start < 0) return []
  if (events[start]!.n !== position + 1) return undefined
  const gap = events.findIndex(({ n }, index) => index > start && n !== events[index - 1]!.n + 1)
  return events.slice(start, gap < 0 ? undefined : gap)
}

export class SessionFeed {
  readonly #client: FeedClient
  readonly #channel: SessionChannel
  readonly #rereadEveryMs: number
  readonly #heard = (events: ReadonlyArray<SessionEvent>) => this.#signalled(events)
  /** Number of the last event handed over. */
  #position: number
  /** Counts where the client went: a page that was asked for before it went elsewhere is an answer to another question. */
  #starts = 0
  #reading = false
  /** What was signalled since the page under way was asked for. */
  #meanwhile: Array<ReadonlyArray<SessionEvent>> = []
  #readAgain = false
  /** More is to come soon: an answer is under way, or the last read failed. */
  #expecting = false
  #silentSince = performance.now()
  #rest = () => {}
  #closed = false

  constructor(
    services: GatewayServices,
    at: { readonly tenant: string; readonly session: string; readonly after: number },
    client: FeedClient,
  ) {
    this.#channel = channelOf(services, at.tenant, at.session)
    this.#rereadEveryMs = services.limits.rereadEveryMs
    this.#position = at.after
    this.#client = client
  }

  get position(): number {
    return this.#position
  }

  /** Listens first and reads then, so that nothing falls in between. */
  async open(): Promise<void> {
    await this.#channel.join(this.#heard)
    if (this.#closed) return
    this.#rest = sweep(this.#rereadEveryMs / 2, () => this.#look())
    this.#read()
  }

  /** Goes back, or forth, to just after an event. */
  resume(after: number): void {
    this.#position = after
    this.#starts += 1
    this.#read()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#rest()
    this.#channel.leave(this.#heard)
  }

  #look(): void {
    const silentMs = performance.now() - this.#silentSince
    if (silentMs >= this.#rereadEveryMs * (this.#expecting ? 1 : idleFactor)) this.#read()
  }

  #signalled(events: ReadonlyArray<SessionEvent>): void {
    if (this.#closed) return
    // While a page is on its way what is live would overtake it.
    if (!this.#reading) {
      if (!this.#deliver(events)) this.#read()
    } else if (this.#meanwhile.length < meanwhileMax) this.#meanwhile.push(events)
    else this.#readAgain = true
  }

  /** False when a number is missing before one of the events; that one and the rest are not handed over. */
  #deliver(events: ReadonlyArray<SessionEvent>): boolean {
    this.#silentSince = performance.now()
    const next = following(events, this.#position)
    if (next === undefined) return false
    const last = next.at(-1)
    if (last === undefined) return true
    this.#position = last.n
    this.#expecting = !endings.has(last.type)
    this.#client.events(next)
    // What a session that is no more answers tells the client that it is over.
    if (last.type === "error" && last.code === sessionDeletedCode) this.#read()
    return next === events || events.at(-1)!.n <= last.n
  }

  #read(): void {
    if (this.#closed) return
    this.#readAgain = this.#reading
    if (this.#reading) return
    this.#reading = true
    this.#meanwhile = []
    this.#silentSince = performance.now()
    const [after, start] = [this.#position, this.#starts]
    this.#channel.read(after, (result) => {
      this.#reading = false
      if (this.#closed) return
      if (start === this.#starts) this.#answered(after, result)
      else this.#read()
    })
  }

  #answered(after: number, result: AskResult): void {
    if ("ok" in result) {
      this.#taken(after, result.ok as SessionView)
      return
    }
    this.#expecting = true
    this.#meanwhile = []
    const failed =
      result instanceof EngineError
        ? engineError(result)
        : "failed" in result
          ? engineError({ code: result.failed.code as EngineError["code"], detail: result.failed.detail })
          : rejectionError(ChatSessionProtocol.kind, result.rejected as { readonly _tag: string })
    this.#client.failed(failed)
  }

  #taken(after: number, view: SessionView): void {
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
    if (this.#readAgain || this.#position < view.last) this.#readOn()
    else this.#catchUp()
  }

  #readOn(): void {
    this.#reading = true
    this.#client.ready(() => {
      this.#reading = false
      this.#read()
    })
  }

  #catchUp(): void {
    const meanwhile = this.#meanwhile
    this.#meanwhile = []
    if (!meanwhile.every((events) => this.#deliver(events))) this.#read()
  }
}
