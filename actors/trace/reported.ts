/** Reads messages of the trace stream as rows. What cannot be read is left out: a trace is no ledger. */
import * as Schema from "effect/Schema"
import { maskText } from "../../resources/index.ts"
import { isTransferMessage, normalTraceId, ReportedLog, Span, spanAttribute } from "../../schemas/index.ts"
import type { StoredEvent } from "../../streams/index.ts"
import type { LogRow, Rows, SpanRow } from "./rows.ts"

/** Loose, so that one span that a newer node wrote differently does not take the others with it. */
const Loose = Schema.Struct({
  v: Schema.Literal(1),
  spans: Schema.optionalKey(Schema.Array(Schema.Unknown)),
  logs: Schema.optionalKey(Schema.Array(Schema.Unknown)),
})
const decodeBatch = Schema.decodeUnknownOption(Schema.fromJsonString(Loose))
const isSpan = Schema.is(Span)
const isLog = Schema.is(ReportedLog)
const decoder = new TextDecoder()

const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null)

export const spanRow = (span: Span): SpanRow => ({
  trace_id: span.traceId,
  span_id: span.spanId,
  parent_id: span.parentId ?? null,
  name: span.name,
  kind: span.kind,
  service: span.service,
  start_ms: span.startMs,
  end_ms: span.endMs,
  status: span.status,
  attributes: span.attributes,
  tenant: span.tenant,
  actor: textOf(span.attributes[spanAttribute.actor]),
  principal: textOf(span.attributes[spanAttribute.user]),
})

export const reportedRows = (event: StoredEvent): Rows => {
  const batch = decodeBatch(decoder.decode(event.data))
  if (batch._tag === "None") return { entries: [], spans: [], logs: [] }
  const { spans = [], logs = [] } = batch.value
  return {
    entries: [],
    spans: spans.filter(isSpan).map(spanRow),
    logs: logs.filter(isLog).map(({ tenant, atMs, record }, index): LogRow => {
      const message = maskText(record.message)
      return {
        log_key: `trace/${event.sequence}/${index}`,
        trace_id: normalTraceId(record.trace_id),
        tenant,
        at_ms: atMs,
        service: record.service_name,
        agent_id: record.agent_id ?? null,
        level: record.level,
        message,
        is_transfer: isTransferMessage(message),
        metadata: record.metadata ?? null,
      }
    }),
  }
}
