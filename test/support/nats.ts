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

export interface TestNatsOptions {
  /** Default: newest. */
  readonly version?: NatsVersionName
  /** Default: `default`, which is fast; `always` for what is about losing the machine. */
  readonly sync?: StartOptions["sync"]
}

const startInScope = async (options: StartOptions) => {
  const scope = Effect.runSync(Scope.make())
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const started = Effect.provideService(startNatsServer(options), Scope.Scope, scope)
  const server = await Effect.runPromise(started).catch(async (cause: unknown) => {
    await close()
    throw cause
  })
  return { server, close }
}

/** Starts a server of its own for a suite. */
export const testNatsServer = async (options: TestNatsOptions = {}): Promise<TestNatsServer> => {
  const version = natsServerVersions[options.version ?? "newest"]
  const { path: binary } = await obtainTestBinary(version)
  const storeDir = await mkdtemp(join(tmpdir(), "millrace-nats-"))
  const start = { binary, version, storeDir, sync: options.sync ?? "default" }
  let current = await startInScope(start)
  const { url, port, connection, sync } = current.server
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
    pid: () => current.server.pid,
    kill: async (signal = "SIGKILL") => {
      process.kill(current.server.pid, signal)
      await Effect.runPromise(current.server.exited)
    },
    restart: async () => {
      await current.close()
      current = await startInScope({ ...start, port })
    },
    stop: async () => {
      await Promise.all([...clients].map((client) => client.close()))
      await current.close()
      await rm(storeDir, { recursive: true, force: true })
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
