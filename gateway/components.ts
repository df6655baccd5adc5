/** The parts of a node as /health shows them. Each answers for itself, never fails and never takes long. */
import * as Effect from "effect/Effect"
import { type LaneProblem, mendOf, type NodeLanes, type TraceStore } from "../actors/index.ts"
import type { EngineShape, PartitionState } from "../engine/index.ts"
import type { Database } from "../resources/index.ts"
import type { DurabilityReport, NatsConnection } from "../streams/index.ts"

export type HealthStatus = "healthy" | "degraded" | "unhealthy"

export interface ComponentHealth {
  readonly status: HealthStatus
  readonly [detail: string]: unknown
}

const ranks: ReadonlyArray<HealthStatus> = ["healthy", "degraded", "unhealthy"]

export const worst = (all: ReadonlyArray<HealthStatus>): HealthStatus =>
  ranks[Math.max(0, ...all.map((status) => ranks.indexOf(status)))]!

export const natsComponent = (
  nats: NatsConnection,
  durability: DurabilityReport,
): Effect.Effect<ComponentHealth> =>
  Effect.sync(() => {
    const { connected, server, since, reconnects, lastError } = nats.status()
    const { replicas, storage, syncInterval, survives, text } = durability
    return {
      status: connected ? "healthy" : "unhealthy",
      connected,
      server,
      since: new Date(since).toISOString(),
      reconnects,
      ...(lastError === undefined ? {} : { last_error: lastError }),
      version: nats.capabilities.serverVersion,
      durability: { replicas, storage, sync_interval: syncInterval, survives, text },
    }
  })

export const databaseComponent = (database: (typeof Database)["Service"]): Effect.Effect<ComponentHealth> =>
  Effect.map(database.health, ({ status, mode, version, latencyMs }) => ({
    status: status === "up" ? "healthy" : "unhealthy",
    mode,
    version,
    vector: database.hasVector,
    latency_ms: latencyMs,
  }))

/** Why the journal of a partition takes no appends at the moment. */
const stalledOf = (state: PartitionState): string | undefined =>
  state._tag === "Live" ? state.partition.stalled : undefined

const describePartition = (state: PartitionState, partition: number) => ({
  partition,
  state: state._tag.toLowerCase(),
  ...(state._tag === "Elsewhere" && state.node !== undefined ? { node: state.node } : {}),
  ...(stalledOf(state) === undefined ? {} : { status: "degraded", stalled: stalledOf(state) }),
  ...(state._tag === "Halted" ? { reason: state.detail, sequence: state.sequence } : {}),
})

export const engineComponent = (engine: EngineShape): Effect.Effect<ComponentHealth> =>
  Effect.map(engine.status, ({ node, members, partitions, pendingAsks, waitingCommands }) => {
    const count = (tag: PartitionState["_tag"]) => partitions.filter((state) => state._tag === tag).length
    const stalled = partitions.filter((state) => stalledOf(state) !== undefined).length
    const unsettled = count("Starting") + count("Draining")
    const orphans = partitions.filter(
      (state) => state._tag === "Elsewhere" && state.node === undefined,
    ).length
    return {
      status: count("Halted") > 0 ? "unhealthy" : unsettled + orphans + stalled > 0 ? "degraded" : "healthy",
      node,
      members,
      live: count("Live"),
      elsewhere: count("Elsewhere"),
      halted: count("Halted"),
      stalled,
      partitions: partitions.map(describePartition),
      pending_asks: pendingAsks,
      waiting_commands: waitingCommands,
    }
  })

const describeProblem = (problem: LaneProblem) => {
  const { lane, state, reason, since, times, againAt } = problem
  return {
    lane,
    state,
    since: new Date(since).toISOString(),
    times,
    again_at: new Date(againAt).toISOString(),
    reason,
    mend: mendOf(problem),
  }
}

/** Lanes of this node's partitions; rules of one that is not evaluated say nothing. */
export const lanesComponent = (
  engine: EngineShape,
  lanes: Pick<NodeLanes, "figures" | "problems">,
): Effect.Effect<ComponentHealth> =>
  Effect.map(engine.status, ({ partitions }) => {
    const [evaluated, problems] = [lanes.figures(), lanes.problems()]
    const loading = partitions.flatMap((state, lane) =>
      state._tag === "Live" && !evaluated.has(lane) ? [lane] : [],
    )
    return {
      status: loading.length + problems.length > 0 ? "degraded" : "healthy",
      evaluated: evaluated.size,
      loading,
      lag_messages: Math.max(0, ...Array.from(evaluated.values(), ({ lagMessages }) => lagMessages)),
      ...(problems.length === 0 ? {} : { problems: problems.map(describeProblem) }),
    }
  })

/** Three missed seconds are a hiccup; more, and nobody measures this host. */
const collectorSilentMsMax = 5_000

/** `last` tells when samples of this host were last stored, in milliseconds since the epoch. */
export const collectorComponent = (last: () => number | undefined): Effect.Effect<ComponentHealth> =>
  Effect.sync(() => {
    const at = last()
    const silentMs = at === undefined ? undefined : Date.now() - at
    return {
      status: silentMs !== undefined && silentMs <= collectorSilentMsMax ? "healthy" : "degraded",
      ...(at === undefined ? {} : { last_sample: new Date(at).toISOString() }),
    }
  })

/** A projection that lags is no fault; one that halted, or cannot be asked, is. */
export const projectionsComponent = (
  traces: (typeof TraceStore)["Service"],
): Effect.Effect<ComponentHealth> =>
  traces.progress.pipe(
    Effect.map(
      (sources): ComponentHealth => ({
        status: sources.some(({ halted }) => halted !== undefined) ? "degraded" : "healthy",
        lag: sources.reduce((sum, { projected, last }) => sum + Math.max(0, last - projected), 0),
        sources: sources.map(({ source, projected, last, behind, halted, gaps, refused }) => ({
          source,
          projected_up_to: projected,
          last,
          behind,
          ...(halted === undefined ? {} : { halted }),
          ...(gaps === 0 ? {} : { gaps }),
          ...(refused === 0 ? {} : { refused }),
        })),
      }),
    ),
    Effect.timeout("3 seconds"),
    Effect.catchCause((cause) =>
      Effect.succeed({ status: "degraded" as const, reason: String(cause).slice(0, 300) }),
    ),
  )
