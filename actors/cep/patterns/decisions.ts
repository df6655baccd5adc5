/** What an item does to partial matches: which edges take it, which are closed by it, and what ends. Changes nothing. */
import type { Item } from "../item.ts"
import { Acceptance } from "./acceptance.ts"
import { isTogether } from "./open-edges.ts"
import type { Bucket, PartialMatch } from "./partial-matches.ts"
import type { Death } from "./pattern.ts"
import { type Edge, endBit, freshBit, type PatternGraph, type Position } from "./pattern-graph.ts"

/** By position: by which of its alternatives it takes the item; the first where nothing is said. */
export type Ways = { readonly [position: number]: number }
const firstWays: Ways = Object.freeze({})

/** What begins with an item. */
export interface Beginning {
  readonly taking: number
  readonly ways: Ways
}
export const nothingBegins: Beginning = { taking: 0, ways: firstWays }

export interface Decision {
  readonly partial: PartialMatch
  /** Bits of the edges that take the item. */
  readonly taking: number
  readonly ways: Ways
  /** Bits of what is open afterwards to the partial match without the item. */
  readonly open: number
  /** Of its death, if it is one. */
  readonly reason: Death["reason"]
}

export class Decisions {
  private readonly graph: PatternGraph
  private readonly withinMs: number
  private readonly acceptance: Acceptance

  constructor(graph: PatternGraph, withinMs: number) {
    this.graph = graph
    this.withinMs = withinMs
    this.acceptance = new Acceptance(graph)
  }

  /** What an item does to those of the partial matches that it can move. Errors: what conditions throw. */
  decide(item: Item, buckets: Iterable<Bucket>): ReadonlyArray<Decision> {
    this.acceptance.begin(item)
    const decisions: Array<Decision> = []
    const expired = item.at - this.withinMs
    for (const bucket of buckets) {
      const position = this.graph.positions[bucket.position]!
      if (!this.touches(position, bucket.open)) continue
      for (const partial of bucket.partials) {
        const decision = partial.start.at > expired ? this.decideFor(partial, position) : undefined
        if (decision !== undefined) decisions.push(decision)
      }
    }
    return decisions
  }

  /** Whether an item may do anything to the partial matches of a bucket. */
  private touches(position: Position, open: number): boolean {
    if ((open & position.instant) !== 0) return true
    const { acceptance } = this
    for (const edge of position.edges) {
      if ((open & edge.bit) === 0) continue
      if (acceptance.may(this.graph.positions[edge.target]!.leaf.alternatives)) return true
      for (const until of edge.untils) if (acceptance.mayEnd(until)) return true
    }
    for (const guard of position.guards) {
      if (!guard.atOnce && acceptance.may(guard.alternatives)) return true
    }
    return false
  }

  private decideFor(partial: PartialMatch, position: Position): Decision | undefined {
    const { acceptance } = this
    const { last, open } = partial
    for (const guard of isTogether(position, partial.rounds) ? position.guards : []) {
      const looks = !guard.atOnce || (open & freshBit) !== 0
      if (looks && acceptance.which(guard.alternatives, last) >= 0) {
        return { partial, taking: 0, open: 0, ways: firstWays, reason: "not" }
      }
    }
    let taking = 0
    let ways = firstWays
    let closing = position.instant
    let reason: Death["reason"] = "strict"
    for (const edge of position.edges) {
      if ((open & edge.bit) === 0) continue
      const way = acceptance.which(this.graph.positions[edge.target]!.leaf.alternatives, last)
      const would = way >= 0
      const ended = edge.untils.some((until) => acceptance.ends(until, last))
      if (would && !ended) taking |= edge.bit
      if (way > 0) ways = { ...ways, [edge.target]: way }
      if (would && edge.contiguity === "followed_by") closing |= edge.family
      if (ended) reason = "until"
      if (ended && edge.kind !== "enter") closing |= edge.bit
    }
    if (taking === 0 && (open & closing) === 0) return undefined
    const left = this.yieldToGreedy(position.edges, taking)
    for (const edge of position.edges) {
      if ((edge.dominators & taking) !== 0 && this.closesOthers(position.edges, edge.dominators & taking)) {
        closing |= edge.bit
      }
    }
    if ((position.endDominators & taking) !== 0) {
      if (this.closesOthers(position.edges, position.endDominators & taking)) closing |= endBit
    }
    return { partial, taking: left, ways, open: open & ~closing, reason }
  }

  /** What is left to be taken when greedy stages that can take it go first. */
  private yieldToGreedy(edges: ReadonlyArray<Edge>, taking: number): number {
    let left = taking
    for (const edge of edges) if ((edge.dominators & taking) !== 0) left &= ~edge.bit
    return left
  }

  /** A greedy stage that was not allowed to leave an item out ends the ways that would have. */
  private closesOthers(edges: ReadonlyArray<Edge>, dominators: number): boolean {
    return edges.some((edge) => (edge.bit & dominators) !== 0 && edge.contiguity !== "followed_by_any")
  }

  /** The edges with which the same item begins a match. */
  decideStart(): Beginning {
    let taking = 0
    let ways = firstWays
    for (const edge of this.graph.starts) {
      const way = this.acceptance.which(this.graph.positions[edge.target]!.leaf.alternatives, undefined)
      if (way < 0) continue
      if (way > 0) ways = { ...ways, [edge.target]: way }
      if (!edge.untils.some((until) => this.acceptance.ends(until, undefined))) taking |= edge.bit
    }
    return taking === 0 ? nothingBegins : { taking: this.yieldToGreedy(this.graph.starts, taking), ways }
  }
}
