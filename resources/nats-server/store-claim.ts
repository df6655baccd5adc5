/**
 * Makes one launcher the only one to run a server on a store: two servers on one store
 * corrupt it. A launcher that is alive is left alone and the claim refused; a server
 * whose launcher was killed is stopped before a new one may start.
 */
import { link, readFile, rm, writeFile } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { NatsServerStartFailed, NatsStoreInUse } from "./errors.ts"
import { describeProcess, endProcess, isAlive } from "./operating-system-process.ts"
import { onStore, type StoreFiles } from "./store-files.ts"

/** How long a server left behind may take to shut down before it is killed. */
const leftoverGraceMs = 10_000

const Launcher = Schema.Struct({ pid: Schema.Int, startedAt: Schema.String })
const decodeLauncher = Schema.decodeUnknownOption(Schema.fromJsonString(Launcher))

const readText = (path: string) => Effect.promise(() => readFile(path, "utf8").catch(() => ""))

/** The launcher that holds the store and is alive, if any. */
const liveHolder = Effect.fnUntraced(function* (files: StoreFiles) {
  const launcher = decodeLauncher(yield* readText(files.launcher))
  if (Option.isNone(launcher)) return undefined
  const { pid, startedAt } = launcher.value
  if (!isAlive(pid)) return undefined
  const description = yield* describeProcess(pid)
  return description === undefined || description.startedAt === startedAt ? pid : undefined
})

const writeClaim = Effect.fnUntraced(function* (files: StoreFiles) {
  const self = yield* describeProcess(process.pid)
  const text = JSON.stringify({ pid: process.pid, startedAt: self?.startedAt ?? "" })
  const draft = `${files.launcher}.${process.pid}.draft`
  // A link appears with its whole content, and only where no claim is.
  return yield* Effect.promise(() =>
    writeFile(draft, text, { mode: 0o600 })
      .then(() => link(draft, files.launcher))
      .then(
        () => true,
        () => false,
      )
      .finally(() => rm(draft, { force: true })),
  )
})

/** Writes our claim, replacing one whose launcher is dead. */
const takeClaim = Effect.fnUntraced(function* (files: StoreFiles) {
  if (yield* writeClaim(files)) return
  const holder = yield* liveHolder(files)
  if (holder !== undefined) {
    return yield* new NatsStoreInUse({ storeDir: files.directory, launcherPid: holder })
  }
  yield* onStore(files.directory, () => rm(files.launcher, { force: true }))
  if (yield* writeClaim(files)) return
  return yield* new NatsServerStartFailed({
    storeDir: files.directory,
    reason: `${files.launcher} cannot be written, or another launcher was faster`,
  })
})

/** Stops a server that still runs on this store though its launcher is gone. */
const stopLeftover = Effect.fnUntraced(function* (files: StoreFiles) {
  const pid = Number.parseInt(yield* readText(files.pid), 10)
  if (!Number.isSafeInteger(pid) || pid <= 1 || !isAlive(pid)) return
  const description = yield* describeProcess(pid)
  if (description?.command.includes(files.configuration)) return yield* endProcess(pid, leftoverGraceMs)
  if (description !== undefined || process.platform !== "win32") return
  return yield* new NatsServerStartFailed({
    storeDir: files.directory,
    reason: `process ${pid} may be a nats-server left behind on this store: end it, or delete ${files.pid}`,
  })
})

/**
 * Holds the store for this process while the scope is open, with no server running on it.
 *
 * Errors: `NatsStoreInUse` when a live launcher, this process included, holds it.
 */
export const claimStore = (files: StoreFiles) =>
  Effect.acquireRelease(takeClaim(files), () =>
    Effect.promise(() => rm(files.launcher, { force: true })),
  ).pipe(Effect.andThen(stopLeftover(files)))
