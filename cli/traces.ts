/**
 * A trace from the node's read side, or, where no node answers or its tenant may not see it, straight from the streams:
 * slower, but it needs neither node nor database and shows every tenant.
 */
import * as Effect from "effect/Effect"
import { defaultTraceLimits, entryRow, reportedRows, spanOf, treeOf, visibleTo } from "../actors/index.ts"
import { JournalRecord } from "../engine/index.ts"
import { normalTraceId, type Span, type TraceTree, traceShard } from "../schemas/index.ts"
import { Deployment } from "./deployment.ts"
import { getJson } from "./node-http.ts"

/** How long the read side may take to catch up with what was just done. */
const waitMs = 2_000

/** Undefined when no node answers, or it knows nothing of that trace. */
export const fromNode = (traceId: string, environment: NodeJS.ProcessEnv) =>
  getJson<TraceTree>(
    `/api/tracing/traces/${encodeURIComponent(traceId)}?wait_ms=${waitMs}`,
    environment,
  ).pipe(Effect.catch(() => Effect.succeed(undefined)))

const hopsOf = Effect.fnUntraced(function* (traceId: string) {
  const { journal, partitions } = yield* Deployment
  const hops: Array<Span> = []
  for (let partition = 0; partition < partitions; partition++) {
    const end = (yield* journal.last(partition))?.sequence ?? 0
    if (end === 0) continue
    const reader = yield* journal.open(partition, 0)
    for (let through = 0; through < end; ) {
      for (const { sequence, data } of yield* reader.take) {
        through = sequence
        const record = JournalRecord.decode(data)
        if ("corrupt" in record) continue
        record.entries.forEach((entry, index) => {
          const row = entryRow({ partition, sequence, index }, entry, record.at)
          if (row.trace_id !== traceId || row.name === null) return
          hops.push(
            spanOf({
              ...row,
              trace_id: traceId,
              name: row.name,
              kind: "actor",
              service: row.kind,
              attributes: {
                "millrace.actor": row.actor,
                ...(row.dead_detail === null ? {} : { "error.message": row.dead_detail }),
              },
            }),
          )
        })
      }
    }
  }
  return hops
}, Effect.scoped)

export const fromStreams = Effect.fnUntraced(function* (given: string) {
  const traceId = normalTraceId(given)
  const { traces } = yield* Deployment
  const reported = (yield* traces(traceShard(traceId))).flatMap(({ data }) => reportedSpans(data, traceId))
  const spans = visibleTo([...reported, ...(yield* hopsOf(traceId))], undefined)
  return treeOf(traceId, spans, { depthMax: defaultTraceLimits.treeDepthMax, truncated: false })
})

const reportedSpans = (data: Uint8Array, traceId: string): ReadonlyArray<Span> =>
  reportedRows({ token: "", sequence: 0, storedAt: 0, pending: 0, data })
    .spans.filter((row) => row.trace_id === traceId)
    .map(spanOf)
