/**
 * One run of the `nats-server` process. It gets a process group of its own, so that
 * Ctrl-C in the terminal does not end it before its clients have drained, and a watcher
 * that ends it when this process vanishes without a word.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync, writeFileSync } from "node:fs"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { NatsServerStartFailed } from "./errors.ts"
import { signalProcess } from "./operating-system-process.ts"
import type { StoreFiles } from "./store-files.ts"

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

/** Its id may belong to another process by now: no signal may follow. */
const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

/** Starts the process and returns at once; whether it answers is another question. */
export const spawnServer = (binary: string, files: StoreFiles) =>
  Effect.callback<ServerProcess, NatsServerStartFailed>((resume) => {
    const child = spawnDetached(binary, files)
    const exit = Deferred.makeUnsafe<ServerExit>()
    const exited = Deferred.await(exit)
    child.once("error", (cause) => {
      resume(Effect.fail(new NatsServerStartFailed({ storeDir: files.directory, reason: cause.message })))
    })
    child.once("spawn", () => {
      const pid = child.pid!
      // The server writes it too, but later: a kill in between must not leave an unknown server.
      writeFileSync(files.pid, `${pid}\n`, { mode: 0o600 })
      const watcher = watchFor(pid)
      child.once("exit", (exitCode, signal) => {
        watcher?.kill("SIGKILL")
        Deferred.doneUnsafe(
          exit,
          Effect.succeed({ exitCode: exitCode ?? undefined, signal: signal ?? undefined }),
        )
      })
      child.unref()
      const kill = Effect.andThen(signalProcess(pid, "SIGKILL"), exited)
      const stop = signalProcess(pid, "SIGTERM").pipe(
        Effect.andThen(exited),
        Effect.timeoutOrElse({ duration: stopGraceMs, orElse: () => kill }),
        Effect.asVoid,
      )
      resume(
        Effect.succeed({ pid, exited, stop: Effect.suspend(() => (hasEnded(child) ? Effect.void : stop)) }),
      )
    })
  })
