/** Language models and agents for OpenAI's clients. Others do the work; here are only OpenAI's shapes around it. */
import * as Effect from "effect/Effect"
import {
  Llm,
  type LlmCall,
  type LlmCaller,
  LlmModels,
  type EmbeddingRequest as LlmVectors,
  type Model,
  type Usage,
} from "../../resources/index.ts"
import { type InputOf, modelCallEndpoints } from "../../schemas/index.ts"
import { usableAgentOf } from "../agent-access.ts"
import { authorize, holds } from "../auth/identity.ts"
import { agentOfModel, completeByAgent, listAgents, listedAgent } from "../openai/agent-completions.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { type DeliverChoices, streamCompletion } from "../sse/completion-stream.ts"
import { runTraced } from "../traced.ts"

export const modelCallLimits = {
  /** Conversations are longer than other bodies. */
  bodyBytesMax: 4 * 1024 * 1024,
  /** Models that a list shows, and agents. */
  listMax: 1_000,
  listPage: 100,
} as const

type Body = InputOf<typeof modelCallEndpoints.complete>["body"]

/** The trace is read when the call is written down: inside `runTraced` the request has its own by then. */
const callerOf = (request: GatewayRequest): LlmCaller => ({
  tenant: request.identity.tenant,
  user: request.identity.user,
  userId: request.identity.userId,
  permissions: request.identity.permissions,
  get traceId() {
    return request.context.traceId
  },
})

/** Null means absent in this API; what decides how the answer is sent is ours. */
const callOf = (request: GatewayRequest, body: Body): LlmCall => {
  const { model, stream: _, stream_options: __, ...rest } = body
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null))
  return { caller: callerOf(request), model, request: given as unknown as LlmCall["request"] }
}

const counted = ({ input, output }: Usage) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
})

const listed = ({ name, created_at: createdAt, provider }: Model) => ({
  id: name,
  object: "model" as const,
  created: Math.floor(Date.parse(createdAt) / 1_000),
  owned_by: provider.toLowerCase(),
})

/** As others call it that have no name for it: nobody is there to read it, but it is counted. */
const leftStatus = 499

/** Ends the work when the client has left: nobody waits for the answer any more. */
const whileThere = async <A>(request: GatewayRequest, work: () => Promise<A>): Promise<A | Response> => {
  const { outgoing } = request.http.env
  request.interruption ??= new AbortController()
  const { interruption } = request
  const leave = () => {
    if (!outgoing.writableFinished) interruption.abort()
  }
  outgoing.once("close", leave)
  try {
    return await work()
  } catch (failure) {
    if (outgoing.destroyed) return new Response(null, { status: leftStatus })
    throw failure
  }
}

const now = () => Math.floor(Date.now() / 1_000)

const byModel = async (services: GatewayServices, request: GatewayRequest, body: Body) => {
  authorize(request.identity, "llm-model:use")
  const call = callOf(request, body)
  const shape = { id: `chatcmpl-${request.context.requestId}`, created: now() }
  if (body.stream === true) {
    const work = (deliver: DeliverChoices) =>
      Llm.use((llm) => llm.stream(call, ({ choices }, model) => deliver(model, choices))).pipe(
        Effect.map(({ model, usage }) => ({ model, usage: counted(usage) })),
      )
    const withUsage = body.stream_options?.include_usage === true
    return streamCompletion(services, request, { ...shape, withUsage, permission: "llm-model:use", work })
  }
  const asking = Llm.use((llm) => llm.complete(call))
  const { model, choices, usage } = await runTraced(services, request, "POST /v1/chat/completions", asking)
  return {
    ...shape,
    object: "chat.completion" as const,
    model,
    choices: choices as unknown as ReadonlyArray<Record<string, unknown>>,
    usage: counted(usage),
  }
}

const complete =
  (services: GatewayServices) =>
  (request: GatewayRequest, { body }: { readonly body: Body }) =>
    whileThere(request, () => {
      const agent = agentOfModel(body.model)
      return agent === undefined
        ? byModel(services, request, body)
        : completeByAgent(services, request, { agent, body })
    })

type Vectors = InputOf<typeof modelCallEndpoints.embed>["body"]

const embed =
  (services: GatewayServices) =>
  (request: GatewayRequest, { body }: { readonly body: Vectors }) =>
    whileThere(request, async () => {
      const { model: asked, ...rest } = body
      const call = { caller: callerOf(request), model: asked, request: rest as LlmVectors }
      const asking = Llm.use((llm) => llm.embed(call))
      const { model, data, usage } = await runTraced(services, request, "POST /v1/embeddings", asking)
      const { prompt_tokens, total_tokens } = counted(usage)
      return { object: "list" as const, model, data: [...data], usage: { prompt_tokens, total_tokens } }
    })

const listModels = Effect.fnUntraced(function* (caller: LlmCaller) {
  const known = yield* LlmModels
  const models: Array<Model> = []
  for (let page = 1; models.length < modelCallLimits.listMax; page++) {
    const search = { page, per_page: modelCallLimits.listPage, accessible_only: true }
    const { models: some, total } = yield* known.list(caller.tenant, caller, search)
    models.push(...some)
    if (some.length === 0 || models.length >= total) break
  }
  return models.filter((model) => model.is_active).map(listed)
})

/** Models and agents, as far as the caller's rights go. */
const list = (services: GatewayServices) => async (request: GatewayRequest) => {
  const { identity } = request
  const [models, agents] = [holds(identity, "llm-model:use"), holds(identity, "agent:execute")]
  if (!models && !agents) authorize(identity, "llm-model:use")
  const listing = Effect.all([
    models ? listModels(callerOf(request)) : Effect.succeed([]),
    agents ? listAgents(request, modelCallLimits.listMax) : Effect.succeed([]),
  ])
  const data = (await runTraced(services, request, "GET /v1/models", listing)).flat()
  return { object: "list" as const, data }
}

const find = (services: GatewayServices) => async (request: GatewayRequest, name: string) => {
  const agent = agentOfModel(name)
  authorize(request.identity, agent === undefined ? "llm-model:use" : "agent:execute")
  const caller = callerOf(request)
  const finding =
    agent === undefined
      ? LlmModels.use((known) => known.callable(caller.tenant, caller, name)).pipe(
          Effect.map(({ model }) => listed(model)),
        )
      : Effect.map(usableAgentOf(request.identity, agent), listedAgent)
  return runTraced(services, request, "GET /v1/models/{model}", finding)
}

export const modelCallRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { bodyBytesMax } = modelCallLimits
  const roomy = { ...services, limits: { ...services.limits, bodyBytesMax } }
  return [
    route(roomy, modelCallEndpoints.complete, complete(services)),
    route(roomy, modelCallEndpoints.embed, embed(services)),
    route(services, modelCallEndpoints.models, list(services)),
    route(services, modelCallEndpoints.model, (request, { params }) => find(services)(request, params.model)),
  ]
}
