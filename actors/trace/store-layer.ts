/** The trace store on Postgres and the trace stream. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Log } from "../../engine/index.ts"
import {
  asTenant,
  type MigrationError,
  maskAttributes,
  maskText,
  type TenantRoleMissing,
} from "../../resources/index.ts"
import { normalTraceId, type TraceBatch, traceShard } from "../../schemas/index.ts"
import { TraceStream } from "../../streams/index.ts"
import { type TraceLimits, traceLimits } from "./limits.ts"
import { traceLogsOf } from "./log-lines.ts"
import { migrateTraces } from "./migrations.ts"
import { journalSource, readPositions } from "./positions.ts"
import * as Queries from "./queries.ts"
import { type Positions, type ProjectionProgress, TraceStore, type TraceStoreShape } from "./store.ts"
import { treeOf, visibleTo } from "./tree.ts"

export interface TraceStoreConfig {
  readonly partitions: number
  readonly limits?: Partial<TraceLimits>
}

const encoder = new TextEncoder()

const aheadText = (position: number, last: number): string =>
  `the position ${position} is ahead of the journal's last sequence ${last}: the journal was made anew`

const make = Effect.fnUntraced(function* (config: TraceStoreConfig) {
  const limits = traceLimits(config.limits)
  const [sql, journal, traces] = [yield* SqlClient, yield* Log.Journal, yield* TraceStream]
  yield* migrateTraces(sql)
  const partitions = Array.from({ length: config.partitions }, (_, partition) => partition)

  /** Without a tenant it is an operator who reads. */
  const reading = <A>(tenant: string | undefined, read: Effect.Effect<A, SqlError>) =>
    tenant === undefined ? read : asTenant(sql, tenant, () => read)

  const spansFor = (traceId: string, tenant: string | undefined) =>
    Effect.map(Queries.spansOf(sql, traceId, limits.traceSpansMax), (stored) => ({
      spans: visibleTo(stored, tenant),
      truncated: stored.length === limits.traceSpansMax,
    }))

  const appendLog: TraceStoreShape["appendLog"] = Effect.fn("TraceStore.appendLog")(
    function* (record, tenant) {
      const atMs = yield* Clock.currentTimeMillis
      const { metadata, ...rest } = record
      const masked = {
        ...rest,
        service_name: maskText(record.service_name),
        message: maskText(record.message),
        ...(metadata === undefined ? {} : { metadata: maskAttributes(Object.entries(metadata)) }),
      }
      const batch: TraceBatch = { v: 1, logs: [{ tenant, atMs, record: masked }] }
      const token = traceShard(normalTraceId(record.trace_id))
      const log_id = yield* traces.append(token, encoder.encode(JSON.stringify(batch)))
      return { log_id, timestamp: new Date(atMs).toISOString() }
    },
  )

  const logsOf: TraceStoreShape["logsOf"] = Effect.fn("TraceStore.logsOf")(function* (given, tenant) {
    const traceId = normalTraceId(given)
    const both = Effect.all([
      spansFor(traceId, tenant),
      Queries.logsOf(sql, traceId, tenant, limits.traceLogsMax),
    ])
    const [{ spans }, { rows, total }] = yield* reading(tenant, both)
    return traceLogsOf(given, spans, rows, total)
  })

  const tree: TraceStoreShape["tree"] = Effect.fn("TraceStore.tree")(function* (given, tenant) {
    const traceId = normalTraceId(given)
    const { spans, truncated } = yield* reading(tenant, spansFor(traceId, tenant))
    return treeOf(traceId, spans, { depthMax: limits.treeDepthMax, truncated })
  })

  const search: TraceStoreShape["search"] = Effect.fn("TraceStore.search")((query) =>
    reading(query.tenant, Queries.search(sql, query)),
  )

  const heads: TraceStoreShape["heads"] = Effect.forEach(
    partitions,
    (partition) => Effect.map(journal.last(partition), (last) => [partition, last?.sequence ?? 0] as const),
    { concurrency: "unbounded" },
  ).pipe(Effect.map(Object.fromEntries))

  const reached = (positions: Positions) =>
    Effect.map(readPositions(sql), (stored) => {
      const projected = new Map(stored.map(({ source, position }) => [source, position]))
      return Object.entries(positions).every(
        ([partition, sequence]) => (projected.get(journalSource(Number(partition))) ?? 0) >= sequence,
      )
    })

  const poll = (positions: Positions): Effect.Effect<boolean, SqlError> =>
    Effect.flatMap(reached(positions), (done) =>
      done ? Effect.succeed(true) : Effect.andThen(Effect.sleep(limits.pollMs), poll(positions)),
    )

  const waitUntil: TraceStoreShape["waitUntil"] = (positions, timeoutMs) =>
    Effect.timeoutOrElse(poll(positions), {
      duration: timeoutMs,
      orElse: () => Effect.succeed(false),
    }).pipe(Effect.withTracerEnabled(false))

  const progress = Effect.gen(function* () {
    const stored = yield* readPositions(sql)
    const ends = yield* heads
    return stored
      .map(({ source, position, halted, gaps, refused }): ProjectionProgress => {
        const partition = /^journal\/(\d+)$/.exec(source)?.[1]
        const last = partition === undefined ? position : (ends[Number(partition)] ?? 0)
        const ahead = position > last
        const standing = ahead ? aheadText(position, last) : halted
        return {
          source,
          projected: position,
          last,
          // A journal that was made anew is not projected at all, however far its predecessor was.
          behind: position < last || ahead,
          ...(standing === null ? {} : { halted: standing }),
          gaps,
          refused,
        }
      })
      .toSorted((left, right) => left.source.localeCompare(right.source, "en", { numeric: true }))
  }).pipe(Effect.withTracerEnabled(false))

  return TraceStore.of({ appendLog, logsOf, tree, search, heads, waitUntil, progress })
})

export const traceStoreLayer = (
  config: TraceStoreConfig,
): Layer.Layer<
  TraceStore,
  MigrationError | SqlError | TenantRoleMissing,
  SqlClient | Log.Journal | TraceStream
> => Layer.effect(TraceStore, make(config))
