/**
 * One line of the log. Whatever goes into it is masked here, so that no secret and no personal data is in any line, and
 * every character that could end the line or steer a terminal is written as an escape.
 */
import { maskAttributes, maskText } from "../tracing/masking.ts"
import { type LogLevel, logLimits } from "./config.ts"

export interface LogRecord {
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly level: LogLevel
  readonly message: string
  readonly node: string
  /** Known ones are `request_id`, `trace_id`, `span_id`, `tenant` and `user`. */
  readonly fields: Readonly<Record<string, unknown>>
  /** What failed, with its stack. */
  readonly cause?: string | undefined
}

const traceIds = new Set(["trace_id", "span_id"])
const machineId = /^[0-9a-f]{16,32}$/
const reserved = new Set(["time", "level", "message", "node", "cause"])

const maskedFields = (fields: LogRecord["fields"]): Record<string, unknown> => {
  const shown: Record<string, unknown> = {}
  const others: Array<readonly [string, unknown]> = []
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    if (traceIds.has(name) && typeof value === "string" && machineId.test(value)) shown[name] = value
    else others.push([reserved.has(name) ? `${name}_` : name, value])
  }
  return { ...shown, ...maskAttributes(others) }
}

const causeLinesMax = 40

const maskCause = (cause: string): string => maskText(cause.split("\n").slice(0, causeLinesMax).join("\n"))

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g

const escapeOne = (character: string): string =>
  character === "\n"
    ? "\\n"
    : character === "\r"
      ? "\\r"
      : character === "\t"
        ? "\\t"
        : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

const escaped = (text: string): string => text.replace(unsafe, escapeOne)

const cut = (line: string): string =>
  line.length > logLimits.lineCharactersMax ? `${line.slice(0, logLimits.lineCharactersMax)}…` : line

/** `JSON.stringify` escapes the lower control characters; the others are written as JSON has them. */
export const jsonLine = ({ time, level, message, node, fields, cause }: LogRecord): string => {
  const known = {
    time: new Date(time).toISOString(),
    level,
    message: maskText(message),
    ...(node === "" ? {} : { node }),
  }
  const failure = cause === undefined ? {} : { cause: maskCause(cause) }
  const text = escaped(JSON.stringify({ ...known, ...maskedFields(fields), ...failure }))
  if (text.length <= logLimits.lineCharactersMax) return text
  return escaped(JSON.stringify({ ...known, ...failure, cut: "its fields were too long" }))
}

const shown = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value)
  return typeof value === "string" && /[\s"=]/.test(value) ? JSON.stringify(value) : text
}

/** For people: the time of day, the level, the message, then the fields; a cause on lines of its own, each indented. */
export const consoleLine = ({ time, level, message, fields, cause }: LogRecord): string => {
  const at = new Date(time).toISOString().slice(11, 23)
  const pairs = Object.entries(maskedFields(fields)).map(([name, value]) => ` ${name}=${shown(value)}`)
  const first = cut(escaped(`${at} ${level.toUpperCase().padEnd(5)} ${maskText(message)}${pairs.join("")}`))
  if (cause === undefined) return first
  const rest = maskCause(cause)
    .split("\n")
    .map((line) => `\n    ${escaped(line)}`)
  return first + rest.join("")
}
