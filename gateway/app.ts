/** Puts the routes together. */
import { Hono } from "hono"
import { developmentIssuerRoutes } from "./auth/development-issuer/routes.ts"
import { mount } from "./entrance.ts"
import { a2aRoutes } from "./http/a2a.ts"
import { actorRoutes } from "./http/actors.ts"
import { agentRoutes } from "./http/agents.ts"
import { alertmanagerRoutes } from "./http/alertmanager.ts"
import { apiKeyRoutes } from "./http/api-keys.ts"
import { auditRoutes } from "./http/audit.ts"
import { authRoutes } from "./http/auth.ts"
import { cepRuleRoutes } from "./http/cep/rules.ts"
import { cepRoutes } from "./http/cep.ts"
import { alertRoutes } from "./http/cep-alerts.ts"
import { cepNotificationRoutes } from "./http/cep-notifications.ts"
import { quietRoutes } from "./http/cep-quiet.ts"
import { chatRoutes } from "./http/chat.ts"
import { descriptionRoutes } from "./http/description.ts"
import { groupRoutes } from "./http/groups.ts"
import { healthRoutes } from "./http/health.ts"
import { laneRoutes } from "./http/lanes.ts"
import { llmModelAdminRoutes } from "./http/llm-models/admin.ts"
import { llmModelRoutes } from "./http/llm-models/v1.ts"
import { llmModelV2Routes } from "./http/llm-models/v2.ts"
import { llmUsageRoutes } from "./http/llm-usage.ts"
import { lockRoutes } from "./http/locks.ts"
import { modelCallRoutes } from "./http/model-calls.ts"
import { opsRoutes } from "./http/ops.ts"
import { recommendRoutes } from "./http/recommend.ts"
import { roleRoutes } from "./http/roles.ts"
import { settingRoutes } from "./http/settings.ts"
import { statisticsRoutes } from "./http/statistics.ts"
import { tenantRoutes } from "./http/tenants.ts"
import { tracingRoutes } from "./http/tracing.ts"
import { userRoutes } from "./http/users.ts"
import { ingestRoutes } from "./ingest/routes.ts"
import { mcpRoutes } from "./mcp/routes.ts"
import type { GatewayApp, GatewayEnvironment, Route } from "./route.ts"
import type { GatewayServices } from "./services.ts"
import { answerUnmatched } from "./unmatched.ts"
import { socketRoutes } from "./ws/route.ts"

/** One line for each area of the API. */
const areas: ReadonlyArray<(services: GatewayServices) => ReadonlyArray<Route>> = [
  a2aRoutes,
  actorRoutes,
  agentRoutes,
  alertmanagerRoutes,
  alertRoutes,
  apiKeyRoutes,
  authRoutes,
  auditRoutes,
  cepNotificationRoutes,
  cepRoutes,
  cepRuleRoutes,
  chatRoutes,
  developmentIssuerRoutes,
  groupRoutes,
  healthRoutes,
  ingestRoutes,
  laneRoutes,
  llmModelAdminRoutes,
  llmModelRoutes,
  llmModelV2Routes,
  llmUsageRoutes,
  lockRoutes,
  mcpRoutes,
  modelCallRoutes,
  opsRoutes,
  quietRoutes,
  recommendRoutes,
  roleRoutes,
  settingRoutes,
  socketRoutes,
  statisticsRoutes,
  tenantRoutes,
  tracingRoutes,
  userRoutes,
]

/** Every route that there is. */
export const routesOf = (services: GatewayServices): ReadonlyArray<Route> => {
  const routes = areas.flatMap((area) => area(services))
  routes.push(...descriptionRoutes(services, () => routes.map(({ endpoint }) => endpoint)))
  return routes
}

export const makeApp = (services: GatewayServices): GatewayApp => {
  // A path means the same with and without its last slash: the requirement documents use both.
  const app: GatewayApp = new Hono<GatewayEnvironment>({ strict: false })
  mount(app, services, routesOf(services))
  answerUnmatched(app, services)
  return app
}
