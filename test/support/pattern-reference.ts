/**
 * What a pattern matches, found by trying every choice of items and checking each definition on it by looking at all
 * items in between. Slow, and written without the matcher's graph: states are places in the document, and whether a way
 * on is still there is found anew each time by scanning.
 */

import type { Item } from "../../actors/cep/item.ts"
import { durationMs, type PatternDocument } from "../../schemas/index.ts"
import { holds, type MatchedItems } from "./pattern-cases.ts"

type Stage = PatternDocument["stages"][number]
type Spacing = "strict" | "relaxed" | "any"

/** How far a choice of items has come in the document. */
interface Choice {
  readonly items: ReadonlyArray<number>
  readonly leaves: ReadonlyArray<string>
  readonly stage: number
  readonly inner: number
  readonly times: number
  readonly rounds: number
  readonly members: ReadonlyArray<string>
}

interface Way {
  readonly spacing: Spacing
  readonly to: Omit<Choice, "items" | "leaves">
  readonly leaf: string
  readonly wants: (item: Item, matched: MatchedItems) => boolean
  /** What also ends the wait for it: inputs of other members of `all_of`. */
  readonly alsoWants: (item: Item, matched: MatchedItems) => boolean
  readonly until: ReadonlyArray<string>
  readonly isLoop: boolean
  readonly greedyBefore: ReadonlyArray<Way>
}

export interface ReferenceMatch {
  readonly items: ReadonlyArray<number>
  readonly leaves: ReadonlyArray<string>
  /** The step at which it was sure: an item's number, or a half more than that of the item before its deadline. */
  readonly sure: number
}

const between: Record<string, Spacing> = {
  consecutive: "strict",
  relaxed: "relaxed",
  allow_combinations: "any",
  next: "strict",
  followed_by: "relaxed",
  followed_by_any: "any",
}
const optional = (stage: { optional?: boolean; times?: { min: number } }) =>
  stage.optional === true || stage.times?.min === 0
const least = (stage: { times?: { min: number } }) => Math.max(1, stage.times?.min ?? 1)
const most = (stage: { times?: { min: number; max?: number } }) =>
  stage.times === undefined ? 1 : (stage.times.max ?? Number.POSITIVE_INFINITY)

export class ReferencePattern {
  private readonly stages: ReadonlyArray<{ stage: Stage; nots: ReadonlyArray<Stage> }>
  private readonly document: PatternDocument
  private readonly items: ReadonlyArray<Item>
  private readonly within: number

  constructor(document: PatternDocument, items: ReadonlyArray<Item>) {
    this.document = document
    this.items = items
    this.within = durationMs(document.within ?? "10m")
    this.stages = this.withNots(document.stages) as never
  }

  private withNots<Some extends { readonly not?: boolean }>(stages: ReadonlyArray<Some>) {
    return stages.flatMap((stage, at) => {
      if (stage.not === true) return []
      const next = stages.findIndex((later, place) => place > at && later.not !== true)
      return [{ stage, nots: stages.slice(at + 1, next < 0 ? stages.length : next) }]
    })
  }

  private wanted(stage: { condition?: string; any_of?: ReadonlyArray<{ condition?: string }> }) {
    const sources = stage.any_of?.map((input) => input.condition!) ?? [stage.condition!]
    return (item: Item, matched: MatchedItems) => sources.some((source) => holds(source, item, matched))
  }

  private way(
    spacing: Spacing,
    leaf: Stage,
    to: Way["to"],
    greedyBefore: ReadonlyArray<Way>,
    isLoop: boolean,
  ) {
    const outer = this.stages[to.stage]!.stage
    const until = [leaf.until, outer.group === undefined ? undefined : outer.until].filter(
      (one) => one !== undefined,
    )
    const wants = this.wanted(leaf)
    return {
      spacing,
      leaf: leaf.name,
      to,
      wants,
      alsoWants: wants,
      until,
      isLoop,
      greedyBefore,
    } satisfies Way
  }

  /** Ways into a stage. */
  private into(
    stage: number,
    spacing: Spacing,
    rounds: number,
    greedyBefore: ReadonlyArray<Way>,
    isLoop: boolean,
  ) {
    const { stage: at } = this.stages[stage]!
    const base = { stage, inner: 0, times: 1, rounds, members: [] }
    if (at.all_of !== undefined) {
      const anyOf = this.wanted({ any_of: at.all_of })
      return at.all_of.map(
        (input): Way => ({
          ...this.way(spacing, input as Stage, { ...base, members: [input.name] }, greedyBefore, isLoop),
          alsoWants: anyOf,
        }),
      )
    }
    if (at.group === undefined) return [this.way(spacing, at, base, greedyBefore, isLoop)]
    return this.insideGroup(stage, 0, spacing, rounds, greedyBefore, isLoop).ways
  }

