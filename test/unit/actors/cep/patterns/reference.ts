/**
 * What a pattern matches, found by trying every choice of items and checking each definition on it by looking at all
 * items in between. Slow, and written without the matcher's graph: states are places in the document, and whether a way
 * on is still there is found anew each time by scanning.
 */

import type { Item } from "../../../../../actors/cep/item.ts"
import { durationMs, type PatternDocument } from "../../../../../schemas/index.ts"
import { holds, type MatchedItems } from "./cases.ts"
import { type Choice, type Way, Ways } from "./ways.ts"

export interface ReferenceMatch {
  readonly items: ReadonlyArray<number>
  readonly leaves: ReadonlyArray<string>
  /** The step at which it was sure: an item's number, or a half more than that of the item before its deadline. */
  readonly sure: number
}

export class ReferencePattern {
  private readonly document: PatternDocument
  private readonly items: ReadonlyArray<Item>
  private readonly within: number
  private readonly ways: Ways

  constructor(document: PatternDocument, items: ReadonlyArray<Item>) {
    this.document = document
    this.items = items
    this.within = durationMs(document.within ?? "10m")
    this.ways = new Ways(document)
  }

  private matched(choice: Choice | undefined): MatchedItems {
    return choice === undefined ? [] : choice.items.map((index) => this.items[index]!)
  }

  private seen(choice: Choice, to: number): ReadonlyArray<number> {
    const last = choice.items.at(-1)!
    return Array.from({ length: Math.max(0, to - last) }, (_, at) => last + 1 + at)
  }

  /** Whether a way takes the item at `to`, given all that came since the last item. */
  private takes(choice: Choice, way: Way, to: number): boolean {
    const matched = this.matched(choice)
    const item = this.items[to]!
    if (!way.wants(item, matched) || way.until.some((until) => holds(until, item, matched))) return false
    return this.isOpen(choice, way, to - 1)
  }

  /** Whether a way is still there after the items up to `to`, apart from greedy stages. */
  private isOpen(choice: Choice, way: Way, to: number): boolean {
    const matched = this.matched(choice)
    const since = this.seen(choice, to).map((index) => this.items[index]!)
    if (way.spacing === "strict" && since.length > 0) return false
    if (way.spacing === "relaxed" && since.some((item) => way.alsoWants(item, matched))) return false
    return !(way.isLoop && since.some((item) => way.until.some((until) => holds(until, item, matched))))
  }

  /** Whether something that must not come came with the items up to `to`. */
  private isForbidden(choice: Choice, to: number): boolean {
    const { nots, canLeave } = this.ways.onward(choice)
    const matched = this.matched(choice)
    const since = this.seen(choice, to)
    return nots.some((not) => {
      if (not.contiguity !== "next")
        return since.some((at) => this.ways.wanted(not)(this.items[at]!, matched))
      return canLeave && since.slice(0, 1).some((at) => this.ways.wanted(not)(this.items[at]!, matched))
    })
  }

  private isGreedilyTaken(
    choice: Choice,
    greedy: ReadonlyArray<Way>,
    to: number,
    isTaking: boolean,
  ): boolean {
    return greedy.some((way) =>
      way.spacing === "any"
        ? isTaking && this.takes(choice, way, to)
        : this.seen(choice, to).some((at) => this.takes(choice, way, at)),
    )
  }

  private isAlive(choice: Choice, to: number): boolean {
    if (this.isForbidden(choice, to)) return false
    const { ways } = this.ways.onward(choice)
    const open = ways.some(
      (way) => this.isOpen(choice, way, to) && !this.isGreedilyTaken(choice, way.greedyBefore, to, false),
    )
    return open || this.sureAt(choice) > to
  }

  /** The last item before a match that begins with the same item would take too long. */
  private lastInTime(choice: Choice): number {
    const deadline = this.items[choice.items[0]!]!.at + this.within
    return this.items.findLastIndex((item) => item.at < deadline)
  }

  /** When it is sure that a choice is a match; -1 if it is none. */
  private sureAt(choice: Choice): number {
    const { end, nots } = this.ways.onward(choice)
    if (end === undefined) return -1
    const first = choice.items.at(-1)!
    const last = this.lastInTime(choice)
    const patient = nots.some((not) => not.contiguity !== "next")
    for (let at = first; at <= last; at++) {
      if (this.isForbidden(choice, at) || this.isGreedilyTaken(choice, end, at, false)) return -1
      if (patient || (nots.length > 0 && at === first)) continue
      if (end.every((way) => !this.isOpen(choice, way, at))) return at
    }
    return last + 0.5
  }

