/** The public A2A protocol's addresses: cards, JSON-RPC and REST, for the default agent and for each one. */

import type { AgentCard } from "@a2a-js/sdk"
import * as Effect from "effect/Effect"
import { a2aAgentRestEndpoints, a2aEndpoints, a2aRestEndpoints, TaskProtocol } from "../../schemas/index.ts"
import { agentCard, cardHeaders, cardJson, publicCard } from "../a2a/card.ts"
import { RestCall } from "../a2a/rest.ts"
import { answerRpc } from "../a2a/rpc.ts"
import { namedVersion, versions } from "../a2a/versions.ts"
import { usableAgentOf } from "../agent-access.ts"
import { text } from "../answers.ts"
import { noneMatch } from "../if-match.ts"
import { responseHeaders } from "../request-context.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { ownTask } from "../tasks/own-task.ts"
import { runTraced } from "../traced.ts"

const sendCard = (request: GatewayRequest, card: AgentCard, isPublic: boolean): Response => {
  const body = JSON.stringify(cardJson(card, namedVersion(request)))
  const headers = cardHeaders(body, isPublic)
  if (noneMatch(request.http.req.header("if-none-match"), headers.ETag!))
    return new Response(null, { status: 304, headers: { ...responseHeaders(request.context), ...headers } })
  return text(request.context, 200, "application/json", body, headers)
}

/** Whoever may not use the agent of the address learns nothing of its tasks, not even of their own. */
const restCallOf =
  (services: GatewayServices, version: (typeof versions)[number]) =>
  async (request: GatewayRequest, params: object): Promise<RestCall> => {
    const { agent } = params as { readonly agent?: string }
    if (agent !== undefined)
      await runTraced(services, request, "a2a agent", usableAgentOf(request.identity, agent))
    return new RestCall(services, request, { version, agent })
  }

/** The operations of both versions at one address. */
const restRoutes = (
  services: GatewayServices,
  endpoints: typeof a2aRestEndpoints | typeof a2aAgentRestEndpoints,
): ReadonlyArray<Route> =>
  versions.flatMap((version) => {
    const own = endpoints[version] as (typeof a2aRestEndpoints)["1.0"]
    const callOf = restCallOf(services, version)
    return [
      route(services, own.send, async (request, { params }) => (await callOf(request, params)).send()),
      route(services, own.stream, async (request, { params }) => (await callOf(request, params)).stream()),
      route(services, own.list, async (request, { params, query }) =>
        (await callOf(request, params)).list(query),
      ),
      route(services, own.get, async (request, { params, query }) =>
        (await callOf(request, params)).get(params.operation, query),
      ),
      route(services, own.act, async (request, { params }) =>
        (await callOf(request, params)).act(params.operation),
      ),
      route(services, own.createConfig, async (request, { params }) =>
        (await callOf(request, params)).createConfig(params.task),
      ),
      route(services, own.listConfigs, async (request, { params }) =>
        (await callOf(request, params)).listConfigs(params.task),
      ),
      route(services, own.getConfig, async (request, { params }) =>
        (await callOf(request, params)).getConfig(params.task, params.config),
      ),
      route(services, own.deleteConfig, async (request, { params }) =>
        (await callOf(request, params)).deleteConfig(params.task, params.config),
      ),
    ]
  })

export const a2aRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { agentExtendedCard, agentExtendedCardV03, extendedCard, extendedCardV03 } = a2aEndpoints
  const extended =
    (version: (typeof versions)[number]) =>
    async (request: GatewayRequest, { params }: { readonly params: object }) =>
      (await restCallOf(services, version)(request, params)).extendedCard()
  const defaultCard = (request: GatewayRequest) => sendCard(request, publicCard(services, request), true)
  return [
    route(services, a2aEndpoints.card, defaultCard),
    route(services, a2aEndpoints.cardHere, defaultCard),
    route(services, a2aEndpoints.cardBeside, defaultCard),
    route(services, a2aEndpoints.extendedCardBeside, extended("0.3")),
    route(services, a2aEndpoints.agentCard, async (request, { params: { agent } }) => {
      const view = await runTraced(services, request, "a2a card", usableAgentOf(request.identity, agent))
      return sendCard(request, agentCard(services, request, view), false)
    }),
    route(services, a2aEndpoints.call, (request) => answerRpc(services, request, { agent: undefined })),
    route(services, a2aEndpoints.callAgent, async (request, { params: { agent } }) => {
      await runTraced(services, request, "a2a agent", usableAgentOf(request.identity, agent))
      return answerRpc(services, request, { agent })
    }),
    route(services, extendedCard, extended("1.0")),
    route(services, extendedCardV03, extended("0.3")),
    route(services, a2aEndpoints.agentExtendedCardBeside, extended("0.3")),
    route(services, agentExtendedCard, extended("1.0")),
    route(services, agentExtendedCardV03, extended("0.3")),
    ...restRoutes(services, a2aRestEndpoints),
    ...restRoutes(services, a2aAgentRestEndpoints),
    route(services, a2aEndpoints.deliveries, (request, { params: { task } }) => {
      const { identity } = request
      const log = services.engine.ask(TaskProtocol, task, { _tag: "Deliveries" }, { tenant: identity.tenant })
      const reading = Effect.andThen(ownTask(services, identity, task), log)
      return runTraced(services, request, "GET /api/agents/tasks/{id}/deliveries", reading)
    }),
  ]
}