  private insideGroup(
    stage: number,
    from: number,
    spacing: Spacing | undefined,
    rounds: number,
    before: ReadonlyArray<Way>,
    isLoop: boolean,
  ) {
    const inner = this.withNots(this.stages[stage]!.stage.group!)
    const ways: Array<Way> = []
    const greedy = [...before]
    for (let at = from; at < inner.length; at++) {
      const leaf = inner[at]!.stage as Stage
      const to = { stage, inner: at, times: 1, rounds, members: [] }
      const way = this.way(
        spacing ?? between[leaf.contiguity ?? "followed_by"]!,
        leaf,
        to,
        [...greedy],
        isLoop,
      )
      ways.push(way)
      if (!optional(leaf)) return { ways, greedy, ends: false }
      if (leaf.greedy === true) greedy.push(way)
    }
    return { ways, greedy, ends: true }
  }

  /** Ways into the stages after one, and the greedy ways that an end there would pass over; no end: undefined. */
  private after(stage: number, before: ReadonlyArray<Way>) {
    const ways: Array<Way> = []
    const greedy = [...before]
    for (let at = stage + 1; at < this.stages.length; at++) {
      const { stage: next } = this.stages[at]!
      const into = this.into(at, between[next.contiguity ?? "followed_by"]!, 1, [...greedy], false)
      ways.push(...into)
      if (!optional(next)) return { ways, end: undefined }
      if (next.greedy === true) greedy.push(...into)
    }
    return { ways, end: greedy }
  }

  private leafOf(choice: Choice): Stage {
    const { stage } = this.stages[choice.stage]!
    if (stage.group !== undefined) return this.withNots(stage.group)[choice.inner]!.stage as Stage
    return stage
  }

  /** All ways on, what may not come, and whether it may end, if the items in between allow it. */
  private onward(choice: Choice) {
    const { stage, nots } = this.stages[choice.stage]!
    const leaf = this.leafOf(choice)
    const ways: Array<Way> = []
    const greedy: Array<Way> = []
    if (stage.all_of !== undefined) {
      const missing = stage.all_of.filter((input) => !choice.members.includes(input.name))
      const anyMissing = this.wanted({ any_of: missing })
      for (const input of missing) {
        const to = { ...choice, members: [...choice.members, input.name] }
        const spacing = between[stage.repetition ?? "relaxed"]!
        ways.push({ ...this.way(spacing, input as Stage, to, [], true), until: [], alsoWants: anyMissing })
      }
      if (missing.length > 0) return { ways, nots: [], canLeave: false, end: undefined }
      const later = this.after(choice.stage, [])
      return { ways: later.ways, nots, canLeave: true, end: later.end }
    }
    if (choice.times < most(leaf)) {
      const to = { ...choice, times: choice.times + 1 }
      const way = this.way(between[leaf.repetition ?? "relaxed"]!, leaf, to, [], true)
      ways.push(way)
      if (leaf.greedy === true) greedy.push(way)
    }
    const leafDone = choice.times >= least(leaf)
    if (stage.group === undefined) {
      const later = this.after(choice.stage, greedy)
      return leafDone
        ? { ways: [...ways, ...later.ways], nots, canLeave: true, end: later.end }
        : { ways, nots, canLeave: false, end: undefined }
    }
    const inside = this.insideGroup(choice.stage, choice.inner + 1, undefined, choice.rounds, greedy, true)
    const innerNots = this.withNots(stage.group)[choice.inner]!.nots as ReadonlyArray<Stage>
    if (leafDone) ways.push(...inside.ways)
    if (!inside.ends) return { ways, nots: innerNots, canLeave: leafDone, end: undefined }
    if (leafDone && choice.rounds < most(stage)) {
      const spacing = between[stage.repetition ?? "relaxed"]!
      ways.push(...this.into(choice.stage, spacing, choice.rounds + 1, inside.greedy, true))
    }
    const unitDone = leafDone && choice.rounds >= least(stage)
    const later = this.after(choice.stage, inside.greedy)
    return unitDone
      ? { ways: [...ways, ...later.ways], nots, canLeave: true, end: later.end }
      : { ways, nots, canLeave: false, end: undefined }
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
    const { nots, canLeave } = this.onward(choice)
    const matched = this.matched(choice)
    const since = this.seen(choice, to)
    return nots.some((not) => {
      if (not.contiguity !== "next") return since.some((at) => this.wanted(not)(this.items[at]!, matched))
      return canLeave && since.slice(0, 1).some((at) => this.wanted(not)(this.items[at]!, matched))
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
    const { ways } = this.onward(choice)
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
    const { end, nots } = this.onward(choice)
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
      for (const way of this.onward(choice).ways) {
        for (const to of this.seen(choice, last)) {
          if (!this.takes(choice, way, to) || this.isForbidden(choice, to)) continue
          if (this.isGreedilyTaken(choice, way.greedyBefore, to, true)) continue
          go({ ...way.to, items: [...choice.items, to], leaves: [...choice.leaves, way.leaf] })
        }
      }
    }
    const first = this.after(-1, []).ways
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
