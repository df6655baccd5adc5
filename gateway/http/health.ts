/** What state the node and each of its parts are in, and its counters for Prometheus. */
import * as Effect from "effect/Effect"
import { platformTenant } from "../../resources/index.ts"
import { healthEndpoints } from "../../schemas/index.ts"
import { text } from "../answers.ts"
import { worst } from "../components.ts"
import { GatewayError } from "../errors.ts"
import { renderNodeCounters } from "../node-counters.ts"
import { Answer, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"

const exposition = "text/plain; version=0.0.4; charset=utf-8"

/** The counters are of all tenants together. */
const notOfThePlatform = () =>
  new GatewayError(403, "GTW_METRICS_001", "Only the platform's own people read the node's counters.", {
    permission: "platform:read",
    remedy: `use a credential of the tenant ${platformTenant}`,
  })

export const healthRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, healthEndpoints.health, async () => {
    const components = await Effect.runPromiseWith(services.context)(
      Effect.all(services.components, { concurrency: "unbounded" }),
    )
    const status = worst(Object.values(components).map((component) => component.status))
    const gateway = { status: "healthy" as const, open_streams: services.streams.size }
    const timestamp = new Date().toISOString()
    const body = { status, timestamp, components: { ...components, gateway } }
    return new Answer(body, {}, status === "unhealthy" ? 503 : 200)
  }),
  route(services, healthEndpoints.metrics, async ({ context, identity }) => {
    if (identity.tenant !== platformTenant) throw notOfThePlatform()
    const status = await Effect.runPromiseWith(services.context)(services.engine.status)
    const counts = services.metrics.render(status, services.streams.size) + renderNodeCounters(services)
    return text(context, 200, exposition, counts)
  }),
]
