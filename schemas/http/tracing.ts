/** Log lines into a trace, and traces out of the read side. Shape: seed 0 §4.4. */
import * as Schema from "effect/Schema"
import { LogReceipt, LogRecord, TraceLogs, TraceTree } from "../tracing.ts"
import { endpoint } from "./endpoint.ts"
import { queryNumber, TraceId } from "./paging.ts"

/** How long a reader may wait for what it has just caused. */
const waitMsMax = 10_000

const params = { trace: TraceId }
const query = { wait_ms: Schema.optionalKey(queryNumber(0, waitMsMax)) }

export const tracingEndpoints = {
  append: endpoint({
    id: "tracing.logs.append",
    method: "POST",
    path: "/api/tracing/logs",
    summary: "Report a log line of a trace.",
    permission: "trace:write",
    body: LogRecord,
    answer: LogReceipt,
    status: 201,
  }),
  logs: endpoint({
    id: "tracing.logs.list",
    method: "GET",
    path: "/api/tracing/logs/:trace",
    summary: "The log lines of a trace; wait_ms waits until all that is there now was read.",
    permission: "trace:read",
    params,
    query,
    answer: TraceLogs,
  }),
  tree: endpoint({
    id: "tracing.traces.read",
    method: "GET",
    path: "/api/tracing/traces/:trace",
    summary: "A whole trace as a tree of spans.",
    permission: "trace:read",
    params,
    query,
    answer: TraceTree,
    errors: ["TRC_TRACE_001"],
  }),
} as const
