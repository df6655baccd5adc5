/** Log lines into a trace, and traces out of the read side. Source: seed 0 §4.4. */
import * as Effect from "effect/Effect"
import { LogRecord, normalTraceId } from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { type GatewayRequest, json, type Route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"
import { bodyDecoder, readObject } from "./body.ts"

const decodeLog = bodyDecoder(LogRecord)

/** How long a reader may wait for what it has just caused. */
const waitMsMax = 10_000

const waitOf = ({ http }: GatewayRequest): number => {
  const wait = Number(http.req.query("wait_ms") ?? 0)
  if (Number.isInteger(wait) && wait >= 0 && wait <= waitMsMax) return wait
  throw new GatewayError(400, "GTW_QUERY_001", "The query is not valid.", {
    field: "wait_ms",
    reason: `a whole number from 0 to ${waitMsMax}`,
  })
}

export const tracingRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { traces, limits } = services
  const traceOf = ({ http }: GatewayRequest) => normalTraceId(http.req.param("trace")!)

  /** The read side follows the journals: `?wait_ms=` waits until it has seen all that is there now. */
  const upToDate = (request: GatewayRequest) => {
    const wait = waitOf(request)
    return wait === 0 ? Effect.void : Effect.flatMap(traces.heads, (heads) => traces.waitUntil(heads, wait))
  }

  const append = async (request: GatewayRequest) => {
    const record = decodeLog(await readObject(request.http.env.incoming, limits.bodyBytesMax))
    const receipt = await runTraced(
      services,
      request,
      "POST /api/tracing/logs",
      traces.appendLog(record, request.identity.tenant),
    )
    return json(request.context, 201, receipt)
  }

  const logs = async (request: GatewayRequest) => {
    const reading = Effect.andThen(
      upToDate(request),
      traces.logsOf(traceOf(request), request.identity.tenant),
    )
    return json(
      request.context,
      200,
      await runTraced(services, request, "GET /api/tracing/logs/{trace_id}", reading),
    )
  }

  const tree = async (request: GatewayRequest) => {
    const reading = Effect.andThen(upToDate(request), traces.tree(traceOf(request), request.identity.tenant))
    const found = await runTraced(services, request, "GET /api/tracing/traces/{trace_id}", reading)
    if (found === undefined) throw new GatewayError(404, "TRC_TRACE_001", "There is nothing of such a trace.")
    return json(request.context, 200, found)
  }

  return [
    { method: "POST", path: "/api/tracing/logs", permission: "trace:write", handle: append },
    { method: "GET", path: "/api/tracing/logs/:trace", permission: "trace:read", handle: logs },
    { method: "GET", path: "/api/tracing/traces/:trace", permission: "trace:read", handle: tree },
  ]
}
