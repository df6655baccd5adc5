/**
 * The log of this process: one for Effects, through effect's own logger, and for code that is none. Both give masked
 * lines to the same places. Logging never fails and never waits.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { spanAttribute } from "../../schemas/index.ts"
import { type LogConfig, type LoggedRequests, type LogLevel, logLevels } from "./config.ts"
import { consoleLine, jsonLine, type LogRecord } from "./line.ts"
import { LogFile } from "./log-file.ts"

export interface NodeLogFigures {
  readonly lines: number
  /** Lines that the file has lost because it could not be written fast enough, or at all. */
  readonly lost: number
}

export interface NodeLogShape {
  readonly isOn: (level: LogLevel) => boolean
  /** `failure` is told with its stack and its causes. */
  readonly log: (
    level: LogLevel,
    message: string,
    fields?: Readonly<Record<string, unknown>>,
    failure?: unknown,
  ) => void
  readonly requests: LoggedRequests
  readonly figures: () => NodeLogFigures
  /** Names this process in every line from now on. */
  readonly setNode: (node: string) => void
}

/** Where lines go to: the standard output, which may be closed at any time. */
export type WriteLine = (line: string) => void

export interface NodeLogOptions {
  readonly config: LogConfig
  readonly writeLine: WriteLine
  readonly file?: LogFile | undefined
}

interface Recorder extends NodeLogShape {
  readonly record: (record: Omit<LogRecord, "node">) => void
}

const makeRecorder = ({ config, writeLine, file }: NodeLogOptions): Recorder => {
  const least = logLevels.indexOf(config.level)
  const isOn = (level: LogLevel) => logLevels.indexOf(level) >= least
  let node = ""
  let lines = 0
  const record: Recorder["record"] = (given) => {
    lines += 1
    const whole = { ...given, node }
    if (config.format === "console") writeLine(consoleLine(whole))
    if (config.format === "console" && file === undefined) return
    const json = jsonLine(whole)
    if (config.format === "json") writeLine(json)
    file?.write(json)
  }
  return {
    isOn,
    record,
    log: (level, message, fields = {}, failure) => {
      if (isOn(level)) record({ time: Date.now(), level, message, fields, cause: causeText(failure) })
    },
    requests: config.requests,
    figures: () => ({ lines, lost: file?.lost ?? 0 }),
    setNode: (name) => {
      node = name
    },
  }
}

const causeText = (failure: unknown): string | undefined =>
  failure === undefined ? undefined : Cause.pretty(Cause.isCause(failure) ? failure : Cause.die(failure))

const levelOf: Readonly<Record<string, LogLevel>> = {
  Fatal: "fatal",
  Error: "error",
  Warn: "warn",
  Info: "info",
  Debug: "debug",
  Trace: "trace",
}

/** The nearest of a span and those above it that says so. */
const saidBySpan = (span: Tracer.AnySpan | undefined, attribute: string): unknown => {
  for (let current = span; current?._tag === "Span"; ) {
    const said = current.attributes.get(attribute)
    if (said !== undefined && said !== "") return said
    current = current.parent._tag === "Some" ? current.parent.value : undefined
  }
  return undefined
}

const spanFields = (span: Tracer.AnySpan | undefined): Readonly<Record<string, unknown>> =>
  span === undefined
    ? {}
    : {
        request_id: saidBySpan(span, "millrace.request_id"),
        trace_id: span.traceId,
        span_id: span.spanId,
        tenant: saidBySpan(span, spanAttribute.tenant),
        user: saidBySpan(span, spanAttribute.user),
      }

const textOf = (part: unknown): string => {
  if (typeof part === "string") return part
  if (part instanceof Error) return `${part.name}: ${part.message}`
  try {
    return JSON.stringify(part) ?? String(part)
  } catch {
    return String(part)
  }
}

const effectLogger = (recorder: Recorder): Logger.Logger<unknown, void> =>
  Logger.make(({ message, logLevel, cause, fiber, date }) => {
    const level = levelOf[logLevel] ?? "info"
    if (!recorder.isOn(level)) return
    const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
    recorder.record({
      time: date.getTime(),
      level,
      message: parts.map(textOf).join(" "),
      fields: {
        ...spanFields(Context.getOrUndefined(fiber.context, Tracer.ParentSpan)),
        ...fiber.getRef(References.CurrentLogAnnotations),
      },
      cause: cause.reasons.length === 0 ? undefined : Cause.pretty(cause),
    })
  })

/** Tells errors on the standard error output, until a layer is given: parts of a node are put together without one too. */
export const NodeLog = Context.Reference<NodeLogShape>("millrace/resources/NodeLog", {
  defaultValue: () =>
    makeRecorder({
      config: { format: "console", level: "error", requests: "off", file: undefined },
      writeLine: (line) => process.stderr.write(`${line}\n`),
    }),
})

const effectLevel = (level: LogLevel) =>
  `${level[0]!.toUpperCase()}${level.slice(1)}` as "Trace" | "Debug" | "Info" | "Warn" | "Error" | "Fatal"

const lostLine = (lost: number): string =>
  jsonLine({
    time: Date.now(),
    level: "warn",
    message: `${lost} lines of this log are lost, because it could not be written`,
    node: "",
    fields: { lost },
  })

/** Writes to the standard output and the file until the scope ends; then what waits is written. */
export const nodeLogLayer = (config: LogConfig, writeLine: WriteLine) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const file =
        config.file === undefined
          ? undefined
          : yield* Effect.acquireRelease(
              Effect.sync(() => new LogFile({ config: config.file!, lostLine })),
              (open) => Effect.promise(() => open.close()),
            )
      const recorder = makeRecorder({ config, writeLine, file })
      return Context.make(NodeLog, recorder as NodeLogShape).pipe(
        Context.add(Logger.CurrentLoggers, new Set([effectLogger(recorder), Logger.tracerLogger])),
        Context.add(References.MinimumLogLevel, effectLevel(config.level)),
      )
    }),
  )
