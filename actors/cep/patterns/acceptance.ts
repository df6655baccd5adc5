/** Whether an item would do for a position: its input first, then the condition, which is evaluated once per item where it can be. */
import { spend } from "../expression/effort.ts"
import type { Scope } from "../expression/expression.ts"
import type { Item } from "../item.ts"
import type { Taken } from "./partial-matches.ts"
import type { Alternative, Input, PatternGraph, Until } from "./pattern-graph.ts"

export type Matched = { readonly [stage: string]: ReadonlyArray<Item> }

export const isOf = (input: Input, item: Item): boolean => {
  if (input.isEvent !== item.isEvent || input.name !== item.name) return false
  for (const [label, value] of input.where) if (item.labels[label] !== value) return false
  return true
}

/** Items by stage, in order; each stage is there, if only empty. */
export const matchedOf = (graph: PatternGraph, last: Taken | undefined): Matched => {
  const matched: Record<string, Array<Item>> = {}
  for (const stage of graph.stages) matched[stage] = []
  for (let taken = last; taken !== undefined; taken = taken.before) {
    for (const name of graph.positions[taken.position]!.leaf.alternatives[taken.alternative]!.names) {
      matched[graph.stages[name]!]!.push(taken.entry.item)
    }
  }
  for (const stage of graph.stages) matched[stage]!.reverse()
  return matched
}

/** Steps of showing a condition one item that was matched before. */
const itemSteps = 2

const no = -1
/** Depends on what was matched before. */
const depends = -2

const noAggregates = new Float64Array(0)

export class Acceptance {
  private readonly graph: PatternGraph
  /** Per list of alternatives or end of a repetition: what it is for this item. */
  private readonly known = new Map<ReadonlyArray<Alternative> | Until, number>()
  private readonly scope: Scope = {
    value: Number.NaN,
    previous: Number.NaN,
    at: 0,
    labels: {},
    event: {},
    aggregates: noAggregates,
    matched: {},
  }
  private item: Item | undefined
  private readonly nothing: Matched

  constructor(graph: PatternGraph) {
    this.graph = graph
    this.nothing = matchedOf(graph, undefined)
  }

  begin(item: Item): void {
    this.known.clear()
    this.item = item
    const { scope } = this
    scope.value = item.value
    scope.at = item.at
    scope.labels = item.labels
    scope.event = item.attributes
    scope.matched = this.nothing
  }

  private look(last: Taken | undefined): void {
    if (last !== undefined) {
      // Once, also where another node has to put them together again: it must come to the same.
      if (!last.isShown) spend(itemSteps * last.length)
      last.isShown = true
      last.matched ??= matchedOf(this.graph, last)
    }
    this.scope.matched = last?.matched ?? this.nothing
  }

  private resolve(alternatives: ReadonlyArray<Alternative>): number {
    for (let at = 0; at < alternatives.length; at++) {
      const { input, condition, needsMatched } = alternatives[at]!
      if (!isOf(input, this.item!)) continue
      if (needsMatched) return depends
      if (condition === undefined || condition.evaluate(this.scope) === true) return at
    }
    return no
  }

  private knownOf(alternatives: ReadonlyArray<Alternative>): number {
    const known = this.known.get(alternatives)
    if (known !== undefined) return known
    const found = this.resolve(alternatives)
    this.known.set(alternatives, found)
    return found
  }

  /** False: whatever was matched before, it will not do. */
  may(alternatives: ReadonlyArray<Alternative>): boolean {
    return this.knownOf(alternatives) !== no
  }

  /** Which alternative takes it, -1 for none. Errors: what conditions throw. */
  which(alternatives: ReadonlyArray<Alternative>, last: Taken | undefined): number {
    const known = this.knownOf(alternatives)
    if (known !== depends) return known
    this.look(last)
    for (let at = 0; at < alternatives.length; at++) {
      const { input, condition } = alternatives[at]!
      if (!isOf(input, this.item!)) continue
      if (condition === undefined || condition.evaluate(this.scope) === true) return at
    }
    return no
  }

  mayEnd(until: Until): boolean {
    const known = this.known.get(until)
    if (known !== undefined) return known !== no
    let found = no
    if (until.inputs.some((input) => isOf(input, this.item!))) {
      found = until.needsMatched ? depends : until.condition.evaluate(this.scope) === true ? 0 : no
    }
    this.known.set(until, found)
    return found !== no
  }

  ends(until: Until, last: Taken | undefined): boolean {
    if (!this.mayEnd(until)) return false
    if (!until.needsMatched) return true
    this.look(last)
    return until.condition.evaluate(this.scope) === true
  }
}
