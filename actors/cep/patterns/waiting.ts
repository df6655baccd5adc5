/**
 * What partial matches wait for, and what an item comes to for it. Only for explanations: it goes over all partial matches
 * and evaluates conditions once more, so that the matcher itself has nothing to remember.
 */
import { withOwnEffort } from "../expression/effort.ts"
import type { Condition, Finding, Scope } from "../expression/expression.ts"
import type { Item } from "../item.ts"
import { isOf, type Matched, matchedOf } from "./acceptance.ts"
import type { Bucket, PartialMatch } from "./partial-matches.ts"
import type { Awaited, StageLook } from "./pattern.ts"
import type { Alternative, PatternGraph, Position } from "./pattern-graph.ts"

/** Partial matches that are told of one stage whose condition looks at what was matched before: the last that began. */
const toldPartialsMax = 3

interface Looked {
  readonly stage: string
  /** It must not come. */
  readonly isNot: boolean
  readonly alternatives: ReadonlyArray<Alternative>
  readonly partials: Array<PartialMatch>
}

const stagesAfter = (graph: PatternGraph, position: Position, open: number): ReadonlyArray<string> => {
  const names = position.edges
    .filter((edge) => (open & edge.bit) !== 0)
    .map((edge) => graph.positions[edge.target]!.leaf.name)
  return [...new Set(names)]
}

/** The stages that a partial match may go on with. */
export const waitedFor = (graph: PatternGraph, { position, open }: PartialMatch): ReadonlyArray<string> =>
  stagesAfter(graph, graph.positions[position]!, open)

/** How many partial matches wait for which stages. */
export const awaitedIn = (graph: PatternGraph, buckets: Iterable<Bucket>): ReadonlyArray<Awaited> => {
  const counts = new Map<string, { stages: ReadonlyArray<string>; count: number }>()
  for (const { position, open, partials } of buckets) {
    const stages = stagesAfter(graph, graph.positions[position]!, open)
    const known = counts.get(stages.join(" ")) ?? { stages, count: 0 }
    known.count += partials.size
    counts.set(stages.join(" "), known)
  }
  return [...counts.values()]
}

const lookedAt = (graph: PatternGraph, buckets: Iterable<Bucket>): ReadonlyArray<Looked> => {
  const looked = new Map<ReadonlyArray<Alternative>, Looked>()
  const add = (
    stage: string,
    alternatives: ReadonlyArray<Alternative>,
    isNot: boolean,
    partials: Iterable<PartialMatch>,
  ) => {
    const known = looked.get(alternatives) ?? { stage, isNot, alternatives, partials: [] }
    known.partials.push(...partials)
    looked.set(alternatives, known)
  }
  for (const { position, open, partials } of buckets) {
    const { edges, guards } = graph.positions[position]!
    for (const edge of edges) {
      const { name, alternatives } = graph.positions[edge.target]!.leaf
      if ((open & edge.bit) !== 0) add(name, alternatives, false, partials)
    }
    for (const guard of guards) add(guard.name, guard.alternatives, true, partials)
  }
  for (const edge of graph.starts) {
    const { name, alternatives } = graph.positions[edge.target]!.leaf
    add(name, alternatives, false, [])
  }
  return [...looked.values()]
}

const isTrue = (condition: Condition, scope: Scope): boolean => {
  try {
    return condition.evaluate(scope) === true
  } catch {
    return false
  }
}

const scopeOf = (item: Item, matched: Matched): Scope => ({
  value: item.value,
  previous: Number.NaN,
  at: item.at,
  labels: item.labels,
  event: item.attributes,
  aggregates: new Float64Array(0),
  matched,
})

/** What the item comes to for each stage that could take it now; stages of other inputs are left out. */
export const looksOf = (
  graph: PatternGraph,
  buckets: Iterable<Bucket>,
  item: Item,
): ReadonlyArray<StageLook> =>
  lookedAt(graph, buckets).flatMap(({ stage, isNot, alternatives, partials }) => {
    const possible = alternatives.filter(({ input }) => isOf(input, item))
    if (possible.length === 0) return []
    const look = (before: PartialMatch | undefined, waiting: number): StageLook =>
      withOwnEffort(() => {
        const scope = scopeOf(item, matchedOf(graph, before?.last))
        const findings: Array<Finding> = []
        let takes = false
        for (const { condition } of possible) {
          if (condition !== undefined) findings.push(...condition.explain(scope))
          takes ||= condition === undefined || isTrue(condition, scope)
        }
        const since = before === undefined ? {} : { startAt: before.start.at }
        return { stage, isNot, waiting, ...since, takes, findings }
      })
    if (!possible.some(({ needsMatched }) => needsMatched)) return [look(partials[0], partials.length)]
    if (partials.length === 0) return [look(undefined, 0)]
    return partials.slice(-toldPartialsMax).map((partial) => look(partial, 1))
  })
