/**
 * Lets many connections share the one session of an embedded Postgres. A connection owns the session from
 * its first message until `ReadyForQuery` reports it idle, so a transaction is never interleaved with
 * another's statements; a connection that closes in between is rolled back. Notifications go to everybody.
 *
 * Gotcha: `SET`, temporary tables and advisory locks belong to the one session and thus to all connections.
 */
import { randomInt } from "node:crypto"
import { type Duplex, duplexPair } from "node:stream"
import type { SessionLimits } from "./limits.ts"
import { SessionConnection } from "./session-connection.ts"
import { concatBytes, forEachMessage } from "./wire-framing.ts"
import {
  backend,
  closeStatementMessage,
  errorResponse,
  queryMessage,
  readyForQuery,
  startupReply,
  syncMessage,
  type TransactionStatus,
} from "./wire-messages.ts"

/** The one session: executes protocol messages and answers with whole messages. */
export interface SessionBackend {
  /** Rejects when the backend died; the answer is then unknown and the transaction gone. */
  readonly execute: (messages: Uint8Array) => Promise<Uint8Array>
  readonly serverVersion: () => string
}

interface Answer {
  /** Nothing when no `ReadyForQuery` came: the batch ended in Flush. */
  readonly status: TransactionStatus | undefined
  readonly notifications: ReadonlyArray<Uint8Array>
}

const readAnswer = (bytes: Uint8Array): Answer => {
  let status: TransactionStatus | undefined
  const notifications: Array<Uint8Array> = []
  forEachMessage(bytes, (type, start, end) => {
    if (type === backend.readyForQuery) status = String.fromCharCode(bytes[start + 5]!) as TransactionStatus
    else if (type === backend.notification) notifications.push(bytes.slice(start, end))
  })
  return { status, notifications }
}

export class SessionMultiplexer {
  readonly #backend: SessionBackend
  readonly #limits: SessionLimits
  readonly #connections = new Set<SessionConnection>()
  /** Connections with work, in the order in which they asked. */
  readonly #waiting = new Set<SessionConnection>()
  #owner: SessionConnection | undefined
  #executing = false
  /** Wakes the owner's turn when it sent more, or closed. */
  #wakeOwner: (() => void) | undefined
  #idleTimer: ReturnType<typeof setTimeout> | undefined
  #running = false
  #nextPid = 1

  constructor(backend: SessionBackend, limits: SessionLimits) {
    this.#backend = backend
    this.#limits = limits
  }

