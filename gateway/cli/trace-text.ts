/** A trace as indented text. Spans that repeat next to each other, as groups of tokens do, are shown once and counted. */

export interface TraceNode {
  readonly name: string
  readonly service: string
  readonly durationMs: number
  readonly status: string
  readonly children: ReadonlyArray<TraceNode>
}

interface Shown {
  readonly node: TraceNode
  readonly times: number
}

const shapeOf = (node: TraceNode): string => `${node.name}(${node.children.map(shapeOf).join()})`

const grouped = (nodes: ReadonlyArray<TraceNode>): ReadonlyArray<Shown> => {
  const groups: Array<Shown & { readonly shape: string }> = []
  for (const node of nodes) {
    const shape = shapeOf(node)
    const last = groups.at(-1)
    if (last?.shape === shape) groups[groups.length - 1] = { ...last, times: last.times + 1 }
    else groups.push({ node, times: 1, shape })
  }
  return groups
}

const linesOf = (nodes: ReadonlyArray<TraceNode>, lead: string): ReadonlyArray<string> =>
  grouped(nodes).flatMap(({ node, times }, index, all) => {
    const last = index === all.length - 1
    const count = times === 1 ? "" : ` × ${times}`
    const { name, service, durationMs, status } = node
    return [
      `${lead}${last ? "└─" : "├─"} ${name}${count}  ${service}, ${durationMs.toFixed(1)} ms${status === "ok" ? "" : `, ${status}`}`,
      ...linesOf(node.children, lead + (last ? "   " : "│  ")),
    ]
  })

export const printTree = ({ roots }: { readonly roots: ReadonlyArray<TraceNode> }): void =>
  console.log(`\nThe trace of the session:\n${linesOf(roots, "  ").join("\n")}`)
