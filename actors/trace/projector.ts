/**
 * Carries journals and reported spans into Postgres. Exactly once: see `positions.ts`. Every node may run it; the one
 * that holds the lease works, and the others stand by.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Log, type Unavailable } from "../../engine/index.ts"
import { Database, type MigrationError, type TenantRoleMissing } from "../../resources/index.ts"
import { TraceStream } from "../../streams/index.ts"
import { whileHeld } from "./lease.ts"
import { type TraceLimits, traceLimits } from "./limits.ts"
import { migrateTraces } from "./migrations.ts"
import {
  ensurePositions,
  Fenced,
  journalSource,
  type Part,
  readPositions,
  traceSource,
  write,
} from "./positions.ts"
import { prune, vacuum } from "./prune.ts"
import { readJournal, readTraces } from "./sources.ts"

export interface TraceProjectorConfig {
  readonly partitions: number
  /** Unique per life of a node. */
  readonly node: string
  readonly limits?: Partial<TraceLimits>
}

/** Puts consecutive parts together until a transaction has enough. */
const batches = (parts: ReadonlyArray<Part>, rowsMax: number): ReadonlyArray<ReadonlyArray<Part>> => {
  const gathered: Array<Array<Part>> = []
  let rows = rowsMax
  for (const part of parts) {
    if (rows >= rowsMax) {
      gathered.push([])
      rows = 0
    }
    gathered.at(-1)!.push(part)
    rows += part.entries.length + part.spans.length + part.logs.length
  }
  return gathered
}

/** Projects until something fails. One transaction at a time; the next carries what gathered meanwhile. */
export const project = Effect.fnUntraced(function* (
  config: TraceProjectorConfig,
): Effect.fn.Return<
  never,
  SqlError | Unavailable | Fenced,
  SqlClient | Log.Journal | TraceStream | Scope.Scope
> {
  const limits = traceLimits(config.limits)
  const [sql, journal, traces] = [yield* SqlClient, yield* Log.Journal, yield* TraceStream]
  const partitions = Array.from({ length: config.partitions }, (_, partition) => partition)
  yield* ensurePositions(sql, [...partitions.map(journalSource), traceSource])
  const positions = new Map((yield* readPositions(sql)).map(({ source, position }) => [source, position]))
  const after = (source: string) => positions.get(source) ?? 0
  const queue = yield* Queue.bounded<Part>(limits.partsWaitingMax)
  const journals = partitions.map((partition) =>
    readJournal({ journal, partition, after: after(journalSource(partition)), queue, limits }),
  )
  const reported = readTraces({ traces, after: after(traceSource), queue, limits })
  // A copy may be late, callers may not: it rests as long as it worked, so that it never takes more than half a core.
  const writing = Effect.gen(function* () {
    for (;;) {
      for (const batch of batches(yield* Queue.takeAll(queue), limits.batchRowsMax)) {
        const began = yield* Clock.currentTimeMillis
        yield* write(sql, batch)
        yield* Effect.sleep((yield* Clock.currentTimeMillis) - began)
      }
      yield* Effect.sleep(limits.gatherMs)
    }
  })
  yield* Effect.all([...journals, reported, writing], { concurrency: "unbounded", discard: true })
  return yield* Effect.never
}, Effect.scoped)

/** Keeps projecting: what fails is tried again from the stored positions, after a pause. */
const projectForever = (config: TraceProjectorConfig, limits: TraceLimits) =>
  Effect.forever(
    Effect.catch(project(config), (error) =>
      Effect.andThen(
        error instanceof Fenced
          ? Effect.logInfo("the trace projection goes on from where another node has brought it")
          : Effect.logWarning("the trace projection starts again", error),
        Effect.sleep(limits.retryMs),
      ),
    ),
  )

/** An embedded database has nobody who cleans up after deletions. */
const pruneForever = (sql: SqlClient, limits: TraceLimits, embedded: boolean) =>
  Effect.forever(
    Effect.gen(function* () {
      yield* Effect.sleep(limits.pruneEveryMs)
      const pruned = yield* prune(sql, yield* Clock.currentTimeMillis, limits)
      if (embedded && pruned > 0) yield* vacuum(sql)
    }).pipe(Effect.catch((error) => Effect.logWarning("the trace projection could not be pruned", error))),
  )

/** Runs the projection in the background for as long as the layer lives. Its own work is not traced. */
export const traceProjectorLayer = (
  config: TraceProjectorConfig,
): Layer.Layer<
  never,
  MigrationError | SqlError | TenantRoleMissing,
  Database | SqlClient | Log.Journal | TraceStream
> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const limits = traceLimits(config.limits)
      const sql = yield* SqlClient
      const { mode } = yield* Database
      yield* migrateTraces(sql)
      const context = yield* Effect.context<SqlClient | Log.Journal | TraceStream>()
      const work = Effect.raceFirst(
        projectForever(config, limits),
        pruneForever(sql, limits, mode === "embedded"),
      ).pipe(Effect.provideContext(context))
      yield* Effect.forkScoped(whileHeld(sql, { holder: config.node, leaseMs: limits.leaseMs }, work))
    }).pipe(Effect.withTracerEnabled(false)),
  )
