/**
 * The read side of tracing as one service: log lines come in, traces go out. It answers from what has been projected;
 * `waitUntil` is for readers who must see what they have just caused. Every method that takes a tenant shows only that
 * tenant's spans; without one it is an operator's view of all.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { LogFull, Unavailable } from "../../engine/index.ts"
import type { LogReceipt, LogRecord, Span, SpanStatus, TraceLogs, TraceTree } from "../../schemas/index.ts"

/** Journal sequences by partition. */
export type Positions = Readonly<Record<number, number>>

export interface TraceSearch {
  readonly tenant?: string | undefined
  /** Formatted address, or the beginning of one that ends with `/`. */
  readonly actor?: string | undefined
  readonly user?: string | undefined
  readonly status?: SpanStatus | undefined
  readonly minDurationMs?: number | undefined
  /** Milliseconds since the epoch; `from` inclusive, `to` exclusive, both of the span's start. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** At most and by default `searchLimitMax`. */
  readonly limit?: number | undefined
}

export interface ProjectionProgress {
  /** `journal/<partition>`, or `trace` for the trace stream. */
  readonly source: string
  /** Sequence up to which everything is projected. */
  readonly projected: number
  /** Last sequence of the source; for `trace` the one last seen. */
  readonly last: number
  readonly behind: boolean
  /** Why it stands still: a record that cannot be read, or a journal that ends before what is projected. */
  readonly halted?: string
  /** How often records were gone before they were projected. */
  readonly gaps: number
  /** Rows that the database refused, and that were left out in part or whole. */
  readonly refused: number
}

export interface TraceStoreShape {
  /** Keeps a log line: masked, and durable in the trace stream when this answers. Seen by `logsOf` once projected. */
  readonly appendLog: (record: LogRecord, tenant: string) => Effect.Effect<LogReceipt, Unavailable | LogFull>
  /** Spans and log lines of a trace as one log, oldest first. Order: by time. An unknown trace has no lines. */
  readonly logsOf: (traceId: string, tenant?: string) => Effect.Effect<TraceLogs, SqlError>
  /** Undefined when there is nothing of that trace, or nothing that this tenant may see. */
  readonly tree: (traceId: string, tenant?: string) => Effect.Effect<TraceTree | undefined, SqlError>
  /** Newest first. */
  readonly search: (query: TraceSearch) => Effect.Effect<ReadonlyArray<Span>, SqlError>
  /** Where the journals end now: what `waitUntil` takes to see all that has been acknowledged so far. */
  readonly heads: Effect.Effect<Positions, Unavailable>
  /** True once all positions are projected, false when they are not within the time. */
  readonly waitUntil: (positions: Positions, timeoutMs: number) => Effect.Effect<boolean, SqlError>
  readonly progress: Effect.Effect<ReadonlyArray<ProjectionProgress>, SqlError | Unavailable>
}

export const searchLimitMax = 200

export class TraceStore extends Context.Service<TraceStore, TraceStoreShape>()(
  "millrace/actors/TraceStore",
) {}
