/** Every knob of the log with its unit and default, and how the environment sets it. */

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const
export type LogLevel = (typeof logLevels)[number]

export interface LogFileConfig {
  readonly path: string
  /** The file is rotated and gzipped when it has grown to this. */
  readonly mib: number
  /** Rotated files that are kept. */
  readonly filesMax: number
  readonly ageDaysMax: number
}

/** Which requests get a line: all of them, those that took long or failed, those that failed, none. */
export type LoggedRequests = "true" | "slow" | "errors" | "off"

export interface LogConfig {
  /** Of what goes to the standard output; the file always has JSON lines. */
  readonly format: "console" | "json"
  readonly level: LogLevel
  readonly requests: LoggedRequests
  readonly file: LogFileConfig | undefined
}

export const logLimits = {
  /** Lines that wait for the file; the oldest make room and are counted. */
  waitingLinesMax: 10_000,
  /** Characters of one line; the longest texts of it are cut before. */
  lineCharactersMax: 64 * 1024,
  /** Characters written at once. */
  writeCharactersMax: 256 * 1024,
  /** How soon a file that could not be written is tried again. */
  retryMs: 1_000,
  /** How long stopping waits for the lines that are left. */
  stopMs: 2_000,
  /** How often old files are looked for. */
  pruneEveryMs: 60 * 60_000,
  /** A request that takes longer is slow. */
  slowRequestMs: 1_000,
} as const

const formats = ["console", "json"] as const
const requests = ["true", "slow", "errors", "off"] as const

/** Makes the error for a variable that cannot be understood. */
export type RefuseVariable = (name: string, value: string, expected: string) => Error

/** Throws what `refuse` makes. `isTerminal`: whether somebody reads the standard output. */
export const readLogConfig = (
  environment: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
  refuse: RefuseVariable,
): LogConfig => {
  const one = <A extends string>(name: string, of: ReadonlyArray<A>, otherwise: A): A => {
    const value = environment[name] || otherwise
    const known = of.find((candidate) => candidate === value)
    if (known === undefined) throw refuse(name, value, of.join(", "))
    return known
  }
  const whole = (name: string, maximum: number, otherwise: number): number => {
    const value = environment[name] || String(otherwise)
    if (/^[1-9]\d{0,5}$/.test(value) && Number(value) <= maximum) return Number(value)
    throw refuse(name, value, `a whole number from 1 to ${maximum}`)
  }
  const path = environment.MILLRACE_LOG_FILE || undefined
  const file = {
    mib: whole("MILLRACE_LOG_FILE_MIB", 10_240, 50),
    filesMax: whole("MILLRACE_LOG_FILES", 1_000, 10),
    ageDaysMax: whole("MILLRACE_LOG_DAYS", 3_650, 14),
  }
  return {
    format: one("MILLRACE_LOG_FORMAT", formats, isTerminal ? "console" : "json"),
    level: one("MILLRACE_LOG_LEVEL", logLevels, "info"),
    requests: one("MILLRACE_LOG_REQUESTS", requests, "slow"),
    file: path === undefined ? undefined : { path, ...file },
  }
}
