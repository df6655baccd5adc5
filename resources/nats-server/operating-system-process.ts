/**
 * Looking at and ending processes that are not our children. A process id alone proves
 * nothing, ids are reused: a process is recognised by id, start time and command line.
 */
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

/** How often a process that is ending is looked at. */
const pollMs = 20

/** How long a killed process may take to vanish; only a stuck disk keeps it longer. */
const vanishMs = 10_000

export interface ProcessDescription {
  readonly startedAt: string
  readonly command: string
}

/** Whether a process with this id exists, whoever owns it. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM"
  }
}

const describeFromProc = async (pid: number): Promise<ProcessDescription | undefined> => {
  const [stat, commandLine] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8"),
    readFile(`/proc/${pid}/cmdline`, "utf8"),
  ])
  // The second field, the name in parentheses, may hold spaces: count from behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const zombie = fields[0] === "Z"
  return zombie ? undefined : { startedAt: fields[19] ?? "", command: commandLine.replaceAll("\0", " ") }
}

const describeFromPs = async (pid: number): Promise<ProcessDescription | undefined> => {
  const args = ["-ww", "-o", "lstart=,command=", "-p", String(pid)]
  const { stdout } = await promisify(execFile)("ps", args, { env: { ...process.env, LC_ALL: "C" } })
  // In the C locale `lstart` is 24 characters wide: "Sat Nov 21 00:54:05 2026".
  return { startedAt: stdout.slice(0, 24), command: stdout.slice(24).trim() }
}

/** What the process is, or nothing when there is none (or no way to tell, as on Windows). */
export const describeProcess = (pid: number): Effect.Effect<ProcessDescription | undefined> =>
  Effect.promise(() =>
    (process.platform === "linux" ? describeFromProc(pid) : describeFromPs(pid)).catch(() => undefined),
  )

/** Sends a signal; a process that is gone already is no error. */
export const signalProcess = (pid: number, signal: NodeJS.Signals): Effect.Effect<void> =>
  Effect.sync(() => {
    try {
      process.kill(pid, signal)
    } catch {
      // Gone in the meantime, which is what a signal here is for.
    }
  })

const untilGone = (pid: number, boundMs: number) =>
  describeProcess(pid).pipe(
    Effect.map((description) => description === undefined),
    Effect.repeat({ schedule: Schedule.spaced(pollMs), until: (gone) => gone }),
    Effect.timeoutOption(boundMs),
  )

/** Ends a process: SIGTERM, and SIGKILL after `graceMs`. Returns once it is gone. */
export const endProcess = Effect.fn("endProcess")(function* (pid: number, graceMs: number) {
  yield* signalProcess(pid, "SIGTERM")
  if ((yield* untilGone(pid, graceMs))._tag === "Some") return
  yield* signalProcess(pid, "SIGKILL")
  yield* untilGone(pid, vanishMs)
})
