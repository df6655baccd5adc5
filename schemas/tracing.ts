/**
 * What a trace is made of on the wire: spans and log records, how they travel in batches on the trace stream, and what
 * the read side answers. Times are milliseconds since the epoch; ids are W3C's. A change here changes stored data.
 */
import * as Schema from "effect/Schema"

/** `rejected`: an actor said no. `dead`: it went to the dead letters. */
export const SpanStatus = Schema.Literals(["ok", "error", "rejected", "dead", "interrupted"])
export type SpanStatus = typeof SpanStatus.Type

/** `actor` is what an actor's journal says it did; the others are OpenTelemetry's kinds. */
export const SpanKind = Schema.Literals(["internal", "server", "client", "producer", "consumer", "actor"])
export type SpanKind = typeof SpanKind.Type

export const Span = Schema.Struct({
  traceId: Schema.String,
  spanId: Schema.String,
  parentId: Schema.optionalKey(Schema.String),
  name: Schema.String,
  kind: SpanKind,
  service: Schema.String,
  startMs: Schema.Number,
  endMs: Schema.Number,
  status: SpanStatus,
  /** Masked before they are written. */
  attributes: Schema.Record(Schema.String, Schema.Unknown),
  /** Empty when nobody said: then it belongs to the tenant of the span above it. */
  tenant: Schema.String,
})
export type Span = typeof Span.Type

/** Names of the span attributes that the read side searches by. */
export const spanAttribute = {
  tenant: "millrace.tenant",
  /** Formatted address. */
  actor: "millrace.actor",
  user: "user.id",
  /** Who did it, when that is not the process that recorded it. */
  service: "service.name",
} as const

/** A log line of a trace, as a service reports it (`POST /api/tracing/logs`) and as it is kept. */
export const LogRecord = Schema.Struct({
  trace_id: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(128)),
  service_name: Schema.String.check(Schema.isMaxLength(128)),
  agent_id: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.Int, Schema.String]))),
  level: Schema.Literals(["DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL"]),
  message: Schema.String.check(Schema.isMaxLength(16_384)),
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
})
export type LogRecord = typeof LogRecord.Type

/** A log line as it travels: with the tenant of who reported it, and when. */
export const ReportedLog = Schema.Struct({
  tenant: Schema.String,
  atMs: Schema.Number,
  record: LogRecord,
})
export type ReportedLog = typeof ReportedLog.Type

/** One message of the trace stream; its token is `traceShard` of its items. */
export const TraceBatch = Schema.Struct({
  v: Schema.Literal(1),
  spans: Schema.optionalKey(Schema.Array(Span)),
  logs: Schema.optionalKey(Schema.Array(ReportedLog)),
})
export type TraceBatch = typeof TraceBatch.Type

/** The answer to `POST /api/tracing/logs`. */
export const LogReceipt = Schema.Struct({ log_id: Schema.Int, timestamp: Schema.String })
export type LogReceipt = typeof LogReceipt.Type

export const TraceLogLine = Schema.Struct({
  timestamp: Schema.String,
  service: Schema.String,
  agent_id: Schema.NullOr(Schema.Union([Schema.Int, Schema.String])),
  level: Schema.String,
  message: Schema.String,
  is_transfer: Schema.optionalKey(Schema.Literal(true)),
})
export type TraceLogLine = typeof TraceLogLine.Type

/** The answer to `GET /api/tracing/logs/{trace_id}`; `total_logs` may exceed what `logs` holds. */
export const TraceLogs = Schema.Struct({
  trace_id: Schema.String,
  logs: Schema.Array(TraceLogLine),
  total_logs: Schema.Int,
})
export type TraceLogs = typeof TraceLogs.Type

/** A span with the spans that it caused, by start. */
export interface SpanNode extends Span {
  readonly durationMs: number
  readonly children: ReadonlyArray<SpanNode>
}
export const SpanNode = Schema.Struct({
  ...Span.fields,
  durationMs: Schema.Number,
  children: Schema.Array(Schema.suspend((): Schema.Codec<SpanNode> => SpanNode)),
}).annotate({ identifier: "SpanNode" })

/** A whole trace. More than one root means that a span above was never reported. */
export const TraceTree = Schema.Struct({
  traceId: Schema.String,
  startMs: Schema.Number,
  endMs: Schema.Number,
  spanCount: Schema.Int,
  roots: Schema.Array(SpanNode),
  /** More spans are stored than one answer holds. */
  truncated: Schema.Boolean,
})
export type TraceTree = typeof TraceTree.Type

/** An agent handed a conversation over: the one line by which every reader knows it. */
export const transferMessage = (from: string, to: string): string => `[Agent Transfer] ${from} → ${to}`
export const isTransferMessage = (message: string): boolean => message.startsWith("[Agent Transfer]")

/** A UUID and its 32 hexadecimal digits name the same trace; any other text is kept as it is. */
export const normalTraceId = (text: string): string =>
  /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text) ? text.replaceAll("-", "").toLowerCase() : text

const shards = 256

/**
 * The trace stream's token for a trace: FNV-1a of its id in two hexadecimal digits. Few subjects, so that the stream
 * stays small to index, and one message can carry spans of many traces.
 */
export const traceShard = (traceId: string): string => {
  let hash = 0x811c9dc5
  for (let index = 0; index < traceId.length; index++)
    hash = Math.imul(hash ^ traceId.charCodeAt(index), 0x01000193)
  return ((hash >>> 0) % shards).toString(16).padStart(2, "0")
}
