/** W3C trace context as every envelope carries it. Source: https://www.w3.org/TR/trace-context/ */

export interface TraceContext {
  readonly traceId: string
  readonly spanId: string
}

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/

export const format = (context: TraceContext): string => `00-${context.traceId}-${context.spanId}-01`

/** Undefined when the header is not a valid version-00 traceparent; all-zero ids are invalid. */
export const parse = (traceparent: string): TraceContext | undefined => {
  const match = pattern.exec(traceparent)
  if (match === null) return undefined
  const [, traceId, spanId] = match as unknown as [string, string, string]
  return /^0+$/.test(traceId) || /^0+$/.test(spanId) ? undefined : { traceId, spanId }
}

/**
 * The span of one handled command, derived from where it stands in the journal, so that a re-published message and a
 * projection name the same span without storing it: partition (16 bit), sequence (32 bit), index (16 bit).
 */
export const spanIdOf = (partition: number, sequence: number, index: number): string =>
  partition.toString(16).padStart(4, "0").slice(-4) +
  (sequence >>> 0).toString(16).padStart(8, "0") +
  (index & 0xffff).toString(16).padStart(4, "0")
