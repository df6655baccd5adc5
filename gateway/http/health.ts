/** What state the node and each of its parts are in, and its counters for Prometheus. */
import * as Effect from "effect/Effect"
import { platformTenant } from "../../resources/index.ts"
import { healthEndpoints } from "../../schemas/index.ts"
import { text } from "../answers.ts"
import { type ComponentHealth, worst } from "../components.ts"
import { GatewayError } from "../errors.ts"
import { renderNodeCounters } from "../node-counters.ts"
import { Answer, type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"

const exposition = "text/plain; version=0.0.4; charset=utf-8"

/** The counters are of all tenants together. */
const notOfThePlatform = () =>
  new GatewayError(403, "GTW_METRICS_001", "Only the platform's own people read the node's counters.", {
    permission: "platform:read",
    remedy: `use a credential of the tenant ${platformTenant}`,
  })

const requirePlatform = ({ identity }: GatewayRequest): void => {
  if (identity.tenant !== platformTenant) throw notOfThePlatform()
}

const onlyStatus = (components: Readonly<Record<string, ComponentHealth>>) =>
  Object.fromEntries(Object.entries(components).map(([name, { status }]) => [name, { status }]))

export const healthRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const health = async (inDetail: boolean) => {
    const components = await Effect.runPromiseWith(services.context)(
      Effect.all(services.components, { concurrency: "unbounded" }),
    )
    const gateway = { status: "healthy" as const, open_streams: services.streams.size }
    const all = { ...components, gateway }
    const status = worst(Object.values(all).map((component) => component.status))
    const timestamp = new Date().toISOString()
    const body = { status, timestamp, components: inDetail ? all : onlyStatus(all) }
    return new Answer(body, {}, status === "unhealthy" ? 503 : 200)
  }
  return [
    route(services, healthEndpoints.health, () => health(services.isProduction !== true)),
    route(services, healthEndpoints.details, (request) => {
      requirePlatform(request)
      return health(true)
    }),
    route(services, healthEndpoints.metrics, async (request) => {
      requirePlatform(request)
      const status = await Effect.runPromiseWith(services.context)(services.engine.status)
      const counts = services.metrics.render(status, services.streams.size) + renderNodeCounters(services)
      return text(request.context, 200, exposition, counts)
    }),
  ]
}
