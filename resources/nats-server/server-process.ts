/**
 * One run of the `nats-server` process. It gets a process group of its own, so that
 * Ctrl-C in the terminal does not end it before its clients have drained, and a watcher
 * that ends it when this process vanishes without a word.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, writeFileSync } from "node:fs"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { signalProcess } from "./operating-system-process.ts"
import { onStore, type StoreFiles } from "./store-files.ts"

/** How long a server that was asked to stop may take before it is killed. */
const stopGraceMs = 10_000

/** How a server ended. */
export interface ServerExit {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
}

export interface ServerProcess {
  readonly pid: number
  readonly exited: Effect.Effect<ServerExit>
  /** SIGTERM, which lets the server write out its stores, then SIGKILL; returns when it is gone. */
  readonly stop: Effect.Effect<void>
}

/**
 * A shell that waits on a pipe from this process and passes its end on as SIGTERM. The
 * kernel closes the pipe however this process ends, `kill -9` included.
 */
const watchFor = (serverPid: number): ChildProcess | undefined => {
  if (process.platform === "win32") return undefined
  const script = 'read -r _; kill -TERM "$1"'
  const watcher = spawn("/bin/sh", ["-c", script, "nats-server-watch", String(serverPid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  })
  // Without a watcher the next start on the store still takes the server over.
  watcher.on("error", () => {})
  watcher.unref()
  return watcher
}

/** The output goes to a file, not a pipe: writing to a pipe whose reader died would kill the server. */
const spawnDetached = (binary: string, files: StoreFiles) => {
  const output = openSync(files.output, "w", 0o600)
  try {
    return spawn(binary, ["-c", files.configuration], {
      detached: true,
      stdio: ["ignore", output, output],
      windowsHide: true,
    })
  } finally {
    closeSync(output)
  }
}

/** Once it has ended, its id may belong to another process: no signal may follow. */
const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

const stopChild = (child: ChildProcess, pid: number, exited: Effect.Effect<ServerExit>) =>
  Effect.suspend(() => {
    if (hasEnded(child)) return Effect.void
    const kill = Effect.andThen(signalProcess(pid, "SIGKILL"), exited)
    return signalProcess(pid, "SIGTERM").pipe(
      Effect.andThen(exited),
      Effect.timeoutOrElse({ duration: stopGraceMs, orElse: () => kill }),
      Effect.asVoid,
    )
  })

const spawnWatched = async (binary: string, files: StoreFiles, onExit: (exit: ServerExit) => void) => {
  const child = spawnDetached(binary, files)
  const spawned = once(child, "spawn")
  const watcher = child.pid === undefined ? undefined : watchFor(child.pid)
  child.on("error", () => {})
  child.once("exit", (exitCode, signal) => {
    watcher?.kill("SIGKILL")
    onExit({ exitCode: exitCode ?? undefined, signal: signal ?? undefined })
  })
  await spawned
  child.unref()
  try {
    // The server writes it too, but later: a kill in between must not leave an unknown server.
    writeFileSync(files.pid, `${child.pid}\n`, { mode: 0o600 })
  } catch (cause) {
    child.kill("SIGKILL")
    throw cause
  }
  return child
}

/** Starts the process and returns at once; whether it answers is another question. */
export const spawnServer = Effect.fn("spawnServer")(function* (binary: string, files: StoreFiles) {
  const exit = Deferred.makeUnsafe<ServerExit>()
  const onExit = (how: ServerExit) => Deferred.doneUnsafe(exit, Effect.succeed(how))
  const child = yield* onStore(files.directory, () => spawnWatched(binary, files, onExit))
  const pid = child.pid!
  const exited = Deferred.await(exit)
  const server: ServerProcess = { pid, exited, stop: stopChild(child, pid, exited) }
  return server
})
