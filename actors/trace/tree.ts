/**
 * Puts spans together as the tree of what caused what, and says whose each span is. Pure. Bears whatever is stored:
 * spans whose parent never came, repeated ids, circles, chains of any length.
 */
import type { Span, SpanNode, TraceTree } from "../../schemas/index.ts"

interface Node extends SpanNode {
  readonly children: Array<Node>
}

const byStart = (left: Span, right: Span): number => left.startMs - right.startMs || left.endMs - right.endMs

/** The spans above come first; each is walked to once, so that a circle is entered at its earliest span and ends. */
const walk = (spans: ReadonlyArray<Span>, visit: (span: Span, parent: Span | undefined) => void): void => {
  const ordered = [...new Map(spans.map((span) => [span.spanId, span])).values()].sort(byStart)
  const known = new Set(ordered.map(({ spanId }) => spanId))
  const below = new Map<string, Array<Span>>()
  const isRoot = ({ parentId }: Span) => parentId === undefined || !known.has(parentId)
  for (const span of ordered) {
    if (isRoot(span)) continue
    const siblings = below.get(span.parentId!)
    if (siblings === undefined) below.set(span.parentId!, [span])
    else siblings.push(span)
  }
  const visited = new Set<string>()
  const descend = (root: Span) => {
    const stack: Array<readonly [span: Span, parent: Span | undefined]> = [[root, undefined]]
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const [span, parent] = next
      if (visited.has(span.spanId)) continue
      visited.add(span.spanId)
      visit(span, parent)
      for (const child of (below.get(span.spanId) ?? []).toReversed()) stack.push([child, span])
    }
  }
  for (const span of ordered) if (isRoot(span)) descend(span)
  for (const span of ordered) if (!visited.has(span.spanId)) descend(span)
}

/** Spans that name no tenant get that of the nearest span above them that does. */
export const withTenants = (spans: ReadonlyArray<Span>): ReadonlyArray<Span> => {
  const tenants = new Map<string, string>()
  const owned: Array<Span> = []
  walk(spans, (span, parent) => {
    const tenant = span.tenant || (parent === undefined ? "" : tenants.get(parent.spanId)!)
    tenants.set(span.spanId, tenant)
    owned.push(tenant === span.tenant ? span : { ...span, tenant })
  })
  return owned
}

/** What a tenant may see of a trace; everything without one. Order: by start. */
export const visibleTo = (spans: ReadonlyArray<Span>, tenant: string | undefined): ReadonlyArray<Span> =>
  withTenants(spans)
    .filter((span) => tenant === undefined || span.tenant === tenant)
    .toSorted(byStart)

/** Undefined without spans. What lies deeper than `depthMax` is shown beside its ancestor at that depth. */
export const treeOf = (
  traceId: string,
  spans: ReadonlyArray<Span>,
  options: { readonly depthMax: number; readonly truncated: boolean },
): TraceTree | undefined => {
  if (spans.length === 0) return undefined
  const roots: Array<Node> = []
  const places = new Map<string, { readonly node: Node; readonly above: Node | undefined; depth: number }>()
  walk(spans, (span, parent) => {
    const node: Node = { ...span, durationMs: span.endMs - span.startMs, children: [] }
    const place = parent === undefined ? undefined : places.get(parent.spanId)!
    const deep = place !== undefined && place.depth >= options.depthMax
    const above = deep ? place.above : place?.node
    const siblings = above?.children ?? roots
    siblings.push(node)
    places.set(span.spanId, {
      node,
      above,
      depth: place === undefined ? 1 : deep ? place.depth : place.depth + 1,
    })
  })
  return {
    traceId,
    startMs: spans.reduce((least, { startMs }) => Math.min(least, startMs), Number.POSITIVE_INFINITY),
    endMs: spans.reduce((most, { endMs }) => Math.max(most, endMs), Number.NEGATIVE_INFINITY),
    spanCount: places.size,
    roots,
    truncated: options.truncated,
  }
}
