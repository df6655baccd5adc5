/**
 * A pattern as a graph: one position per input that can be taken, and edges to the positions that may come next. A
 * partial match stands at the position of the item that it took last; nothing moves without an item, so there are no
 * empty steps to follow while items come (Glushkov's construction instead of Thompson's). How often something was
 * repeated is counted by the partial match, so `times: 1000` is one position.
 * Source: Glushkov, The abstract theory of automata, 1961; Flink CEP's documentation for what each edge means.
 */
import type { Condition } from "../expression/expression.ts"

/** What may lie between two items that follow each other: nothing, nothing that would do, anything. */
export type Contiguity = "next" | "followed_by" | "followed_by_any"

export interface Input {
  readonly name: string
  readonly isEvent: boolean
  readonly where: ReadonlyArray<readonly [string, string]>
}

export interface Alternative {
  readonly input: Input
  readonly condition?: Condition
  /** Whether the condition looks at what was matched before; else it is evaluated once per item for all. */
  readonly needsMatched: boolean
  /** Under which stages an item is found: places in `stages`. */
  readonly names: ReadonlyArray<number>
}

/** Ends a repetition. Looks only at items of the inputs of the stage that it ends. */
export interface Until {
  readonly inputs: ReadonlyArray<Input>
  readonly condition: Condition
  readonly needsMatched: boolean
}

/** What is taken once, or repeated by itself. */
export interface Leaf {
  readonly name: string
  readonly alternatives: ReadonlyArray<Alternative>
  readonly min: number
  readonly max: number
  readonly optional: boolean
  readonly greedy: boolean
  readonly contiguity: Contiguity
  readonly repetition: Contiguity
  readonly until?: Until
  /** In a group: what must not come after it. */
  readonly nots: ReadonlyArray<Guard>
}

/** A stage: a leaf, leaves in a sequence that is repeated, or leaves in any order. */
export interface Unit {
  readonly type: "single" | "group" | "all"
  readonly leaves: ReadonlyArray<Leaf>
  readonly min: number
  readonly max: number
  readonly optional: boolean
  readonly contiguity: Contiguity
  readonly repetition: Contiguity
  readonly until?: Until
  /** What must not come after it: at once (`next`), or before the rest of the pattern goes on. */
  readonly nots: ReadonlyArray<Guard>
}

export interface Guard {
  readonly name: string
  readonly atOnce: boolean
  readonly alternatives: ReadonlyArray<Alternative>
}

/**
 * `repeat`: the same leaf again. `step`: the next leaf of the same round of a group. `round`: its next round.
 * `member`: another of `all_of`. `enter`: a later stage.
 */
export type EdgeKind = "repeat" | "step" | "round" | "member" | "enter"

export interface Edge {
  readonly bit: number
  readonly kind: EdgeKind
  readonly target: number
  readonly contiguity: Contiguity
  /** Bits of the edges that are closed when an item would do for this one: itself, or all members of an `all_of`. */
  family: number
  /** Bits of the edges of greedy stages that this one leaves or passes over: while they can take an item, it cannot. */
  readonly dominators: number
  /** Of `all_of`: which member it leads to. */
  readonly memberBit: number
  readonly untils: ReadonlyArray<Until>
}

export interface Position {
  readonly leaf: Leaf
  readonly unit: Unit
  /** Of `all_of`: this member's bit. */
  readonly memberBit: number
  readonly edges: ReadonlyArray<Edge>
  /** Bits of the edges that only the very next item can take, and `freshBit` where a `not` looks at that item. */
  readonly instant: number
  readonly guards: ReadonlyArray<Guard>
  /** Whether nothing needs to come after it, and what that waits for. */
  readonly canEnd: boolean
  readonly endWaits: "nothing" | "item" | "deadline"
  readonly endDominators: number
}

export interface PatternGraph {
  readonly stages: ReadonlyArray<string>
  readonly positions: ReadonlyArray<Position>
  /** What can begin a match. */
  readonly starts: ReadonlyArray<Edge>
}

/** Edges of one position: bits 0 to 27. */
export const edgesMax = 28
export const endBit = 1 << 28
export const freshBit = 1 << 29

interface Entry {
  readonly leaf: Leaf
  readonly contiguity: Contiguity
  /** Bits are not known yet: the greedy leaves that are passed over. */
  readonly passed: ReadonlyArray<Leaf>
}

/** The leaves with which a sequence of leaves can go on, and what is passed over when it ends there. */
const followers = (sequence: ReadonlyArray<Leaf>, from: number, first?: Contiguity) => {
  const entries: Array<Entry> = []
  const passed: Array<Leaf> = []
  for (let at = from; at < sequence.length; at++) {
    const leaf = sequence[at]!
    entries.push({ leaf, contiguity: first ?? leaf.contiguity, passed: [...passed] })
    if (!leaf.optional) return { entries, passed, reachesEnd: false }
    if (leaf.greedy) passed.push(leaf)
  }
  return { entries, passed, reachesEnd: true }
}

const entriesOf = (unit: Unit, contiguity: Contiguity): ReadonlyArray<Entry> =>
  unit.type === "group"
    ? followers(unit.leaves, 0, contiguity).entries
    : unit.leaves.map((leaf) => ({ leaf, contiguity, passed: [] }))

