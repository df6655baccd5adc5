/** Agents over HTTP: the registry, life cycle and health, and giving one a task. Shape: seed 0 §4.2, §3.1, §3.2. */
import * as Effect from "effect/Effect"
import { AgentIndex } from "../../actors/index.ts"
import { type AgentView, agentEndpoints as endpoints, frameworkNamed } from "../../schemas/index.ts"
import { agentCallerOf } from "../agent-access.ts"
import {
  changeAgent,
  checkAgent,
  detailOf,
  executeTask,
  moveAgent,
  readAgent,
  registerAgent,
  registerByAddress,
} from "../agents/actions.ts"
import { agentBody, executionBody } from "../agents/bodies.ts"
import { etag, ifMatch } from "../if-match.ts"
import { Answer, type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayNeeds, GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const limitDefault = 20

/** Runs what gives an agent, and answers with it as the caller may see it. */
const answerer =
  (services: GatewayServices) =>
  async (request: GatewayRequest, name: string, asking: Effect.Effect<AgentView, unknown, GatewayNeeds>) => {
    const answering = Effect.flatMap(asking, (view) => detailOf(request, view))
    const detail = await runTraced(services, request, name, answering)
    // The version is of the settings; health goes on without it, so that nobody may keep the answer.
    return new Answer(detail, { ETag: etag(detail.version), "Cache-Control": "no-store" })
  }

const registryRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const answer = answerer(services)
  return [
    route(services, endpoints.list, async (request, { query }) => {
      const { page = 1, limit = limitDefault, framework, health_status, archived, ...rest } = query
      const search = {
        ...rest,
        page,
        limit,
        archived: archived === "true",
        ...(framework === undefined ? {} : { framework: frameworkNamed(framework) }),
        ...(health_status === undefined ? {} : { health: health_status }),
      }
      const { identity } = request
      const listing = AgentIndex.use(({ list }) => list(identity.tenant, agentCallerOf(identity), search))
      const { rows, total } = await runTraced(services, request, "GET /api/agents/", listing)
      return { agents: rows.map(agentBody), total, page, limit }
    }),
    route(services, endpoints.register, (request, { body }) =>
      answer(request, "POST /api/agents/", registerAgent(engine, request, body)),
    ),
    route(services, endpoints.registerA2a, async (request, { body }) => {
      const name = "POST /api/agents/a2a/register"
      const view = await runTraced(services, request, name, registerByAddress(engine, request, body))
      return {
        agent_id: view.agent,
        a2a_endpoint: `/api/agents/a2a/execute/${view.agent}`,
        status: "registered",
      }
    }),
    route(services, endpoints.get, (request, { params }) =>
      answer(request, "GET /api/agents/{id}", readAgent(engine, request, params.agent)),
    ),
    route(services, endpoints.change, (request, { params, body }) => {
      const asked = { agent: params.agent, change: body, version: ifMatch(request) }
      return answer(request, "PATCH /api/agents/{id}", changeAgent(engine, request, asked))
    }),
  ]
}

const lifeRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const answer = answerer(services)
  return [
    route(services, endpoints.archive, async (request, { params }) => {
      const asked = { agent: params.agent, to: { archived: true }, version: ifMatch(request) }
      await runTraced(services, request, "DELETE /api/agents/{id}", moveAgent(engine, request, asked))
      return undefined
    }),
    route(services, endpoints.restore, (request, { params }) => {
      const asked = { agent: params.agent, to: { archived: false }, version: ifMatch(request) }
      return answer(request, "POST /api/agents/{id}/restore", moveAgent(engine, request, asked))
    }),
    route(services, endpoints.move, (request, { params, body }) => {
      const asked = { agent: params.agent, to: body, version: ifMatch(request) }
      return answer(request, "POST /api/agents/{id}/status", moveAgent(engine, request, asked))
    }),
    route(services, endpoints.check, (request, { params }) =>
      answer(request, "POST /api/agents/{id}/health-check", checkAgent(engine, request, params.agent)),
    ),
  ]
}

/** Two paths of the seed for one thing. */
const taskRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const of = (endpoint: typeof endpoints.execute, name: string) =>
    route(services, endpoint, async (request, { params, body }) => {
      const asking = executeTask(services.engine, request, { agent: params.agent, task: body })
      const execution = await runTraced(services, request, name, asking)
      return { ...executionBody(execution), trace_id: request.context.traceId }
    })
  return [
    of(endpoints.execute, "POST /api/agents/{id}/execute"),
    of(endpoints.executeA2a, "POST /api/agents/a2a/execute/{id}"),
  ]
}

export const agentRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  ...registryRoutes(services),
  ...lifeRoutes(services),
  ...taskRoutes(services),
]
