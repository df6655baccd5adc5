/** Every bound of what a node reports about itself, with its unit and default. */

export interface TracingLimits {
  /** Finished spans and log records that wait for the trace stream; above it the oldest are dropped and counted. */
  readonly bufferedMax: number
  /** How long a finished span waits at most before it is offered to the stream. */
  readonly flushEveryMs: number
  /** Bytes of one message; below the server's max_payload. */
  readonly messageBytesMax: number
  /** Spans taken for one flush. */
  readonly flushMax: number
  /** Attributes of one span; the rest is left out. */
  readonly attributesMax: number
  /** How long the last flush may take when the node stops. */
  readonly stopMs: number
}

export const defaultTracingLimits: TracingLimits = {
  bufferedMax: 20_000,
  flushEveryMs: 200,
  messageBytesMax: 256 * 1024,
  flushMax: 4_000,
  attributesMax: 64,
  stopMs: 2_000,
}

/** Completes partial limits. Throws a defect that names the pair that contradicts. */
export const tracingLimits = (partial: Partial<TracingLimits> = {}): TracingLimits => {
  const limits = { ...defaultTracingLimits, ...partial }
  if (limits.flushMax > limits.bufferedMax) throw new RangeError("flushMax must not exceed bufferedMax")
  if (limits.flushEveryMs < 1) throw new RangeError("flushEveryMs must be at least 1")
  return limits
}
