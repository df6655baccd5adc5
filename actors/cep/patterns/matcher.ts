/**
 * Runs a pattern's graph over the items of one group.
 *
 * I1  What an item does to the partial matches is decided first and then done: when a condition throws, nothing changed.
 * I2  A partial match that is not moved by an item is not touched by it, however many there are.
 * I3  With a skip strategy a match is told once no partial match that began before it is left, as Flink does.
 * I4  The same items in the same order, with any checkpoints in between, give the same matches and deaths in the same order.
 */
import type { ByteWriter } from "../bytes.ts"
import { withOneEffort } from "../expression/effort.ts"
import type { HeldBytes } from "../held-bytes.ts"
import type { Item } from "../item.ts"
import { CompletedMatches, type Skip } from "./completed-matches.ts"
import { type Beginning, type Decision, type Decisions, nothingBegins, type Ways } from "./decisions.ts"
import { encodeMatcher } from "./matcher-codec.ts"
import { openOf, roundsAfter } from "./open-edges.ts"
import {
  type Entry,
  type PartialMatch,
  PartialMatches,
  partialMatchesMax,
  patternBytesMax,
  type Start,
} from "./partial-matches.ts"
import type { Awaited, Death, Match, Matcher, StageLook } from "./pattern.ts"
import { type Edge, endBit, freshBit, type PatternGraph, type Position } from "./pattern-graph.ts"
import { awaitedIn, looksOf, waitedFor } from "./waiting.ts"

/** With one item so many partial matches go on or begin; further ones die. */
export const movedPerItemMax = 2 * partialMatchesMax

export class PatternMatcher implements Matcher {
  readonly graph: PatternGraph
  readonly withinMs: number
  readonly partials = new PartialMatches()
  readonly completed: CompletedMatches
  /** Number of the next item. */
  next = 0
  limitedCount = 0
  /** Of the item that is being taken. */
  private moved = 0
  private readonly decisions: Decisions
  private readonly held: HeldBytes
  /** What it holds of what its rule may. */
  private own = 0
  private onDeath: ((death: Death) => void) | undefined

  /** `decisions` keep nothing between items: all matchers of a plan share them. */
  constructor(graph: PatternGraph, decisions: Decisions, withinMs: number, skip: Skip, held: HeldBytes) {
    this.graph = graph
    this.withinMs = withinMs
    this.decisions = decisions
    this.held = held
    held.holders += 1
    this.completed = new CompletedMatches(graph, skip, this.partials)
  }

  offer(item: Item): ReadonlyArray<Match> {
    let [decisions, starting]: readonly [ReadonlyArray<Decision>, Beginning] = [[], nothingBegins]
    withOneEffort(() => {
      decisions = this.decisions.decide(item, this.partials.buckets.values())
      starting = this.decisions.decideStart()
    })
    this.moved = 0
    this.expire(item.at)
    const entry = this.partials.entry(item, this.next)
    this.next += 1
    for (const decision of decisions) this.apply(decision, entry)
    if (starting.taking !== 0) this.begin(starting, entry)
    this.keepBounds(item.at)
    const matches = this.tell(item.at)
    this.settle()
    return matches
  }

  advance(watermark: number): ReadonlyArray<Match> {
    if (watermark < this.nextDue()) return []
    this.expire(watermark)
    const matches = this.tell(watermark)
    this.settle()
    return matches
  }

  nextDue(): number {
    const { oldest } = this.partials
    return oldest === undefined ? Number.POSITIVE_INFINITY : oldest.at + this.withinMs
  }

  watch(onDeath: (death: Death) => void): void {
    this.onDeath = onDeath
  }

  look(item: Item): ReadonlyArray<StageLook> {
    return looksOf(this.graph, this.partials.buckets.values(), item)
  }

  awaited(): ReadonlyArray<Awaited> {
    return awaitedIn(this.graph, this.partials.buckets.values())
  }

  partialMatches(): number {
    return this.partials.size
  }

  limited(): number {
    return this.limitedCount
  }

  bytes(): number {
    return this.partials.bytes
  }

  /** Tells the rule how much it holds. */
  settle(): void {
    this.own = this.held.change(this.own, this.partials.bytes)
  }

  release(): void {
    this.own = this.held.change(this.own, 0)
    this.held.holders -= 1
  }

  encode(writer: ByteWriter): void {
    encodeMatcher(writer, this)
  }

  private begin({ taking, ways }: Beginning, entry: Entry): void {
    const start = this.partials.start(entry.index, entry.item.at)
    for (const edge of this.graph.starts) {
      if ((taking & edge.bit) !== 0) this.enter(edge, ways, entry, start, undefined)
    }
  }

  private apply({ partial, taking, ways, open, reason }: Decision, entry: Entry): void {
    if (!partial.alive) return
    const position = this.graph.positions[partial.position]!
    for (const edge of position.edges) {
      if ((taking & edge.bit) !== 0) this.enter(edge, ways, entry, partial.start, partial)
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
  private enter(edge: Edge, ways: Ways, entry: Entry, start: Start, from: PartialMatch | undefined): void {
    const position = this.graph.positions[edge.target]!
    this.moved += 1
    if (this.moved > movedPerItemMax) {
      this.limitedCount += 1
      this.onDeath?.({
        reason: "limit",
        stage: position.leaf.name,
        waitedFor: [],
        startAt: start.at,
        at: entry.item.at,
      })
      return
    }
    const last = this.partials.take(entry, edge.target, ways[edge.target] ?? 0, from?.last)
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

  /** Its own, and those of its rule: as long as that holds too much, it holds less after an item than before. */
  private keepBounds(at: number): void {
    const before = this.own
    this.settle()
    for (;;) {
      const count = this.partials.size + this.completed.held.length
      const isCrowded = this.own >= before && count > 1 && !this.held.hasRoom(this.own)
      if (!isCrowded && count <= partialMatchesMax && this.partials.bytes <= patternBytesMax) return
      const start = this.partials.oldest
      if (start === undefined) return
      for (const partial of start.partials) {
        this.limitedCount += 1
        this.died(partial, "limit", at)
        this.partials.remove(partial)
        this.settle()
        break
      }
    }
  }

  private tell(at: number): ReadonlyArray<Match> {
    return this.completed.take(
      (partial) => this.died(partial, "skipped", at),
      ({ startAt, last }) => {
        this.limitedCount += 1
        const stage = this.graph.positions[last.position]!.leaf.name
        this.onDeath?.({ reason: "limit", stage, waitedFor: [], startAt, at })
      },
    )
  }

  private died(partial: PartialMatch, reason: Death["reason"], at: number): void {
    if (this.onDeath === undefined || (partial.done && reason !== "limit")) return
    const stage = this.graph.positions[partial.position]!.leaf.name
    const died = { reason, stage, waitedFor: waitedFor(this.graph, partial) }
    this.onDeath({ ...died, startAt: partial.start.at, at })
  }
}
