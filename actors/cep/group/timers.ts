/**
 * Which groups wait for time: a heap, so that a tick looks only at those whose time has come. A group may be in it too
 * early and find that it waits longer, never too late.
 */

/** What waits. `wakesAt` is kept here: the time of its newest entry; older entries of it are void. */
export interface Waiting {
  wakesAt: number
  readonly isAlive: boolean
  /** Called before `wakesAt` of what is due changes. */
  readonly touch: () => void
}

interface Entry<T> {
  readonly at: number
  readonly waiting: T
}

/** Entries that are kept whatever they are. */
const keptMin = 1_024

export class Timers<T extends Waiting> {
  private heap: Array<Entry<T>> = []
  private sweepAt = keptMin

  /** By the time at which entries were stored, not by event time. */
  schedule(waiting: T, at: number): void {
    waiting.wakesAt = at
    if (at === Number.POSITIVE_INFINITY) return
    if (this.heap.length >= this.sweepAt) this.sweep()
    this.insert({ at, waiting })
  }

  private insert(entry: Entry<T>): void {
    const { heap } = this
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (heap[parent]!.at <= entry.at) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  /** What is void, or dead, would be kept in memory until its time: a rule that was edited with all that its groups hold. */
  private sweep(): void {
    const all = this.heap
    this.heap = []
    for (const entry of all) {
      const { at, waiting } = entry
      if (waiting.isAlive && waiting.wakesAt === at) this.insert(entry)
    }
    this.sweepAt = Math.max(keptMin, 2 * this.heap.length)
  }

  /** Entries, void ones among them. */
  get size(): number {
    return this.heap.length
  }

  /** The next time at which something may be due; Infinity when nothing waits. */
  nextDue(): number {
    this.dropVoid()
    return this.heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Takes out all that are due and alive. */
  due(now: number): Array<T> {
    const due: Array<T> = []
    while (this.nextDue() <= now) {
      const { waiting } = this.removeFirst()
      if (!waiting.isAlive) continue
      waiting.touch()
      waiting.wakesAt = Number.POSITIVE_INFINITY
      due.push(waiting)
    }
    return due
  }

  private dropVoid(): void {
    while (this.heap.length > 0 && this.heap[0]!.waiting.wakesAt !== this.heap[0]!.at) this.removeFirst()
  }

  private removeFirst(): Entry<T> {
    const { heap } = this
    const first = heap[0]!
    const last = heap.pop()!
    const length = heap.length
    if (length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= length) break
      if (child + 1 < length && heap[child + 1]!.at < heap[child]!.at) child += 1
      if (heap[child]!.at >= last.at) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return first
  }
}
