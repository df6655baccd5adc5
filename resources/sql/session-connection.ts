/**
 * One client's side of the multiplexer: gathers its messages into batches that end where the server has
 * to answer, remembers which prepared statements it made, and bounds what it may have waiting.
 */
import type { Duplex } from "node:stream"
import type { SessionLimits } from "./limits.ts"
import { ClientFraming, startup, type WireMessage } from "./wire-framing.ts"
import { errorResponse, frontend, keepListening, readStartup, statementName } from "./wire-messages.ts"

/** Messages up to the next point at which the server answers. */
export interface Batch {
  readonly messages: ReadonlyArray<Uint8Array>
  readonly bytes: number
  /** Whether `ReadyForQuery` follows; a batch that ends in Flush leaves the session taken. */
  readonly ready: boolean
}

export interface ConnectionEvents {
  readonly onSession: (connection: SessionConnection) => void
  readonly onCancel: (pid: number, secret: number) => void
  readonly onBatch: (connection: SessionConnection) => void
  readonly onClosed: (connection: SessionConnection) => void
}

const answeredWith = new Set<number>([frontend.query, frontend.sync])

export class SessionConnection {
  readonly pid: number
  readonly secret: number
  readonly statements = new Set<string>()
  /** Started up, and therefore told about notifications. */
  started = false
  closed = false
  readonly #stream: Duplex
  readonly #limits: SessionLimits
  readonly #events: ConnectionEvents
  readonly #framing: ClientFraming
  #gathering: Array<Uint8Array> = []
  #gatheredBytes = 0
  #batches: Array<Batch> = []
  #queuedMessages = 0
  #queuedBytes = 0

  constructor(stream: Duplex, pid: number, secret: number, limits: SessionLimits, events: ConnectionEvents) {
    this.pid = pid
    this.secret = secret
    this.#stream = stream
    this.#limits = limits
    this.#events = events
    this.#framing = new ClientFraming(limits.messageBytesMax)
    stream.on("data", (chunk: Uint8Array) => this.#receive(chunk))
    stream.once("end", () => this.close())
    stream.once("close", () => this.close())
    stream.on("error", () => this.close())
  }

  get hasBatch(): boolean {
    return this.#batches.length > 0
  }

  write(bytes: Uint8Array): void {
    if (!this.closed) this.#stream.write(bytes)
  }

  /** Everything that waits, as one run of bytes: statements sent together are executed together. */
  takeBatches(): ReadonlyArray<Batch> {
    const batches = this.#batches
    this.#batches = []
    for (const batch of batches) {
      this.#queuedMessages -= batch.messages.length
      this.#queuedBytes -= batch.bytes
    }
    return batches
  }

  /** Ends the connection with an error the client sees. */
  refuse(sqlState: string, reason: string): void {
    this.write(errorResponse("FATAL", sqlState, reason))
    this.close()
  }

  /** Ends the connection; what it had waiting is dropped. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.#batches = []
    this.#gathering = []
    // The peer sees an end for what was written and then a close; destroying at once would drop the rest.
    this.#stream.end(() => this.#stream.destroy(new Error("connection closed")))
    this.#events.onClosed(this)
  }

  #receive(chunk: Uint8Array) {
    if (this.closed) return
    let messages: ReadonlyArray<WireMessage>
    try {
      messages = this.#framing.push(chunk)
    } catch (cause) {
      return this.refuse("54000", (cause as Error).message)
    }
    for (const message of messages) {
      if (this.closed) return
      if (message.type === startup) this.#startUp(message.bytes)
      else this.#gather(message)
    }
  }

  #startUp(bytes: Uint8Array) {
    const request = readStartup(bytes)
    switch (request._tag) {
      case "Encryption":
        // "N": no encryption, go on in plain; both ends are in this process.
        return this.write(new Uint8Array([0x4e]))
      case "Cancel":
        this.#events.onCancel(request.pid, request.secret)
        return this.close()
      case "Session":
        this.started = true
        return this.#events.onSession(this)
    }
  }

  #gather(message: WireMessage) {
    const { type } = message
    if (type === frontend.terminate) return this.close()
    if (type === frontend.password) return
    const bytes = keepListening(type, message.bytes)
    this.#rememberStatement(type, bytes)
    this.#gathering.push(bytes)
    this.#gatheredBytes += bytes.length
    this.#queuedMessages += 1
    this.#queuedBytes += bytes.length
    if (this.#queuedMessages > this.#limits.queuedMessagesMax)
      return this.refuse("54000", "too many messages wait")
    if (this.#queuedBytes > this.#limits.queuedBytesMax) return this.refuse("54000", "too many bytes wait")
    const ready = answeredWith.has(type)
    if (!ready && type !== frontend.flush) return
    this.#batches.push({ messages: this.#gathering, bytes: this.#gatheredBytes, ready })
    this.#gathering = []
    this.#gatheredBytes = 0
    this.#events.onBatch(this)
  }

  #rememberStatement(type: number, bytes: Uint8Array): void {
    if (type !== frontend.parse && type !== frontend.close) return
    const name = statementName(type, bytes)
    if (name === "") return
    if (type === frontend.parse) this.statements.add(name)
    else this.statements.delete(name)
  }
}
