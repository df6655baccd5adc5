/** Which edges are open to a partial match that has just taken its position, by how often it has. */
import type { PartialMatch } from "./partial-matches.ts"
import { type Edge, endBit, freshBit, type Position } from "./pattern-graph.ts"

/** The round of a group, or the members of an `all_of`, once an edge was taken. */
export const roundsAfter = (edge: Edge, position: Position, from: PartialMatch | undefined): number => {
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
export const isTogether = ({ unit }: Position, rounds: number): boolean =>
  unit.type !== "all" || rounds === (1 << unit.leaves.length) - 1

/** The edges that are open to a partial match which has just taken its position for the `count`-th time in a row. */
export const openOf = (position: Position, count: number, rounds: number): number => {
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
