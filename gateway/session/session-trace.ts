/**
 * The trace of a session: one for all its turns, named by the session's id, so that everybody who knows the session
 * knows its trace. Changing this separates sessions from the traces that they have so far.
 */
import { createHash } from "node:crypto"
import { TraceContext } from "../../engine/index.ts"
import { normalTraceId, type Span, spanAttribute } from "../../schemas/index.ts"
import type { Identity } from "../auth/identity.ts"
import type { RequestContext } from "../request-context.ts"

const hexadecimal = /^[0-9a-f]{32}$/

/** The session's span, under which its requests stand. */
export const sessionTrace = (session: string): TraceContext.TraceContext => {
  const own = normalTraceId(session)
  const traceId = hexadecimal.test(own)
    ? own
    : createHash("sha256").update(session).digest("hex").slice(0, 32)
  return { traceId, spanId: createHash("sha256").update(traceId).digest("hex").slice(0, 16) }
}

export const sessionTraceparent = (session: string): string => TraceContext.format(sessionTrace(session))

/** A caller that continues the session's trace by itself stays its own parent; another trace's span cannot be one. */
export const inSessionTrace = (context: RequestContext, session: string): RequestContext => {
  const { traceId, spanId } = sessionTrace(session)
  return context.traceId === traceId ? context : { ...context, traceId, parentSpanId: spanId }
}

/** The root of the trace: the opening of the session. */
export const sessionSpan = (session: string, identity: Identity, startMs: number, endMs: number): Span => ({
  ...sessionTrace(session),
  name: "chat session",
  kind: "server",
  service: "gateway",
  startMs,
  endMs,
  status: "ok",
  attributes: { [spanAttribute.user]: identity.user, "millrace.session": session },
  tenant: identity.tenant,
})
