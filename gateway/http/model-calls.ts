/** Language models for OpenAI's clients. The call path does the work; here are only OpenAI's shapes around it. */
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

const complete =
  (services: GatewayServices) =>
  (request: GatewayRequest, { body }: { readonly body: Body }) =>
    whileThere(request, async () => {
      const call = callOf(request, body)
      const shape = { id: `chatcmpl-${request.context.requestId}`, created: now() }
      if (body.stream === true) {
        const withUsage = body.stream_options?.include_usage === true
        return streamCompletion(services, request, call, { ...shape, withUsage, counted })
      }
      const asking = Llm.use((llm) => llm.complete(call))
      const { model, choices, usage } = await runTraced(
        services,
        request,
        "POST /v1/chat/completions",
        asking,
      )
      return {
        ...shape,
        object: "chat.completion" as const,
        model,
        choices: choices as unknown as ReadonlyArray<Record<string, unknown>>,
        usage: counted(usage),
      }
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

const list = (services: GatewayServices) => async (request: GatewayRequest) => {
  const caller = callerOf(request)
  const models: Array<Model> = []
  for (let page = 1; models.length < modelCallLimits.listMax; page++) {
    const search = { page, per_page: modelCallLimits.listPage, accessible_only: true }
    const asking = LlmModels.use((known) => known.list(caller.tenant, caller, search))
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
    route(roomy, modelCallEndpoints.embed, embed(services)),
    route(services, modelCallEndpoints.models, list(services)),
    route(services, modelCallEndpoints.model, async (request, { params }) => {
      const caller = callerOf(request)
      const asking = LlmModels.use((known) => known.callable(caller.tenant, caller, params.model))
      const { model } = await runTraced(services, request, "GET /v1/models/{model}", asking)
      return listed(model)
    }),
  ]
}
