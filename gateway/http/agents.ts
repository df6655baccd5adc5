/** The agents of a node: which there are, and giving one a task. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AgentProtocol, type AgentView } from "../../schemas/index.ts"
import { type GatewayRequest, json, type Route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"
import { bodyDecoder, readObject } from "./body.ts"

const decodeTask = bodyDecoder(Schema.Struct(AgentProtocol.commands.Execute.fields))

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

/** `known` names the agents of a tenant until they have an index of their own. */
export const agentRoutes = (
  services: GatewayServices,
  known: ReadonlyArray<string>,
): ReadonlyArray<Route> => {
  const { engine, limits } = services
  const callOf = ({ identity }: GatewayRequest) => ({
    tenant: identity.tenant,
    principal: identity.user,
    timeoutMs: answerMs,
  })

  const list = async (request: GatewayRequest) => {
    const describe = (agent: string) =>
      engine.ask(AgentProtocol, agent, { _tag: "Describe" }, callOf(request)).pipe(
        Effect.map((view) => [agentBody(view)]),
        Effect.catchTag("Rejected", () => Effect.succeed([])),
      )
    const asking = Effect.forEach(known, describe, { concurrency: known.length })
    const agents = (await runTraced(services, request, "GET /api/agents/", asking)).flat()
    return json(request.context, 200, { agents, total: agents.length, page: 1, limit: agents.length })
  }

  const execute = async (request: GatewayRequest) => {
    const task = decodeTask(await readObject(request.http.env.incoming, limits.bodyBytesMax))
    const agent = request.http.req.param("agent")!
    const asking = engine.ask(AgentProtocol, agent, { _tag: "Execute", ...task }, callOf(request))
    const { status, text, blocks, plan, toAgent, code, executionTimeMs, tokens } = await runTraced(
      services,
      request,
      "POST /api/agents/{id}/execute",
      asking,
    )
    return json(request.context, 200, {
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
    })
  }

  return [
    { method: "GET", path: "/api/agents/", permission: "agent:read", handle: list },
    { method: "POST", path: "/api/agents/:agent/execute", permission: "agent:execute", handle: execute },
  ]
}
