/**
 * The pending timers of one partition, earliest first: a binary heap beside an index by address and key. Cancelled or
 * replaced timers stay in the heap until they surface or outnumber the live ones. Cost: O(log n) per change.
 */
import { Cron } from "croner"
import type { Due } from "./decision.ts"

export interface PendingTimer {
  readonly address: string
  readonly key: string
  readonly at: number
}

const indexKey = (address: string, key: string): string => `${address}\n${key}`

export class TimerQueue {
  private heap: Array<PendingTimer> = []
  private readonly index = new Map<string, PendingTimer>()

  get size(): number {
    return this.index.size
  }

  set(timer: PendingTimer): void {
    this.index.set(indexKey(timer.address, timer.key), timer)
    this.heap.push(timer)
    this.up(this.heap.length - 1)
    if (this.heap.length > 64 && this.heap.length > 2 * this.index.size) this.compact()
  }

  clear(address: string, key: string): void {
    this.index.delete(indexKey(address, key))
  }

  /** When the earliest live timer is due; undefined when there is none. */
  nextAt(): number | undefined {
    this.dropStale()
    return this.heap[0]?.at
  }

  /** Takes the timers due at `now` out of the heap; they stay in the index until they are cleared or set anew. */
  due(now: number, max: number): ReadonlyArray<PendingTimer> {
    const taken: Array<PendingTimer> = []
    while (taken.length < max) {
      this.dropStale()
      const first = this.heap[0]
      if (first === undefined || first.at > now) break
      this.pop()
      taken.push(first)
    }
    return taken
  }

  values(): ReadonlyArray<PendingTimer> {
    return [...this.index.values()]
  }

  private dropStale(): void {
    while (this.heap.length > 0) {
      const first = this.heap[0]!
      if (this.index.get(indexKey(first.address, first.key)) === first) return
      this.pop()
    }
  }

  private compact(): void {
    this.heap = [...this.index.values()].sort((left, right) => left.at - right.at)
  }

  private pop(): void {
    const last = this.heap.pop()!
    if (this.heap.length === 0) return
    this.heap[0] = last
    this.down(0)
  }

  private up(start: number): void {
    const { heap } = this
    let child = start
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (heap[parent]!.at <= heap[child]!.at) return
      ;[heap[parent], heap[child]] = [heap[child]!, heap[parent]!]
      child = parent
    }
  }

  private down(start: number): void {
    const { heap } = this
    let parent = start
    for (;;) {
      let least = parent
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && heap[child]!.at < heap[least]!.at) least = child
      }
      if (least === parent) return
      ;[heap[parent], heap[least]] = [heap[least]!, heap[parent]!]
      parent = least
    }
  }
}

/** The name under which an actor's timer is kept. */
export const timerKey = (timer: string, id?: string): string => (id === undefined ? timer : `${timer}:${id}`)

/** Splits a timer key again: the name never holds a colon. */
export const splitTimerKey = (key: string): { readonly timer: string; readonly id: string | undefined } => {
  const colon = key.indexOf(":")
  return colon < 0 ? { timer: key, id: undefined } : { timer: key.slice(0, colon), id: key.slice(colon + 1) }
}

/**
 * The next moment strictly after `after` at which a five-field cron expression holds in its zone, DST included;
 * undefined when it never does. Throws on an invalid expression.
 */
export const nextCron = (expression: string, zone: string | undefined, after: number): number | undefined =>
  new Cron(expression, { timezone: zone ?? "Etc/UTC", mode: "5-part" }).nextRun(new Date(after))?.getTime()

/** The newest `count` of such moments at or before `through`, oldest first. Throws on an invalid expression. */
export const pastCrons = (
  expression: string,
  zone: string | undefined,
  through: number,
  count: number,
): ReadonlyArray<number> =>
  new Cron(expression, { timezone: zone ?? "Etc/UTC", mode: "5-part" })
    .previousRuns(count, new Date(through + 1))
    .map((at) => at.getTime())
    .toReversed()

/** The moment a timer is due; undefined for a cron expression that never holds again. */
export const dueAt = (due: Due, now: number): number | undefined => {
  if ("afterMs" in due) return now + due.afterMs
  return "at" in due ? due.at : nextCron(due.cron, due.zone, now)
}
