/** What state the node and each of its parts are in, and its counters for Prometheus. */
import * as Effect from "effect/Effect"
import { worst } from "../components.ts"
import { responseHeaders } from "../request-context.ts"
import { json, type Route } from "../route.ts"
import type { GatewayServices } from "../services.ts"

export const healthRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  {
    method: "GET",
    path: "/health",
    permission: "public",
    handle: async ({ context }) => {
      const components = await Effect.runPromiseWith(services.context)(
        Effect.all(services.components, { concurrency: "unbounded" }),
      )
      const status = worst(Object.values(components).map((component) => component.status))
      const gateway = { status: "healthy", open_streams: services.streams.size }
      return json(context, status === "unhealthy" ? 503 : 200, {
        status,
        timestamp: new Date().toISOString(),
        components: { ...components, gateway },
      })
    },
  },
  {
    method: "GET",
    path: "/metrics",
    permission: "platform:read",
    handle: async ({ context }) => {
      const status = await Effect.runPromiseWith(services.context)(services.engine.status)
      return new Response(services.metrics.render(status, services.streams.size), {
        headers: { ...responseHeaders(context), "Content-Type": "text/plain; version=0.0.4; charset=utf-8" },
      })
    },
  },
]
