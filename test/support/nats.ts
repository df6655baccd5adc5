/**
 * Real NATS servers for suites, as plain promises for `beforeAll` and `afterAll`. Every
 * server has a store directory of its own, deleted by `stop`; binaries are kept in
 * `.millrace/bin` of the project.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import {
  natsServerVersions,
  obtainNatsServer,
  type RunningNatsServer,
  type StartOptions,
  startNatsCluster,
  startNatsServer,
} from "../../resources/index.ts"

export type NatsVersionName = keyof typeof natsServerVersions

export const binaryCache = join(import.meta.dirname, "../../.millrace/bin")

const print = (line: string) => Effect.sync(() => console.info(line))

/** The binary of exactly this version; rejects with one line for each way that failed. */
export const obtainTestBinary = (version: string) =>
  Effect.runPromise(obtainNatsServer({ cacheDir: binaryCache, version, report: () => Effect.void }))

export interface TestNatsServer {
  readonly url: string
  readonly version: string
  /** What the server in fact does; see `StartOptions`. */
  readonly sync: RunningNatsServer["sync"]
  readonly storeDir: string
  /** What `connect` of the client needs: address, user and password. Stays the same across `restart`. */
  readonly connection: RunningNatsServer["connection"]
  /** A new connection; the caller closes it, or `stop` does. */
  readonly connect: () => Promise<NatsConnection>
  readonly pid: () => number
  /** Signals the process and waits until it is gone; the store stays. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<void>
  /** Starts it again on the same store and port; stops it first when it runs. */
  readonly restart: () => Promise<void>
  /** Stops the server and deletes its store. */
  readonly stop: () => Promise<void>
}

export interface TestNatsCluster {
  readonly version: string
  /** Reaches whichever members are alive. */
  readonly connection: { readonly servers: Array<string>; readonly user: string; readonly pass: string }
  readonly members: ReadonlyArray<Pick<TestNatsServer, "url" | "connection" | "kill">>
  /** Stops all members and deletes their stores. */
  readonly stop: () => Promise<void>
}

export interface TestNatsOptions {
  /** Default: newest. */
  readonly version?: NatsVersionName
  /** Default: `default`, which is fast; `always` for what is about losing the machine. */
  readonly sync?: StartOptions["sync"]
}

/** Runs what needs a scope, and gives its value with the way to close that scope. */
const runInScope = async <A, E>(scoped: Effect.Effect<A, E, Scope.Scope>) => {
  const scope = Effect.runSync(Scope.make())
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const running = await Effect.runPromise(Effect.provideService(scoped, Scope.Scope, scope)).catch(
    async (cause: unknown) => {
      await close()
      throw cause
    },
  )
  return { running, close }
}

/** Starts a server of its own for a suite. */
export const testNatsServer = async (options: TestNatsOptions = {}): Promise<TestNatsServer> => {
  const version = natsServerVersions[options.version ?? "newest"]
  const { path: binary } = await obtainTestBinary(version)
  const storeDir = await mkdtemp(join(tmpdir(), "millrace-nats-"))
  const start = { binary, version, storeDir, sync: options.sync ?? "default" }
  let current = await runInScope(startNatsServer(start))
  const { url, port, connection, sync } = current.running
  const clients = new Set<NatsConnection>()
  return {
    url,
    version,
    sync,
    storeDir,
    connection,
    connect: async () => {
      const client = await connect(connection)
      clients.add(client)
      return client
    },
    pid: () => current.running.pid,
    kill: async (signal = "SIGKILL") => {
      process.kill(current.running.pid, signal)
      await Effect.runPromise(current.running.exited)
    },
    restart: async () => {
      await current.close()
      current = await runInScope(startNatsServer({ ...start, port }))
    },
    stop: async () => {
      await Promise.all([...clients].map((client) => client.close()))
      await current.close()
      await rm(storeDir, { recursive: true, force: true })
    },
  }
}

/** Starts three servers that replicate; for the middle and the newest version. */
export const testNatsCluster = async (options: TestNatsOptions = {}): Promise<TestNatsCluster> => {
  const version = natsServerVersions[options.version ?? "newest"]
  const { path: binary } = await obtainTestBinary(version)
  const baseDir = await mkdtemp(join(tmpdir(), "millrace-nats-cluster-"))
  const start = startNatsCluster({ binary, version, baseDir, sync: options.sync ?? "default" })
  const { running, close } = await runInScope(start)
  return {
    version,
    connection: running.connection,
    members: running.servers.map((server) => ({
      url: server.url,
      connection: server.connection,
      kill: async (signal = "SIGKILL") => {
        process.kill(server.pid, signal)
        await Effect.runPromise(server.exited)
      },
    })),
    stop: async () => {
      await close()
      await rm(baseDir, { recursive: true, force: true })
    },
  }
}

/**
 * The versions against which contract suites run, of those that can be obtained here.
 * One that cannot is left out with a printed reason; in CI that is a failure instead.
 */
export const contractNatsVersions = async (): Promise<ReadonlyArray<NatsVersionName>> => {
  const names: ReadonlyArray<NatsVersionName> = ["oldest", "middle", "newest"]
  const obtained: Array<NatsVersionName> = []
  for (const name of names) {
    try {
      await obtainTestBinary(natsServerVersions[name])
      obtained.push(name)
    } catch (cause) {
      if (process.env.CI !== undefined) throw cause
      await Effect.runPromise(print(`left out: nats-server ${natsServerVersions[name]}: ${cause}`))
    }
  }
  return obtained
}