  /** Every choice of items that a pattern allows, complete or not. */
  private choices(): ReadonlyArray<Choice> {
    const found: Array<Choice> = []
    const go = (choice: Choice) => {
      found.push(choice)
      const last = this.lastInTime(choice)
      for (const way of this.ways.onward(choice).ways) {
        for (const to of this.seen(choice, last)) {
          if (!this.takes(choice, way, to) || this.isForbidden(choice, to)) continue
          if (this.isGreedilyTaken(choice, way.greedyBefore, to, true)) continue
          go({ ...way.to, items: [...choice.items, to], leaves: [...choice.leaves, way.leaf] })
        }
      }
    }
    const first = this.ways.after(-1, []).ways
    const begins = (way: Way, item: Item) =>
      way.wants(item, []) && !way.until.some((until) => holds(until, item, []))
    this.items.forEach((item, index) => {
      for (const way of first) {
        if (!begins(way, item) || way.greedyBefore.some((greedy) => begins(greedy, item))) continue
        go({ ...way.to, items: [index], leaves: [way.leaf] })
      }
    })
    return found
  }

  private orderOf(leaf: string): number {
    return JSON.stringify(this.document.stages).indexOf(`"name":"${leaf}"`)
  }

  private compare(left: ReferenceMatch, right: ReferenceMatch): number {
    for (let at = 0; at < Math.min(left.items.length, right.items.length); at++) {
      const order = this.orderOf(left.leaves[at]!) - this.orderOf(right.leaves[at]!)
      const difference = left.items[at]! - right.items[at]! || order
      if (difference !== 0) return difference
    }
    return right.items.length - left.items.length
  }

  private pruneBelow(match: ReferenceMatch): number {
    const skip = this.document.after_match!
    if (skip.type === "no_skip") return 0
    if (skip.type === "skip_to_next") return match.items[0]! + 1
    if (skip.type === "skip_past_last_event") return match.items.at(-1)! + 1
    const named = match.items.filter((_, at) =>
      this.isIn(match.leaves[at]!, (skip as { stage: string }).stage),
    )
    return (skip.type === "skip_to_first" ? named[0] : named.at(-1)) ?? 0
  }

  private isIn(leaf: string, stage: string): boolean {
    if (leaf === stage) return true
    const outer = this.document.stages.find((one) => one.name === stage)
    return [...(outer?.group ?? []), ...(outer?.all_of ?? [])].some((one) => one.name === leaf)
  }

  /** The items of each match, in the order in which matches are told. */
  matches(): ReadonlyArray<ReadonlyArray<number>> {
    const choices = this.choices()
    const all = choices.flatMap((choice): ReadonlyArray<ReferenceMatch> => {
      const sure = this.sureAt(choice)
      return sure < 0 ? [] : [{ items: choice.items, leaves: choice.leaves, sure }]
    })
    const same = (left: ReferenceMatch, right: ReferenceMatch) =>
      left.sure === right.sure && this.compare(left, right) === 0
    const distinct = all.filter((match, at) => all.findIndex((other) => same(other, match)) === at)
    const told: Array<ReadonlyArray<number>> = []
    let floor = 0
    let held: ReadonlyArray<ReferenceMatch> = []
    for (let step = 0; step <= this.items.length; step += 0.5) {
      const now = distinct
        .filter((match) => match.sure === step)
        .sort((l, r) => l.items[0]! - r.items[0]! || this.compare(l, r))
      held = [...held, ...now].filter((match) => match.items[0]! >= floor)
      held = held.toSorted((left, right) => left.items[0]! - right.items[0]!)
      while (held.length > 0) {
        const match = held[0]!
        const isBlocked = choices.some((choice) => {
          const start = choice.items[0]!
          if (start < floor || start >= match.items[0]! || choice.items.at(-1)! > step) return false
          return step <= this.lastInTime(choice) && this.isAlive(choice, Math.floor(step))
        })
        if (isBlocked && this.document.after_match!.type !== "no_skip") break
        told.push(match.items)
        floor = Math.max(floor, this.pruneBelow(match))
        held = held.slice(1).filter((other) => other.items[0]! >= floor)
      }
    }
    return told
  }
}
