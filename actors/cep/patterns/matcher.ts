/**
 * Runs a pattern's graph over the items of one group.
 *
 * I1  What an item does to the partial matches is decided first and then done: when a condition throws, nothing changed.
 * I2  A partial match that is not moved by an item is not touched by it, however many there are.
 * I3  With a skip strategy a match is told once no partial match that began before it is left, as Flink does.
 * I4  The same items in the same order, with any checkpoints in between, give the same matches and deaths in the same order.
 */
import type { ByteWriter } from "../bytes.ts"
import type { Item } from "../item.ts"
import { Acceptance } from "./acceptance.ts"
import { CompletedMatches, type Skip } from "./completed-matches.ts"
import { encodeMatcher } from "./matcher-codec.ts"
import type { Start } from "./partial-matches.ts"
import {
  type Entry,
  type PartialMatch,
  PartialMatches,
  partialMatchesMax,
  patternBytesMax,
} from "./partial-matches.ts"
import type { Death, Match, Matcher } from "./pattern.ts"
import { type Edge, endBit, freshBit, type PatternGraph, type Position } from "./pattern-graph.ts"

/** What an item does to a partial match. */
interface Decision {
  readonly partial: PartialMatch
  readonly taking: number
  readonly open: number
  readonly reason: Death["reason"]
}

export class PatternMatcher implements Matcher {
  readonly graph: PatternGraph
  readonly withinMs: number
  readonly partials = new PartialMatches()
  readonly completed: CompletedMatches
  /** Number of the next item. */
  next = 0
  private readonly acceptance: Acceptance
  private onDeath: ((death: Death) => void) | undefined

  constructor(graph: PatternGraph, withinMs: number, skip: Skip) {
    this.graph = graph
    this.withinMs = withinMs
    this.acceptance = new Acceptance(graph)
    this.completed = new CompletedMatches(graph, skip, this.partials)
  }

  offer(item: Item): ReadonlyArray<Match> {
    this.acceptance.begin(item)
    const decisions = this.decide(item)
    const starting = this.decideStart()
    this.expire(item.at)
    const entry = this.partials.entry(item, this.next)
    this.next += 1
    for (const decision of decisions) this.apply(decision, entry)
    if (starting !== 0) this.begin(starting, entry)
    this.keepBounds(item.at)
    return this.tell(item.at)
  }

  advance(watermark: number): ReadonlyArray<Match> {
    if (watermark < this.nextDue()) return []
    this.expire(watermark)
    return this.tell(watermark)
  }

  nextDue(): number {
    const { oldest } = this.partials
    return oldest === undefined ? Number.POSITIVE_INFINITY : oldest.at + this.withinMs
  }

  watch(onDeath: (death: Death) => void): void {
    this.onDeath = onDeath
  }

  partialMatches(): number {
    return this.partials.size
  }

  bytes(): number {
    return this.partials.bytes
  }

  encode(writer: ByteWriter): void {
    encodeMatcher(writer, this)
  }

