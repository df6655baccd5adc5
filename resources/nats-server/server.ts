/**
 * Starts a `nats-server` with JetStream on a store directory and stops it with the
 * scope. Owns the directory while it runs: there is never more than one server on it.
 */
import { readFile } from "node:fs/promises"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ClusterOptions, effectiveSync, renderConfiguration, type SyncMode } from "./configuration.ts"
import { NatsServerStartFailed } from "./errors.ts"
import { findFreePort } from "./free-port.ts"
import { awaitReady } from "./readiness.ts"
import { type ServerExit, type ServerProcess, spawnServer } from "./server-process.ts"
import { claimStore } from "./store-claim.ts"
import {
  createStore,
  onStore,
  readIdentity,
  type ServerIdentity,
  type StoreFiles,
  storeFiles,
  writePrivately,
} from "./store-files.ts"

/** How long a server may recover its store before it must answer. */
const readyMsMax = 120_000

export interface StartOptions {
  readonly binary: string
  readonly version: string
  /** Everything of this server: store, configuration, log, secret. Created when missing. */
  readonly storeDir: string
  /** Default: a free one, which then stays the same as long as the scope is open. */
  readonly port?: number | undefined
  readonly host?: string | undefined
  readonly sync: SyncMode
  readonly cluster?: ClusterOptions | undefined
  /** Default: made once and kept in the directory. Members of a cluster share user and password. */
  readonly login?: { readonly user: string; readonly password: string } | undefined
}

/** What stays true of a server across its restarts. */
export interface ServerAddress {
  /** Without the password, so that it can be printed. */
  readonly url: string
  /** Spread it into the client's connection options. Holds the password: never print it. */
  readonly connection: { readonly servers: string; readonly user: string; readonly pass: string }
  readonly host: string
  readonly port: number
  readonly version: string
  /** What the server in fact does: 2.9 knows no `always`. */
  readonly sync: SyncMode
}

export interface RunningNatsServer extends ServerAddress {
  readonly pid: number
  /** Ends the server now; the scope does it otherwise. */
  readonly stop: Effect.Effect<void>
  /** Completes when the process has ended, for whatever reason. */
  readonly exited: Effect.Effect<ServerExit>
}

/** A store that is claimed and configured, on which a server may be launched again and again. */
export interface PreparedServer extends ServerAddress {
  /** Starts the process for the scope and waits until it answers. */
  readonly launch: Effect.Effect<ServerProcess, NatsServerStartFailed, Scope.Scope>
}

/** The last line in which this run of the server complained: in its log, or before that was open. */
const lastComplaint = async (files: StoreFiles, pid: number) => {
  const read = (path: string) => readFile(path, "utf8").catch(() => "")
  const [log, output] = await Promise.all([read(files.log), read(files.output)])
  const ownLines = log.split("\n").filter((line) => line.startsWith(`[${pid}]`))
  const lines = [...ownLines, ...output.trim().split("\n")]
  return lines.findLast((line) => /\[(FTL|ERR)\]|^nats-server: /.test(line)) ?? lines.at(-1) ?? ""
}

const launchOn = (
  binary: string,
  files: StoreFiles,
  { host, port }: ServerAddress,
  { serverName }: ServerIdentity,
) => {
  const fail = (reason: string) => new NatsServerStartFailed({ storeDir: files.directory, reason })
  const died = (server: ServerProcess) =>
    server.exited.pipe(
      Effect.andThen(Effect.promise(() => lastComplaint(files, server.pid))),
      Effect.flatMap((complaint) => Effect.fail(fail(complaint || "it ended without a word"))),
    )
  const answers = (server: ServerProcess) =>
    Effect.raceFirst(awaitReady(host, port, serverName), died(server)).pipe(
      Effect.timeoutOrElse({
        duration: readyMsMax,
        orElse: () => Effect.fail(fail(`it did not answer within ${readyMsMax / 1000} s`)),
      }),
    )
  return Effect.acquireRelease(spawnServer(binary, files), (server) => server.stop).pipe(Effect.tap(answers))
}

/** Claims and configures the store for the scope; nothing runs yet. */
export const prepareServer = Effect.fn("prepareServer")(function* (options: StartOptions) {
  const files = storeFiles(options.storeDir)
  const host = options.host ?? "127.0.0.1"
  yield* createStore(files)
  yield* claimStore(files)
  const identity = { ...(yield* readIdentity(files)), ...options.login }
  const port = options.port ?? (yield* findFreePort(host))
  if (port === undefined) {
    return yield* new NatsServerStartFailed({ storeDir: files.directory, reason: "no free port was found" })
  }
  const { version, cluster } = options
  const configuration = renderConfiguration({
    version,
    host,
    port,
    sync: options.sync,
    identity,
    files,
    cluster,
  })
  yield* onStore(files.directory, () => writePrivately(files.configuration, configuration))
  const url = `nats://${host}:${port}`
  const address: ServerAddress = {
    url,
    connection: { servers: url, user: identity.user, pass: identity.password },
    host,
    port,
    version,
    sync: effectiveSync(version, options.sync),
  }
  const prepared: PreparedServer = { ...address, launch: launchOn(options.binary, files, address, identity) }
  return prepared
})

/**
 * Starts a server and waits until it answers.
 *
 * Errors: `NatsStoreInUse` when a live process runs one on this store, `NatsServerStartFailed` otherwise.
 * Gotcha: a server that dies stays dead; `keepNatsServer` is the one that starts it again.
 */
export const startNatsServer = Effect.fn("startNatsServer")(function* (options: StartOptions) {
  const { launch, ...address } = yield* prepareServer(options)
  const running: RunningNatsServer = { ...address, ...(yield* launch) }
  return running
})
