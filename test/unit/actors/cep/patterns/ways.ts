/** For the reference matcher: with which inputs a choice of items can go on, read from the document each time. */
import type { Item } from "../../../../../actors/cep/item.ts"
import type { PatternDocument } from "../../../../../schemas/index.ts"
import { holds, type MatchedItems } from "./cases.ts"

type Stage = PatternDocument["stages"][number]
type Spacing = "strict" | "relaxed" | "any"

/** How far a choice of items has come in the document. */
export interface Choice {
  readonly items: ReadonlyArray<number>
  readonly leaves: ReadonlyArray<string>
  readonly stage: number
  readonly inner: number
  readonly times: number
  readonly rounds: number
  readonly members: ReadonlyArray<string>
}

export interface Way {
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

export class Ways {
  private readonly stages: ReadonlyArray<{ stage: Stage; nots: ReadonlyArray<Stage> }>

  constructor(document: PatternDocument) {
    this.stages = this.withNots(document.stages) as never
  }

  private withNots<Some extends { readonly not?: boolean }>(stages: ReadonlyArray<Some>) {
    return stages.flatMap((stage, at) => {
      if (stage.not === true) return []
      const next = stages.findIndex((later, place) => place > at && later.not !== true)
      return [{ stage, nots: stages.slice(at + 1, next < 0 ? stages.length : next) }]
    })
  }

  wanted(stage: { condition?: string; any_of?: ReadonlyArray<{ condition?: string }> }) {
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
  after(stage: number, before: ReadonlyArray<Way>) {
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
  onward(choice: Choice) {
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
}
