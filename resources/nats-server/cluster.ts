/**
 * Three servers in one cluster on this machine, for tests of replicas. Refuses servers
 * on which a replicated compare-and-set is broken.
 */
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { SyncMode } from "./configuration.ts"
import { NatsClusterRefused, NatsServerStartFailed } from "./errors.ts"
import { findFreePort } from "./free-port.ts"
import { type ServerAddress, startNatsServer } from "./server.ts"
import { makeIdentity } from "./store-files.ts"
import { isAtLeast, replicasFrom } from "./versions.ts"

const members = ["a", "b", "c"] as const
const host = "127.0.0.1"

/** How long the members may take to find each other and elect a leader. */
const formMsMax = 60_000
const probeEveryMs = 100
const probeStream = "MILLRACE_CLUSTER_PROBE"

export interface ClusterStartOptions {
  readonly binary: string
  readonly version: string
  /** Holds one store directory for each member; the secret they share is made anew at each start. */
  readonly baseDir: string
  readonly sync: SyncMode
}

/** Creating a stream with three replicas proves leader and all members at once. */
const probe = async ({ connection }: ServerAddress) => {
  const [{ connect }, { jetstreamManager }] = await Promise.all([
    import("@nats-io/transport-node"),
    import("@nats-io/jetstream"),
  ])
  const client = await connect({ ...connection, reconnect: false })
  try {
    const manager = await jetstreamManager(client)
    await manager.streams.add({ name: probeStream, subjects: [probeStream], num_replicas: members.length })
    await manager.streams.delete(probeStream)
  } finally {
    await client.close()
  }
}

/** Distinct ports for the clients and the routes of every member. */
const choosePorts = Effect.fnUntraced(function* (baseDir: string) {
  const ports = new Set<number>()
  while (ports.size < members.length * 2) {
    const port = yield* findFreePort(host)
    if (port === undefined) {
      return yield* new NatsServerStartFailed({ storeDir: baseDir, reason: "no free port was found" })
    }
    ports.add(port)
  }
  const chosen = [...ports]
  return { clients: chosen.slice(0, members.length), routes: chosen.slice(members.length) }
})

/**
 * Starts three servers as a cluster and waits until it stores with three replicas.
 *
 * Errors: `NatsClusterRefused` on servers before 2.10, else those of `startNatsServer`.
 */
export const startNatsCluster = Effect.fn("startNatsCluster")(function* (options: ClusterStartOptions) {
  const { binary, version, baseDir, sync } = options
  if (!isAtLeast(version, replicasFrom)) return yield* new NatsClusterRefused({ version, replicasFrom })
  const ports = yield* choosePorts(baseDir)
  const { user, password } = makeIdentity()
  const servers = yield* Effect.forEach(
    members,
    (member, index) =>
      startNatsServer({
        binary,
        version,
        sync,
        storeDir: join(baseDir, member),
        port: ports.clients[index],
        login: { user, password },
        cluster: { name: "millrace", port: ports.routes[index]!, routePorts: ports.routes },
      }),
    { concurrency: "unbounded" },
  )
  const failed = (reason: string) => new NatsServerStartFailed({ storeDir: baseDir, reason })
  yield* Effect.tryPromise({ try: () => probe(servers[0]!), catch: (cause) => failed(String(cause)) }).pipe(
    Effect.retry(Schedule.spaced(probeEveryMs).pipe(Schedule.upTo({ duration: formMsMax }))),
  )
  const connection = { ...servers[0]!.connection, servers: servers.map((server) => server.url) }
  return { servers, connection }
})
