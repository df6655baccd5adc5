/** Renders a trace as the log that `GET /api/tracing/logs/{trace_id}` answers: reported lines and spans, by time. */
import type { Span, SpanStatus, TraceLogLine, TraceLogs } from "../../schemas/index.ts"
import type { LogRow } from "./rows.ts"

const levels: Record<SpanStatus, string> = {
  ok: "INFO",
  rejected: "WARN",
  interrupted: "WARN",
  error: "ERROR",
  dead: "ERROR",
}

interface TimedLine {
  readonly atMs: number
  readonly line: TraceLogLine
}

const isoOf = (ms: number): string => new Date(ms).toISOString()

const spanLine = (span: Span): TimedLine => {
  const agent = span.attributes.agent_id
  const error = span.attributes["error.message"]
  const outcome = span.status === "ok" ? "" : ` ${span.status}`
  const reason = typeof error === "string" ? `: ${error}` : ""
  return {
    atMs: span.startMs,
    line: {
      timestamp: isoOf(span.startMs),
      service: span.service,
      agent_id: typeof agent === "string" || typeof agent === "number" ? agent : null,
      level: levels[span.status],
      message: `${span.name}${outcome} (${(span.endMs - span.startMs).toFixed(1)} ms)${reason}`,
    },
  }
}

const reportedLine = (row: LogRow): TimedLine => ({
  atMs: row.at_ms,
  line: {
    timestamp: isoOf(row.at_ms),
    service: row.service,
    agent_id: row.agent_id,
    level: row.level,
    message: row.message,
    ...(row.is_transfer ? { is_transfer: true as const } : {}),
  },
})

/** `totalLogs` counts the stored lines, of which `logs` may hold fewer. */
export const traceLogsOf = (
  traceId: string,
  spans: ReadonlyArray<Span>,
  logs: ReadonlyArray<LogRow>,
  totalLogs: number,
): TraceLogs => ({
  trace_id: traceId,
  logs: [...spans.map(spanLine), ...logs.map(reportedLine)]
    .toSorted((left, right) => left.atMs - right.atMs)
    .map(({ line }) => line),
  total_logs: spans.length + totalLogs,
})
