/** Puts the routes together. */
import { Hono } from "hono"
import { actorRoutes } from "./http/actors.ts"
import { agentRoutes } from "./http/agents.ts"
import { cepRoutes } from "./http/cep.ts"
import { chatRoutes } from "./http/chat.ts"
import { healthRoutes } from "./http/health.ts"
import { lockRoutes } from "./http/locks.ts"
import { opsRoutes } from "./http/ops.ts"
import { tenantRoutes } from "./http/tenants.ts"
import { tracingRoutes } from "./http/tracing.ts"
import { answerUnmatched, type GatewayApp, type GatewayEnvironment, mount } from "./route.ts"
import type { GatewayServices } from "./services.ts"
import { mountSessionSocket } from "./ws/route.ts"

/** Until agents have an index, these are the ones that a list shows. */
const builtinAgents = ["guide", "ops"]

export const makeApp = (services: GatewayServices): GatewayApp => {
  // A path means the same with and without its last slash: the requirement documents use both.
  const app: GatewayApp = new Hono<GatewayEnvironment>({ strict: false })
  mount(app, services, [
    ...actorRoutes(services),
    ...agentRoutes(services, builtinAgents),
    ...cepRoutes(services),
    ...chatRoutes(services),
    ...healthRoutes(services),
    ...lockRoutes(services),
    ...opsRoutes(services),
    ...tenantRoutes(services),
    ...tracingRoutes(services),
  ])
  mountSessionSocket(app, services)
  answerUnmatched(app)
  return app
}
