/** Trees of spans, whatever is stored; hops read from journal entries; the buffer in front of the stream. */
import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { entryRow, treeOf, visibleTo } from "../../actors/index.ts"
import { transferRows } from "../../actors/trace/hops.ts"
import { rowsJson } from "../../actors/trace/rows.ts"
import type { JournalRecord } from "../../engine/index.ts"
import { SpanBuffer } from "../../resources/tracing/span-buffer.ts"
import type { Span, SpanNode } from "../../schemas/index.ts"

const options = { depthMax: 50, truncated: false }

const span = (spanId: string, parentId?: string, tenant = ""): Span => ({
  traceId: "t",
  spanId,
  ...(parentId === undefined ? {} : { parentId }),
  name: spanId,
  kind: "internal",
  service: "test",
  startMs: Number.parseInt(spanId, 36),
  endMs: Number.parseInt(spanId, 36) + 1,
  status: "ok",
  attributes: {},
  tenant,
})

const shape = (nodes: ReadonlyArray<SpanNode>): unknown =>
  Object.fromEntries(nodes.map(({ spanId, children }) => [spanId, shape(children)]))

const ids = (nodes: ReadonlyArray<SpanNode>): ReadonlyArray<string> =>
  nodes.flatMap(({ spanId, children }) => [spanId, ...ids(children)])

const depth = (nodes: ReadonlyArray<SpanNode>): number =>
  nodes.reduce((deepest, { children }) => Math.max(deepest, 1 + depth(children)), 0)

describe("the tree of a trace", () => {
  it("puts each span below the one that caused it, by start, and orphans at the top", () => {
    const spans = [span("d", "b"), span("c", "a"), span("b", "a"), span("a"), span("e", "gone")]
    expect(shape(treeOf("t", spans, options)!.roots)).toEqual({ a: { b: { d: {} }, c: {} }, e: {} })
    expect(treeOf("t", [], options)).toBeUndefined()
  })

  it("shows every span once, whatever the parents are, and never deeper than its bound", () => {
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"]
    const stored = fc.array(
      fc.tuple(fc.constantFrom(...names), fc.option(fc.constantFrom(...names, "gone"), { nil: undefined })),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(stored, fc.integer({ min: 1, max: 4 }), (pairs, depthMax) => {
        const spans = pairs.map(([id, parent]) => span(id, parent))
        const roots = treeOf("t", spans, { ...options, depthMax })?.roots ?? []
        expect([...ids(roots)].sort()).toEqual([...new Set(pairs.map(([id]) => id))].sort())
        expect(depth(roots)).toBeLessThanOrEqual(depthMax)
      }),
      { numRuns: 1_000 },
    )
  })

  it("bears a chain of many thousand hops", () => {
    const chain = Array.from({ length: 20_000 }, (_, index) =>
      span(`x${index.toString(36)}`, index === 0 ? undefined : `x${(index - 1).toString(36)}`),
    )
    const tree = treeOf("t", chain, options)!
    expect(tree.spanCount).toBe(20_000)
    expect(depth(tree.roots)).toBe(50)
  })

  it("gives a span without a tenant to that of the span above it, and shows no tenant another's", () => {
    const spans = [
      span("a", undefined, "one"),
      span("b", "a"),
      span("c", "b", "two"),
      span("d", "c"),
      span("e"),
    ]
    const seenBy = (tenant?: string) => visibleTo(spans, tenant).map(({ spanId }) => spanId)
    expect(seenBy("one")).toEqual(["a", "b"])
    expect(seenBy("two")).toEqual(["c", "d"])
    expect(seenBy()).toEqual(["a", "b", "c", "d", "e"])
  })
})

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const trace = `00-${traceId}-00f067aa0ba902b7-01`
const at = { partition: 3, sequence: 0x1_0000_0007, index: 2 }
const command = (entry: Partial<JournalRecord.Entry> = {}): JournalRecord.Entry => ({
  to: "acme/chat-session/s1",
  now: 1_000,
  version: 1,
  cause: {
    t: "command",
    at: [1, 0],
    id: "c",
    version: 1,
    body: { _tag: "Ask" },
    source: "s:x",
    mark: [1, 0],
    trace,
  },
  ...entry,
})

describe("a journal entry as a hop", () => {
  it("has the span that its consequences name, below the one that caused it", () => {
    expect(entryRow(at, command(), 1_003)).toMatchObject({
      name: "chat-session.Ask",
      trace_id: traceId,
      span_id: "0003000000070002",
      parent_id: "00f067aa0ba902b7",
      tenant: "acme",
      status: "ok",
      start_ms: 1_000,
      end_ms: 1_003,
    })
  })

  it("is named after its timer or activity, and tells rejected, failed and dead", () => {
    const row = (entry: Partial<JournalRecord.Entry>) => {
      const { name, status } = entryRow(at, command(entry), 1_000)
      return [name, status]
    }
    const settled = { t: "settled", activity: "answer", id: "1", trace } as const
    const failure = { _tag: "Failure", code: "x", detail: "y" } as const
    expect(row({ cause: { t: "timer", key: "silence:7", dueAt: 1, trace } })).toEqual([
      "chat-session timer silence",
      "ok",
    ])
    expect(row({ cause: { ...settled, outcome: failure } })).toEqual([
      "chat-session activity answer settled",
      "error",
    ])
    expect(row({ answers: [{ to: { node: "n", ask: 1 }, answer: { rejected: {} } }] })[1]).toBe("rejected")
    expect(row({ dead: { code: "ActorFailed", detail: "no" } })[1]).toBe("dead")
    expect(row({ cause: { t: "progress", activity: "answer", id: "1", value: 1, trace } })[0]).toBeNull()
    expect(
      entryRow(at, command({ to: "", cause: { t: "malformed", at: [1, 0], raw: 1 } }), 1).trace_id,
    ).toBeNull()
  })

  it("is a transfer line where an agent handed over", () => {
    const changed = { _tag: "AgentChanged", from: "agent-1", to: "agent-2", reason: "", at: 1 }
    const lines = transferRows(entryRow(at, command({ events: [changed, { _tag: "Other" }] }), 1_000))
    expect(lines).toMatchObject([
      { message: "[Agent Transfer] agent-1 → agent-2", is_transfer: true, trace_id: traceId },
    ])
  })
})

describe("rows on their way to Postgres", () => {
  it("hold no character that it refuses, and keep every other", () => {
    const texts = ["a\u0000b", "\ud800 alone", "\\u0000 spelled", "한국어 🎉"]
    expect(JSON.parse(rowsJson(texts))).toEqual(["a\ufffdb", "\ufffd alone", "\\u0000 spelled", "한국어 🎉"])
  })
})

describe("the buffer of finished spans", () => {
  it("drops the oldest, counts them, and takes back what could not be stored in front", () => {
    const buffer = new SpanBuffer(3)
    const held = () => {
      const taken = buffer.take(10)
      buffer.giveBack(taken)
      return taken.map(({ spanId }) => spanId)
    }
    for (const id of ["a", "b", "c", "d"]) buffer.add(span(id))
    expect([held(), buffer.dropped]).toEqual([["b", "c", "d"], 1])
    const first = buffer.take(2)
    buffer.add(span("e"))
    buffer.add(span("f"))
    buffer.giveBack(first)
    expect([held(), buffer.dropped]).toEqual([["d", "e", "f"], 3])
  })
})
