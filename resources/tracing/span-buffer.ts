/** Finished spans on their way to the stream: bounded, first in first out, the oldest give way to the newest. */
import type { Span } from "../../schemas/index.ts"

export class SpanBuffer {
  /** Spans that were dropped because the buffer was full. */
  dropped = 0
  readonly #max: number
  #spans: Array<Span> = []
  /** Index of the oldest: taking from the front is not worth a copy each time. */
  #head = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#spans.length - this.#head
  }

  add(span: Span): void {
    this.#spans.push(span)
    if (this.size > this.#max) {
      this.#head += 1
      this.dropped += 1
    }
    if (this.#head > this.#max) this.#compact()
  }

  take(max: number): ReadonlyArray<Span> {
    const taken = this.#spans.slice(this.#head, this.#head + max)
    this.#head += taken.length
    if (this.#head === this.#spans.length) this.#compact()
    return taken
  }

  /** Puts back what could not be stored, in front of everything; what there is no room for is dropped. */
  giveBack(spans: ReadonlyArray<Span>): void {
    const room = Math.max(0, this.#max - this.size)
    const kept = spans.slice(Math.max(0, spans.length - room))
    this.dropped += spans.length - kept.length
    this.#spans = [...kept, ...this.#spans.slice(this.#head)]
    this.#head = 0
  }

  #compact(): void {
    this.#spans = this.#spans.slice(this.#head)
    this.#head = 0
  }
}
