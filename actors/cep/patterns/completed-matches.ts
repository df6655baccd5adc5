/**
 * Matches that are complete, until they are told. Without a skip strategy that is at once. With one, matches are told
 * in the order of their first items, and each removes what the strategy says that it may not share items with: so a
 * match waits until no partial match that began before it is left. Source: Flink CEP's after-match skip strategies.
 */
import { matchedOf } from "./acceptance.ts"
import type { PartialMatch, PartialMatches, Start, Taken } from "./partial-matches.ts"
import type { Match } from "./pattern.ts"
import type { PatternGraph } from "./pattern-graph.ts"

export type Skip =
  | { readonly type: "no_skip" }
  | { readonly type: "skip_to_next" }
  | { readonly type: "skip_past_last_event" }
  | { readonly type: "skip_to_first" | "skip_to_last"; readonly stage: number }

/**
 * Items of all matches together that one item, or one moment, completes, and of those that it lets be told. The first is
 * taken whatever it holds; others beyond it are lost.
 */
export const completedItemsMax = 20_000

export interface Completed {
  readonly startIndex: number
  readonly startAt: number
  readonly last: Taken
  readonly endAt: number
}

const chainOf = (last: Taken): ReadonlyArray<Taken> => {
  const chain: Array<Taken> = []
  for (let taken: Taken | undefined = last; taken !== undefined; taken = taken.before) chain.push(taken)
  return chain.reverse()
}

/** Of matches that were completed by the same item, the one that took earlier items comes first: the longest. */
const compareChains = (left: ReadonlyArray<Taken>, right: ReadonlyArray<Taken>): number => {
  for (let at = placeOfDifference(left, right); at < left.length && at < right.length; at++) {
    const difference =
      left[at]!.entry.index - right[at]!.entry.index || left[at]!.position - right[at]!.position
    if (difference !== 0) return difference
  }
  return right.length - left.length
}

/** Of chains whose beginnings are the same objects, the first place at which they may differ. */
const placeOfDifference = (left: ReadonlyArray<Taken>, right: ReadonlyArray<Taken>): number => {
  let [same, end] = [0, Math.min(left.length, right.length)]
  while (same < end) {
    const middle = (same + end) >>> 1
    // Whatever was taken before one object is the same.
    if (left[middle] === right[middle]) same = middle + 1
    else end = middle
  }
  return same
}

export class CompletedMatches {
  /** Told as soon as nothing that began earlier is left, in this order. */
  held: ReadonlyArray<Completed> = []
  private fresh: Array<Completed> = []
  private readonly graph: PatternGraph
  private readonly skip: Skip
  private readonly partials: PartialMatches

  constructor(graph: PatternGraph, skip: Skip, partials: PartialMatches) {
    this.graph = graph
    this.skip = skip
    this.partials = partials
  }

  add(start: Start, last: Taken, endAt: number): void {
    this.partials.hold(last)
    this.fresh.push({ startIndex: start.index, startAt: start.at, last, endAt })
  }

  /** Puts back what was held, in the order in which it was. */
  restore(completed: Completed): void {
    this.partials.hold(completed.last)
    this.held = [...this.held, completed]
  }

  /** `lost`: of a match for which there was no room. */
  take(skipped: (partial: PartialMatch) => void, lost: (completed: Completed) => void): ReadonlyArray<Match> {
    if (this.fresh.length === 0 && this.held.length === 0) return []
    this.sortIn(lost)
    const matches: Array<Match> = []
    let room = completedItemsMax
    while (this.held.length > 0 && this.isTurnOf(this.held[0]!)) {
      const completed = this.held[0]!
      this.held = this.held.slice(1)
      room -= completed.last.length
      if (room < 0 && matches.length > 0) lost(completed)
      else {
        matches.push({
          stages: matchedOf(this.graph, completed.last),
          startAt: completed.startAt,
          endAt: completed.endAt,
        })
      }
      this.prune(this.pruneBelow(completed), skipped)
      this.partials.release(completed.last)
    }
    return matches
  }

  private isTurnOf(completed: Completed): boolean {
    const { oldest } = this.partials
    return this.skip.type === "no_skip" || oldest === undefined || completed.startIndex <= oldest.index
  }

  private roomed(lost: (completed: Completed) => void): ReadonlyArray<Completed> {
    let room = completedItemsMax
    return this.fresh.filter((completed, at) => {
      room -= completed.last.length
      if (room >= 0 || at === 0) return true
      lost(completed)
      this.partials.release(completed.last)
      return false
    })
  }

  private sortIn(lost: (completed: Completed) => void): void {
    if (this.fresh.length === 0) return
    const chains = this.roomed(lost).map((completed) => ({ completed, chain: chainOf(completed.last) }))
    chains.sort(
      (left, right) =>
        left.completed.startIndex - right.completed.startIndex || compareChains(left.chain, right.chain),
    )
    const distinct = chains.filter(({ completed, chain }, at) => {
      const isNew = at === 0 || compareChains(chains[at - 1]!.chain, chain) !== 0
      if (!isNew) this.partials.release(completed.last)
      return isNew
    })
    this.fresh = []
    const all = [...this.held, ...distinct.map(({ completed }) => completed)]
    this.held = all.sort((left, right) => left.startIndex - right.startIndex)
  }

  /** What began before the item with this number goes. */
  private pruneBelow(completed: Completed): number {
    const { skip } = this
    if (skip.type === "no_skip") return 0
    if (skip.type === "skip_to_next") return completed.startIndex + 1
    if (skip.type === "skip_past_last_event") return completed.last.entry.index + 1
    const items = chainOf(completed.last).filter((taken) =>
      this.graph.positions[taken.position]!.leaf.alternatives[taken.alternative]!.names.includes(skip.stage),
    )
    const to = skip.type === "skip_to_first" ? items[0] : items.at(-1)
    return to === undefined ? 0 : to.entry.index
  }

  private prune(below: number, skipped: (partial: PartialMatch) => void): void {
    for (let start = this.partials.oldest; start !== undefined; start = this.partials.oldest) {
      if (start.index >= below) break
      for (const partial of start.partials) {
        skipped(partial)
        this.partials.remove(partial)
      }
    }
    if (this.held.length === 0 || this.held[0]!.startIndex >= below) return
    const kept = this.held.filter((completed) => completed.startIndex >= below)
    for (const completed of this.held) if (completed.startIndex < below) this.partials.release(completed.last)
    this.held = kept
  }
}
