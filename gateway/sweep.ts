/**
 * Looks after thousands of open streams with one timer for each pace: a timer for each stream would wake the node
 * thousands of times a second. What was added at one time is looked at together, so that the work stays spread out.
 */

/** Parts of a round; what was added within one part is looked at within one. */
const parts = 10

class Round {
  readonly #slots: ReadonlyArray<Set<() => void>> = Array.from({ length: parts }, () => new Set())
  readonly #timer: NodeJS.Timeout
  #part = 0
  size = 0

  constructor(everyMs: number) {
    this.#timer = setInterval(() => this.#turn(), everyMs / parts)
  }

  add(look: () => void): () => void {
    const slot = this.#slots[this.#part]!
    slot.add(look)
    this.size += 1
    return () => {
      if (slot.delete(look)) this.size -= 1
    }
  }

  end(): void {
    clearInterval(this.#timer)
  }

  #turn(): void {
    this.#part = (this.#part + 1) % parts
    for (const look of this.#slots[this.#part]!) look()
  }
}

const rounds = new Map<number, Round>()

/** Calls `look` about every so many milliseconds, first after about as many, until what it gives is called. `look` must not throw. */
export const sweep = (everyMs: number, look: () => void): (() => void) => {
  let round = rounds.get(everyMs)
  if (round === undefined) {
    round = new Round(everyMs)
    rounds.set(everyMs, round)
  }
  const own = round
  // One of its own, so that the same function may be added twice.
  const remove = own.add(() => look())
  return () => {
    remove()
    if (own.size > 0 || rounds.get(everyMs) !== own) return
    own.end()
    rounds.delete(everyMs)
  }
}
