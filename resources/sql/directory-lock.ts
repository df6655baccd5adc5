/**
 * Makes one process the only one to work on a data directory. The lock names its holder by process id
 * and, on Linux, start time, so that a dead holder is recognised even after its id was given away again.
 * It guards against processes of one machine, not against two machines that share a volume.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { processLimits } from "./limits.ts"

export interface LockHolder {
  readonly pid: number
  /** Clock ticks since boot; empty where the system does not tell. */
  readonly startedAt: string
  readonly parentPid: number
}

const leavingPollMs = 50

/** The lock lies beside the directory: what is inside it belongs to Postgres. */
export const lockPath = (directory: string): string => `${directory}.lock`

interface ProcessStatus {
  readonly alive: boolean
  readonly startedAt: string
}

const existsNow = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM"
  }
}

const statusOf = (pid: number): ProcessStatus => {
  if (!existsNow(pid)) return { alive: false, startedAt: "" }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The second field, the name in parentheses, may hold spaces: count from behind it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return { alive: fields[0] !== "Z", startedAt: fields[19] ?? "" }
  } catch {
    return { alive: existsNow(pid), startedAt: "" }
  }
}

/** Whether the process that took a lock still runs. */
export const isLive = (holder: LockHolder): boolean => {
  const status = statusOf(holder.pid)
  return status.alive && (status.startedAt === "" || status.startedAt === holder.startedAt)
}

/** Who the lock names, alive or not. */
export const readLock = (directory: string): LockHolder | undefined => parse(readText(lockPath(directory)))

const readText = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

const parse = (text: string): LockHolder | undefined => {
  try {
    return JSON.parse(text) as LockHolder
  } catch {
    return undefined
  }
}

/** A link appears with its whole content, and only where no lock is. */
const write = (directory: string, text: string): boolean => {
  const draft = `${lockPath(directory)}.${process.pid}`
  writeFileSync(draft, text, { mode: 0o600 })
  try {
    linkSync(draft, lockPath(directory))
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false
    throw cause
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Moves a dead holder's lock away; of two that try, the one that moved a fresh lock puts it back. */
const clearDead = (directory: string, seen: string): void => {
  const aside = `${lockPath(directory)}.${process.pid}.dead`
  try {
    renameSync(lockPath(directory), aside)
    if (readText(aside) !== seen) linkSync(aside, lockPath(directory))
  } catch {
    // Somebody else cleared it: the next attempt to write decides.
  } finally {
    rmSync(aside, { force: true })
  }
}

export type LockOutcome =
  | { readonly _tag: "Held"; readonly release: () => void }
  | { readonly _tag: "Refused"; readonly pid: number }

/**
 * Takes the lock, from a dead holder too. Waits only for a holder whose parent is gone, since that one
 * is leaving by itself.
 */
export const takeDirectoryLock = async (directory: string): Promise<LockOutcome> => {
  mkdirSync(dirname(directory), { recursive: true })
  const self: LockHolder = {
    pid: process.pid,
    startedAt: statusOf(process.pid).startedAt,
    parentPid: process.ppid,
  }
  const text = JSON.stringify(self)
  for (let waitedMs = 0; ; ) {
    if (write(directory, text)) return { _tag: "Held", release: () => release(directory, text) }
    const seen = readText(lockPath(directory))
    const holder = parse(seen)
    if (holder === undefined || !isLive(holder)) {
      clearDead(directory, seen)
      continue
    }
    const leaving = !existsNow(holder.parentPid) && waitedMs < processLimits.leavingMs
    if (!leaving) return { _tag: "Refused", pid: holder.pid }
    await delay(leavingPollMs)
    waitedMs += leavingPollMs
  }
}

const release = (directory: string, text: string): void => {
  if (readText(lockPath(directory)) === text) rmSync(lockPath(directory), { force: true })
}