const untilsOf = (kind: EdgeKind, target: Leaf, unit: Unit): ReadonlyArray<Until> => [
  ...(target.until !== undefined ? [target.until] : []),
  ...(unit.until !== undefined && unit.until !== target.until && kind !== "member" ? [unit.until] : []),
]

const memberBitOf = (unit: Unit, leaf: Leaf): number =>
  unit.type === "all" ? 1 << unit.leaves.indexOf(leaf) : 0

/** Numbers edges as they are added, and finds the bits of those that dominate. */
class Edges {
  readonly list: Array<Edge> = []
  private readonly bitOf = new Map<string, number>()
  private readonly leaves: ReadonlyArray<Leaf>

  constructor(leaves: ReadonlyArray<Leaf>) {
    this.leaves = leaves
  }

  bits(kind: EdgeKind, leaves: ReadonlyArray<Leaf>): number {
    let bits = 0
    for (const leaf of leaves) bits |= this.bitOf.get(`${kind} ${this.leaves.indexOf(leaf)}`) ?? 0
    return bits
  }

  add(kind: EdgeKind, entry: Entry, unit: Unit, dominators: number): void {
    const bit = 1 << this.list.length
    const target = this.leaves.indexOf(entry.leaf)
    const { contiguity } = entry
    this.bitOf.set(`${kind} ${target}`, bit)
    const untils = untilsOf(kind, entry.leaf, unit)
    const memberBit = memberBitOf(unit, entry.leaf)
    this.list.push({ bit, kind, target, contiguity, family: bit, dominators, memberBit, untils })
  }

  /** Edges to the members of one `all_of` close together. */
  bind(from: number): void {
    const bound = this.list.slice(from)
    const family = bound.reduce((bits, edge) => bits | edge.bit, 0)
    for (const edge of bound) edge.family = family
  }
}

/** Edges into the stages after `index`; returns whether the pattern can end there, and what dominates that. */
const enterNext = (edges: Edges, units: ReadonlyArray<Unit>, index: number, dominators: number) => {
  let passed = dominators
  for (const unit of units.slice(index + 1)) {
    const from = edges.list.length
    for (const entry of entriesOf(unit, unit.contiguity)) {
      edges.add("enter", entry, unit, passed | edges.bits("enter", entry.passed))
    }
    if (unit.type === "all") edges.bind(from)
    if (!unit.optional) return { canEnd: false, passed }
    if (unit.type === "single") {
      passed |= edges.bits(
        "enter",
        unit.leaves.filter((leaf) => leaf.greedy),
      )
    }
  }
  return { canEnd: true, passed }
}

const positionOf = (leaves: ReadonlyArray<Leaf>, units: ReadonlyArray<Unit>, index: number, leaf: Leaf) => {
  const unit = units[index]!
  const edges = new Edges(leaves)
  if (leaf.max > 1) edges.add("repeat", { leaf, contiguity: leaf.repetition, passed: [] }, unit, 0)
  let dominators = leaf.greedy ? edges.bits("repeat", [leaf]) : 0
  let isExit = true
  if (unit.type === "all") {
    const from = edges.list.length
    for (const other of unit.leaves) {
      if (other !== leaf)
        edges.add("member", { leaf: other, contiguity: unit.repetition, passed: [] }, unit, 0)
    }
    edges.bind(from)
  }
  if (unit.type === "group") {
    const inside = followers(unit.leaves, unit.leaves.indexOf(leaf) + 1)
    const own = dominators
    for (const entry of inside.entries) {
      edges.add("step", entry, unit, own | edges.bits("step", entry.passed))
    }
    isExit = inside.reachesEnd
    dominators |= edges.bits("step", inside.passed)
    if (isExit && unit.max > 1) {
      for (const entry of entriesOf(unit, unit.repetition)) {
        edges.add("round", entry, unit, dominators | edges.bits("round", entry.passed))
      }
    }
  }
  const end = isExit ? enterNext(edges, units, index, dominators) : { canEnd: false, passed: 0 }
  const guards = isExit ? [...leaf.nots, ...unit.nots] : leaf.nots
  const strict = edges.list.reduce((bits, edge) => bits | (edge.contiguity === "next" ? edge.bit : 0), 0)
  return {
    leaf,
    unit,
    memberBit: memberBitOf(unit, leaf),
    edges: edges.list,
    instant: strict | (guards.some((guard) => guard.atOnce) ? freshBit : 0),
    guards,
    canEnd: end.canEnd,
    endWaits: guards.length === 0 ? "nothing" : guards.every((guard) => guard.atOnce) ? "item" : "deadline",
    endDominators: end.passed,
  } satisfies Position
}

export const graphOf = (stages: ReadonlyArray<string>, units: ReadonlyArray<Unit>): PatternGraph => {
  const leaves = units.flatMap((unit) => unit.leaves)
  const starts = new Edges(leaves)
  enterNext(starts, units, -1, 0)
  return {
    stages,
    positions: units.flatMap((unit, index) =>
      unit.leaves.map((leaf) => positionOf(leaves, units, index, leaf)),
    ),
    starts: starts.list,
  }
}
