/** WebSockets and event streams that are open on this node: bounded, counted, and told when the node stops. */
import { GatewayError } from "./errors.ts"

export class OpenStreams {
  readonly #stops = new Set<() => void>()
  readonly #max: number
  #stopping = false

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#stops.size
  }

  /** `stop` is called once when the node stops; the answer takes the stream off the list. Throws when it is full. */
  add(stop: () => void): () => void {
    if (this.#stopping)
      throw new GatewayError(503, "GTW_STREAM_001", "This node is shutting down; connect again.")
    if (this.#stops.size >= this.#max)
      throw new GatewayError(503, "GTW_STREAM_002", "This node has as many open streams as it may have.", {
        limit: "streamsMax",
      })
    this.#stops.add(stop)
    return () => void this.#stops.delete(stop)
  }

  stopAll(): void {
    this.#stopping = true
    for (const stop of [...this.#stops]) stop()
  }
}
