/** Runs what a handler does as an Effect under the request's span, and tells the request which trace that is. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import { TraceContext } from "../engine/index.ts"
import { underTrace } from "../resources/index.ts"
import { spanAttribute } from "../schemas/index.ts"
import type { GatewayRequest } from "./route.ts"
import type { GatewayNeeds, GatewayServices } from "./services.ts"

const attributesOf = ({ http, context, identity }: GatewayRequest) => ({
  [spanAttribute.tenant]: identity.tenant,
  [spanAttribute.user]: identity.user,
  "http.request.method": http.req.method,
  "url.path": http.req.path,
  "millrace.request_id": context.requestId,
})

/** Rejects with the failure itself, which `enter` turns into the answer. */
export const runTraced = async <A>(
  services: GatewayServices,
  request: GatewayRequest,
  name: string,
  effect: Effect.Effect<A, unknown, GatewayNeeds>,
): Promise<A> => {
  const { context, identity } = request
  const note = (span: Tracer.Span) => {
    request.context = { ...context, traceId: span.traceId, parentSpanId: span.spanId }
  }
  const spanned = Effect.currentSpan.pipe(
    Effect.map(note),
    Effect.ignore,
    Effect.andThen(effect),
    Effect.withSpan(name, {
      kind: "server",
      attributes: attributesOf(request),
      // Without a caller's trace a request begins one, whatever this node was started under.
      root: context.parentSpanId === undefined,
    }),
  )
  const parent =
    context.parentSpanId === undefined
      ? ""
      : TraceContext.format({ traceId: context.traceId, spanId: context.parentSpanId })
  request.interruption ??= new AbortController()
  const exit = await Effect.runPromiseExitWith(services.context)(
    underTrace(parent, identity.tenant)(spanned),
    {
      signal: request.interruption.signal,
    },
  )
  if (exit._tag === "Success") return exit.value
  throw Cause.squash(exit.cause)
}
