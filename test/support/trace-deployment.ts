/** A small deployment for the trace suites: accounts on a real NATS server, and a database beside it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import { type TraceLimits, TraceStore, traceProjectorLayer, traceStoreLayer } from "../../actors/index.ts"
import { type AnyKind, JournalRecord, Log, make } from "../../engine/index.ts"
import { Account } from "./account.ts"
import { startNode, type TestConnection, testStreamsConfig } from "./streams.ts"

export const partitions = 8

/** Reads often and takes over quickly, so that suites need not wait. */
const quickLimits: Partial<TraceLimits> = { leaseMs: 600, retryMs: 20, pollMs: 5 }

/** Streams of their own on the server, and the configuration by which another process finds them. */
export const deployment = Effect.fnUntraced(function* (connection: TestConnection) {
  const config = testStreamsConfig(connection, { partitions })
  return { config, streams: yield* startNode(config) }
})

/** A node that runs accounts. */
export const accountNode = Effect.fnUntraced(function* (incarnation: string) {
  return yield* make({
    partitions,
    incarnation,
    implementations: [{ kind: Account as unknown as AnyKind, activities: {} }],
    limits: { heartbeatMs: 50, suspectAfterMs: 500, joinQuietMs: 100 },
  })
})

/** Forgets what an earlier test has projected into the same database. */
export const forgetProjection = Effect.gen(function* () {
  const sql = yield* SqlClient
  for (const view of ["trace_spans", "hop_spans"]) yield* sql`DROP VIEW IF EXISTS ${sql(view)}`
  for (const table of [
    "spans",
    "journal_entries",
    "trace_logs",
    "projection_positions",
    "projection_leases",
    "statistics_daily",
    "statistics_agents",
    "millrace_migrations",
  ])
    yield* sql`DROP TABLE IF EXISTS ${sql(table)}`
})

/** The read side alone. */
export const traceStore = Effect.map(
  Layer.build(traceStoreLayer({ partitions, limits: quickLimits })),
  (services) => Context.get(services, TraceStore),
)

/** A projector that works until it is stopped, wherever it is then. */
export const startProjector = Effect.fnUntraced(function* (node: string, limits: Partial<TraceLimits> = {}) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  yield* Layer.buildWithScope(
    Layer.fresh(traceProjectorLayer({ partitions, node, limits: { ...quickLimits, ...limits } })),
    scope,
  )
  return { stop: Scope.close(scope, Exit.void) }
})

/** Every entry that the journals hold, as `partition/sequence/index`. */
export const journaled = Effect.gen(function* () {
  const journal = yield* Log.Journal
  const places: Array<string> = []
  for (let partition = 0; partition < partitions; partition++) {
    const end = (yield* journal.last(partition))?.sequence ?? 0
    if (end === 0) continue
    const reader = yield* journal.open(partition, 0)
    for (let through = 0; through < end; ) {
      for (const { sequence, data } of yield* reader.take) {
        const record = JournalRecord.decode(data)
        if (!("corrupt" in record))
          places.push(...record.entries.map((_, index) => `${partition}/${sequence}/${index}`))
        through = sequence
      }
    }
  }
  return places.sort()
}).pipe(Effect.scoped)

/** Every entry that is projected, in the same form. */
export const projected = Effect.gen(function* () {
  const sql = yield* SqlClient
  const rows = yield* sql<{ place: string }>`
    SELECT partition || '/' || sequence || '/' || index AS place FROM journal_entries`
  return rows.map(({ place }) => place).sort()
})
