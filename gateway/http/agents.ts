/** The agents of a node: which there are, and giving one a task. */
import * as Effect from "effect/Effect"
import { AgentProtocol, type AgentView, agentEndpoints } from "../../schemas/index.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

/** A task may take as long as a question to OPS. */
const answerMs = 60_000

/** Shape: seed 0 §4.2, with what the actor knows today. */
const agentBody = (view: AgentView) => ({
  id: view.agent,
  name: view.name,
  framework: view.framework,
  description: view.description,
  capabilities: { skills: view.skills.map(({ id }) => id) },
  skills: view.skills,
  running: view.running,
  answered: view.answered,
  failed: view.failed,
  created_at: new Date(view.registeredAt).toISOString(),
})

/** Until agents have an index, these are the ones that a list shows. */
const known = ["guide", "ops"]

export const agentRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const callOf = ({ identity }: GatewayRequest) => ({
    tenant: identity.tenant,
    principal: identity.user,
    timeoutMs: answerMs,
  })

  const list = route(services, agentEndpoints.list, async (request) => {
    const describe = (agent: string) =>
      engine.ask(AgentProtocol, agent, { _tag: "Describe" }, callOf(request)).pipe(
        Effect.map((view) => [agentBody(view)]),
        Effect.catchTag("Rejected", () => Effect.succeed([])),
      )
    const asking = Effect.forEach(known, describe, { concurrency: known.length })
    const agents = (await runTraced(services, request, "GET /api/agents/", asking)).flat()
    return { agents, total: agents.length, page: 1, limit: agents.length }
  })

  const execute = route(services, agentEndpoints.execute, async (request, { params, body }) => {
    const asking = engine.ask(AgentProtocol, params.agent, { _tag: "Execute", ...body }, callOf(request))
    const { status, text, blocks, plan, toAgent, code, executionTimeMs, tokens } = await runTraced(
      services,
      request,
      "POST /api/agents/{id}/execute",
      asking,
    )
    return {
      status,
      data: {
        text,
        blocks,
        ...(plan === undefined ? {} : { plan_id: plan }),
        ...(toAgent === undefined ? {} : { to_agent: toAgent }),
        ...(code === undefined ? {} : { code }),
      },
      metadata: { execution_time: executionTimeMs, tokens_used: tokens },
      trace_id: request.context.traceId,
    }
  })

  return [list, execute]
}
