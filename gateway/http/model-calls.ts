/** Language models for OpenAI's clients. The call path does the work; here are only OpenAI's shapes around it. */
import {
  Llm,
  type LlmCall,
  type LlmCaller,
  LlmModels,
  type Model,
  type Usage,
} from "../../resources/index.ts"
import { type InputOf, modelCallEndpoints } from "../../schemas/index.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { streamCompletion } from "../sse/completion-stream.ts"
import { runTraced } from "../traced.ts"

export const modelCallLimits = {
  /** Conversations are longer than other bodies. */
  bodyBytesMax: 4 * 1024 * 1024,
  /** Models that a list shows. */
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

/** Nobody waits for the answer any more when the client has left. */
const endWithClient = (request: GatewayRequest): void => {
  const { outgoing } = request.http.env
  request.interruption ??= new AbortController()
  const { interruption } = request
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) interruption.abort()
  })
}

const now = () => Math.floor(Date.now() / 1_000)

const complete =
  (services: GatewayServices) =>
  async (request: GatewayRequest, { body }: { readonly body: Body }) => {
    endWithClient(request)
    const call = callOf(request, body)
    const shape = { id: `chatcmpl-${request.context.requestId}`, created: now() }
    if (body.stream === true) {
      const withUsage = body.stream_options?.include_usage === true
      return streamCompletion(services, request, call, { ...shape, withUsage, counted })
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

const list = (services: GatewayServices) => async (request: GatewayRequest) => {
  const caller = callerOf(request)
  const models: Array<Model> = []
  for (let page = 1; models.length < modelCallLimits.listMax; page++) {
    const search = { page, per_page: modelCallLimits.listPage, accessible_only: true }
    const asking = LlmModels.use((registry) => registry.list(caller.tenant, caller, search))
    const { models: some, total } = await runTraced(services, request, "GET /v1/models", asking)
    models.push(...some)
    if (some.length === 0 || models.length >= total) break
  }
  return { object: "list" as const, data: models.filter((model) => model.is_active).map(listed) }
}

export const modelCallRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { bodyBytesMax } = modelCallLimits
  const roomy = { ...services, limits: { ...services.limits, bodyBytesMax } }
  return [
    route(roomy, modelCallEndpoints.complete, complete(services)),
    route(roomy, modelCallEndpoints.embed, async (request, { body: { model: asked, ...rest } }) => {
      endWithClient(request)
      const call = { caller: callerOf(request), model: asked, request: rest as { input: string } }
      const asking = Llm.use((llm) => llm.embed(call))
      const { model, data, usage } = await runTraced(services, request, "POST /v1/embeddings", asking)
      const { prompt_tokens, total_tokens } = counted(usage)
      return { object: "list" as const, model, data: [...data], usage: { prompt_tokens, total_tokens } }
    }),
    route(services, modelCallEndpoints.models, list(services)),
    route(services, modelCallEndpoints.model, async (request, { params }) => {
      const caller = callerOf(request)
      const asking = LlmModels.use((registry) => registry.callable(caller.tenant, caller, params.model))
      const { model } = await runTraced(services, request, "GET /v1/models/{model}", asking)
      return listed(model)
    }),
  ]
}