  private decide(item: Item): ReadonlyArray<Decision> {
    const decisions: Array<Decision> = []
    const expired = item.at - this.withinMs
    for (const bucket of this.partials.buckets.values()) {
      const position = this.graph.positions[bucket.position]!
      if (!this.touches(position, bucket.open)) continue
      for (const partial of bucket.partials) {
        if (partial.start.at > expired) decisions.push(this.decideFor(partial, position))
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

  private decideFor(partial: PartialMatch, position: Position): Decision {
    const { acceptance } = this
    const { last, open } = partial
    for (const guard of isTogether(position, partial.rounds) ? position.guards : []) {
      const looks = !guard.atOnce || (open & freshBit) !== 0
      if (looks && acceptance.which(guard.alternatives, last) >= 0) {
        return { partial, taking: 0, open: 0, reason: "not" }
      }
    }
    let taking = 0
    let closing = position.instant
    let reason: Death["reason"] = "strict"
    for (const edge of position.edges) {
      if ((open & edge.bit) === 0) continue
      const would = acceptance.which(this.graph.positions[edge.target]!.leaf.alternatives, last) >= 0
      const ended = edge.untils.some((until) => acceptance.ends(until, last))
      if (would && !ended) taking |= edge.bit
      if (would && edge.contiguity === "followed_by") closing |= edge.family
      if (ended) reason = "until"
      if (ended && edge.kind !== "enter") closing |= edge.bit
    }
    const left = this.yieldToGreedy(position.edges, taking)
    for (const edge of position.edges) {
      if ((edge.dominators & taking) !== 0 && this.closesOthers(position.edges, edge.dominators & taking)) {
        closing |= edge.bit
      }
    }
    if ((position.endDominators & taking) !== 0) {
      if (this.closesOthers(position.edges, position.endDominators & taking)) closing |= endBit
    }
    return { partial, taking: left, open: open & ~closing, reason }
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

  private decideStart(): number {
    let taking = 0
    for (const edge of this.graph.starts) {
      if (this.acceptance.which(this.graph.positions[edge.target]!.leaf.alternatives, undefined) < 0) continue
      if (!edge.untils.some((until) => this.acceptance.ends(until, undefined))) taking |= edge.bit
    }
    return taking === 0 ? 0 : this.yieldToGreedy(this.graph.starts, taking)
  }

  private begin(taking: number, entry: Entry): void {
    const start = this.partials.start(entry.index, entry.item.at)
    for (const edge of this.graph.starts) {
      if ((taking & edge.bit) !== 0) this.enter(edge, entry, start, undefined)
    }
  }

  private apply({ partial, taking, open, reason }: Decision, entry: Entry): void {
    if (!partial.alive) return
    const position = this.graph.positions[partial.position]!
    for (const edge of position.edges) {
      if ((taking & edge.bit) !== 0) this.enter(edge, entry, partial.start, partial)
    }
    const left = reason === "not" ? 0 : this.endWhenSure(partial, position, open, entry.item.at)
    if (left === 0) {
      if (taking === 0) this.died(partial, reason, entry.item.at)
      this.partials.remove(partial)
    } else if (left !== partial.open) {
      this.partials.move(partial, left)
    }
  }

  /** The ways that are left once a match is made of what needs nothing more to come. */
  private endWhenSure(partial: PartialMatch, position: Position, open: number, at: number): number {
    if ((open & endBit) === 0 || position.endWaits === "deadline") return open
    if (position.endWaits === "item" && (open & freshBit) !== 0) return open
    if ((open & position.endDominators) !== 0) return open
    partial.done = true
    this.completed.add(partial.start, partial.last, at)
    return open & ~endBit
  }

  /** A partial match goes on with an item, or a new one begins with it. */
  private enter(edge: Edge, entry: Entry, start: Start, from: PartialMatch | undefined): void {
    const position = this.graph.positions[edge.target]!
    const alternative = this.acceptance.which(position.leaf.alternatives, from?.last)
    const last = this.partials.take(entry, edge.target, alternative, from?.last)
    const count = edge.kind === "repeat" ? from!.count + 1 : 1
    const rounds = roundsAfter(edge, position, from)
    const serial = this.partials.serial
    const partial = {
      start,
      position: edge.target,
      count,
      rounds,
      last,
      serial,
      open: 0,
      done: false,
      alive: true,
    }
    const open = this.endWhenSure(partial, position, openOf(position, count, rounds), entry.item.at)
    if ((open & ~freshBit) === 0) {
      this.partials.sweep(last)
      return
    }
    partial.open = open
    this.partials.serial += 1
    this.partials.add(partial)
  }

  /** Ends what can no longer become a match, first of all what began first; absences become sure. */
  private expire(watermark: number): void {
    for (let start = this.partials.oldest; start !== undefined; start = this.partials.oldest) {
      const deadline = start.at + this.withinMs
      if (deadline > watermark) return
      for (const partial of start.partials) {
        const ends = (partial.open & endBit) !== 0
        if (ends) this.completed.add(start, partial.last, deadline)
        else this.died(partial, "within", deadline)
        this.partials.remove(partial)
      }
    }
  }

  private keepBounds(at: number): void {
    while (
      this.partials.size + this.completed.held.length > partialMatchesMax ||
      this.partials.bytes > patternBytesMax
    ) {
      const start = this.partials.oldest
      if (start === undefined) return
      for (const partial of start.partials) {
        this.died(partial, "limit", at)
        this.partials.remove(partial)
        break
      }
    }
  }

  private tell(at: number): ReadonlyArray<Match> {
    return this.completed.take((partial) => this.died(partial, "skipped", at))
  }

  private died(partial: PartialMatch, reason: Death["reason"], at: number): void {
    if (this.onDeath === undefined || (partial.done && reason !== "limit")) return
    const stage = this.graph.positions[partial.position]!.leaf.name
    this.onDeath({ reason, stage, startAt: partial.start.at, at })
  }
}

const roundsAfter = (edge: Edge, position: Position, from: PartialMatch | undefined): number => {
  if (edge.kind === "enter") return position.unit.type === "all" ? position.memberBit : 1
  if (edge.kind === "member") return from!.rounds | position.memberBit
  return edge.kind === "round" ? from!.rounds + 1 : from!.rounds
}

const isOpen = (
  edge: Edge,
  position: Position,
  count: number,
  rounds: number,
  unitDone: boolean,
): boolean => {
  const { leaf, unit } = position
  switch (edge.kind) {
    case "repeat":
      return count < leaf.max
    case "step":
      return count >= leaf.min
    case "round":
      return count >= leaf.min && rounds < unit.max
    case "member":
      return (rounds & edge.memberBit) === 0
    case "enter":
      return unitDone
  }
}

/** Of `all_of`: all of them are there. */
const isTogether = ({ unit }: Position, rounds: number): boolean =>
  unit.type !== "all" || rounds === (1 << unit.leaves.length) - 1

/** The edges that are open to a partial match which has just taken its position for the `count`-th time in a row. */
const openOf = (position: Position, count: number, rounds: number): number => {
  const { leaf, unit } = position
  const unitDone = count >= leaf.min && rounds >= unit.min && isTogether(position, rounds)
  let open = 0
  for (const edge of position.edges) {
    if (isOpen(edge, position, count, rounds, unitDone)) open |= edge.bit
  }
  if (unitDone && position.canEnd) open |= endBit
  if (leaf.nots.length > 0 ? count >= leaf.min : unitDone) open |= position.instant & freshBit
  return open
}
