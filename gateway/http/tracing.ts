/** Log lines into a trace, and traces out of the read side. Source: seed 0 §4.4. */
import * as Effect from "effect/Effect"
import { normalTraceId, tracingEndpoints } from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

export const tracingRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { traces } = services

  /** The read side follows the journals: `?wait_ms=` waits until it has seen all that is there now. */
  const upToDate = (waitMs = 0) =>
    waitMs === 0 ? Effect.void : Effect.flatMap(traces.heads, (heads) => traces.waitUntil(heads, waitMs))

  const append = route(services, tracingEndpoints.append, (request, { body }) =>
    runTraced(services, request, "POST /api/tracing/logs", traces.appendLog(body, request.identity.tenant)),
  )

  const logs = route(services, tracingEndpoints.logs, (request, { params, query }) => {
    const trace = normalTraceId(params.trace)
    const reading = Effect.andThen(upToDate(query.wait_ms), traces.logsOf(trace, request.identity.tenant))
    return runTraced(services, request, "GET /api/tracing/logs/{trace_id}", reading)
  })

  const tree = route(services, tracingEndpoints.tree, async (request, { params, query }) => {
    const trace = normalTraceId(params.trace)
    const reading = Effect.andThen(upToDate(query.wait_ms), traces.tree(trace, request.identity.tenant))
    const found = await runTraced(services, request, "GET /api/tracing/traces/{trace_id}", reading)
    if (found === undefined) throw new GatewayError(404, "TRC_TRACE_001", "There is nothing of such a trace.")
    return found
  })

  return [append, logs, tree]
}