  /** A new connection: the client's end of a pair of streams. */
  connect(): Duplex {
    const [client, server] = duplexPair()
    const connection = new SessionConnection(server, this.#nextPid++, randomInt(2 ** 31), this.#limits, {
      onSession: (opened) => this.#open(opened),
      onCancel: (pid, secret) => this.#cancel(pid, secret),
      onBatch: (asking) => this.#ask(asking),
      onClosed: (gone) => this.#forget(gone),
    })
    this.#connections.add(connection)
    return client
  }

  /** Ends every connection that started: the backend they prepared statements in is gone. */
  endAll(reason: string): void {
    for (const connection of this.#connections) {
      connection.statements.clear()
      if (connection.started) connection.refuse("57P01", reason)
    }
  }

  #open(connection: SessionConnection) {
    let started = 0
    for (const each of this.#connections) if (each.started) started += 1
    if (started > this.#limits.connectionsMax) {
      return connection.refuse("53300", `more than ${this.#limits.connectionsMax} connections`)
    }
    connection.write(startupReply(connection.pid, connection.secret, this.#backend.serverVersion()))
  }

  #ask(connection: SessionConnection) {
    if (connection === this.#owner) return this.#wakeOwner?.()
    this.#waiting.add(connection)
    this.#watchIdleOwner()
    if (!this.#running) void this.#run()
  }

  #forget(connection: SessionConnection): void {
    this.#connections.delete(connection)
    if (connection === this.#owner) this.#wakeOwner?.()
    // Its prepared statements are dropped in its own turn.
    else if (connection.statements.size > 0) this.#ask(connection)
    else this.#waiting.delete(connection)
  }

  /** Answers statements that still wait for their turn as cancelled; one that runs cannot be stopped. */
  #cancel(pid: number, secret: number): void {
    for (const connection of this.#waiting) {
      if (connection.pid !== pid || connection.secret !== secret || connection.closed) continue
      this.#waiting.delete(connection)
      for (const batch of connection.takeBatches()) {
        if (!batch.ready) continue
        connection.write(errorResponse("ERROR", "57014", "canceling statement due to user request"))
        connection.write(readyForQuery("I"))
      }
    }
  }

  async #run(): Promise<void> {
    this.#running = true
    try {
      for (let next = this.#nextWaiting(); next !== undefined; next = this.#nextWaiting()) {
        this.#owner = next
        await this.#serve(next)
        this.#owner = undefined
        // What it did since the turn looked last, it did as the owner, when nobody was listening.
        if (next.hasBatch || (next.closed && next.statements.size > 0)) this.#waiting.add(next)
      }
    } catch {
      // The backend died in the middle of this turn.
      this.#owner?.refuse("57P01", "the embedded database went away")
      this.#owner = undefined
    } finally {
      this.#running = false
      if (this.#waiting.size > 0) void this.#run()
    }
  }

  #nextWaiting(): SessionConnection | undefined {
    const [next] = this.#waiting
    if (next !== undefined) this.#waiting.delete(next)
    return next
  }

  /** One turn: from the owner's first batch until the session is idle again. */
  async #serve(owner: SessionConnection): Promise<void> {
    let status: TransactionStatus | undefined = "I"
    do {
      if (!owner.hasBatch && !owner.closed) await this.#moreFrom(owner)
      if (owner.closed) return this.#cleanUp(owner, status)
      const messages = owner.takeBatches().flatMap((batch) => batch.messages)
      status = await this.#execute(owner, messages)
    } while (status !== "I")
    if (owner.closed) return this.#cleanUp(owner, status)
  }

  async #execute(
    owner: SessionConnection,
    messages: ReadonlyArray<Uint8Array>,
  ): Promise<TransactionStatus | undefined> {
    this.#executing = true
    try {
      const bytes = await this.#backend.execute(concatBytes(messages))
      const answer = readAnswer(bytes)
      owner.write(bytes)
      for (const notification of answer.notifications) {
        for (const other of this.#connections) if (other !== owner && other.started) other.write(notification)
      }
      return answer.status
    } finally {
      this.#executing = false
    }
  }

  /** Waits until the owner of an open transaction sends more, closes, or has been idle for too long. */
  async #moreFrom(owner: SessionConnection): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wakeOwner = () => {
        if (owner.hasBatch || owner.closed) resolve()
      }
      this.#watchIdleOwner()
    })
    this.#wakeOwner = undefined
    clearTimeout(this.#idleTimer)
    this.#idleTimer = undefined
  }

  #watchIdleOwner(): void {
    const owner = this.#owner
    if (owner === undefined || this.#executing || this.#wakeOwner === undefined) return
    if (this.#waiting.size === 0 || this.#idleTimer !== undefined) return
    const reason =
      "terminating connection due to idle-in-transaction timeout: others wait for the embedded session"
    this.#idleTimer = setTimeout(() => owner.refuse("25P03", reason), this.#limits.idleInTransactionMs)
  }

  /** Brings the session back to idle after its owner is gone. */
  async #cleanUp(owner: SessionConnection, status: TransactionStatus | undefined): Promise<void> {
    const closes = Array.from(owner.statements, closeStatementMessage)
    owner.statements.clear()
    if (status === "I") {
      if (closes.length > 0) await this.#execute(owner, [...closes, syncMessage])
      return
    }
    // Sync first: after an error the session ignores everything up to it.
    await this.#execute(owner, [syncMessage, queryMessage("ROLLBACK"), ...closes, syncMessage])
  }
}
