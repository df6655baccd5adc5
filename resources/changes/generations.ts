/**
 * Counts the changes of each topic. Bounded: when there are too many topics, all begin anew at a number that none of
 * them had, so that what was kept under any of them is stale rather than taken for fresh.
 */

/** Topics that are counted one by one; above it all are forgotten at once, which costs each cache one load. */
export const topicsMax = 10_000

export class Generations {
  readonly #byTopic = new Map<string, number>()
  readonly #topicsMax: number
  #last = 0
  /** Of every topic that is not counted. */
  #floor = 0

  constructor(max = topicsMax) {
    this.#topicsMax = max
  }

  of(topic: string): number {
    return this.#byTopic.get(topic) ?? this.#floor
  }

  advance(topic: string): void {
    if (this.#byTopic.size >= this.#topicsMax && !this.#byTopic.has(topic)) this.advanceAll()
    this.#byTopic.set(topic, ++this.#last)
  }

  advanceAll(): void {
    this.#byTopic.clear()
    this.#floor = ++this.#last
  }
}
