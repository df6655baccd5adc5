/** What the log says about requests: one line where the node is told to, and what went wrong inside. */
import { logLimits } from "../resources/index.ts"
import { clientAddress, noTrustedProxies } from "./client-address.ts"
import { GatewayError, toGatewayError } from "./errors.ts"
import type { GatewayRequest, Route } from "./route.ts"
import type { GatewayServices } from "./services.ts"

/** What no caller can help: its text stays inside, so the log is the only place that has it. */
const isDefect = (failure: unknown): boolean =>
  !(failure instanceof GatewayError) && toGatewayError(failure).code === "GTW_FAIL_001"

const fieldsOf = ({ context, identity }: Pick<GatewayRequest, "context"> & Partial<GatewayRequest>) => ({
  request_id: context.requestId,
  trace_id: context.traceId,
  span_id: context.parentSpanId,
  tenant: identity?.tenant || undefined,
  user: identity?.user || undefined,
})

/** Tells of a request that failed by a mistake of ours; what a caller was refused is no news. */
export const logFailure = (
  services: GatewayServices,
  request: Parameters<typeof fieldsOf>[0],
  failure: unknown,
): void => {
  if (isDefect(failure)) services.log?.log("error", "a request failed", fieldsOf(request), failure)
}

const isSlow = ({ endpoint }: Route, elapsedMs: number): boolean =>
  elapsedMs > logLimits.slowRequestMs && endpoint.timeLimit !== "own" && endpoint.media === undefined

/** One line for a request that has been answered, if it is one of those that get one. */
export const logRequest = (
  services: GatewayServices,
  route: Route,
  request: GatewayRequest,
  status: number,
  elapsedMs: number,
): void => {
  const { log, proxies = noTrustedProxies } = services
  if (log === undefined || log.requests === "off") return
  const isWanted =
    status >= 500 || log.requests === "true" || (log.requests === "slow" && isSlow(route, elapsedMs))
  if (!isWanted || !log.isOn("info")) return
  const { method, path } = route.endpoint
  log.log("info", `${method} ${path} ${status}`, {
    ...fieldsOf(request),
    status,
    ms: Math.round(elapsedMs * 10) / 10,
    path: request.http.req.path,
    address: clientAddress(request.http.env.incoming, proxies),
  })
}
