/**
 * WebSockets and event streams that are open on this node: bounded in all and for each user, counted, and told when the
 * node stops.
 */
import { GatewayError } from "./errors.ts"

export class OpenStreams {
  readonly #stops = new Set<() => void>()
  readonly #byOwner = new Map<string, number>()
  readonly #max: number
  readonly #perOwnerMax: number
  #stopping = false

  constructor(max: number, perOwnerMax = max) {
    this.#max = max
    this.#perOwnerMax = perOwnerMax
  }

  get size(): number {
    return this.#stops.size
  }

  /**
   * `stop` is called once when the node stops; the answer takes the stream off the list. Throws when the list is full, or
   * the owner's part of it.
   */
  add(stop: () => void, owner: string): () => void {
    if (this.#stopping)
      throw new GatewayError(503, "GTW_STREAM_001", "This node is shutting down; connect again.")
    if (this.#stops.size >= this.#max)
      throw new GatewayError(503, "GTW_STREAM_002", "This node has as many open streams as it may have.", {
        limit: "streamsMax",
      })
    const count = (this.#byOwner.get(owner) ?? 0) + 1
    if (count > this.#perOwnerMax)
      throw new GatewayError(429, "GTW_STREAM_004", "You have as many open streams as you may have.", {
        limit: "streamsPerUserMax",
        streams_max: this.#perOwnerMax,
        remedy: "close streams that nobody reads",
      })
    this.#byOwner.set(owner, count)
    this.#stops.add(stop)
    return () => this.#remove(stop, owner)
  }

  stopAll(): void {
    this.#stopping = true
    for (const stop of [...this.#stops]) stop()
  }

  #remove(stop: () => void, owner: string): void {
    if (!this.#stops.delete(stop)) return
    const left = this.#byOwner.get(owner)! - 1
    if (left > 0) this.#byOwner.set(owner, left)
    else this.#byOwner.delete(owner)
  }
}
