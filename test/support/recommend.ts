/** Recommendations on a database of their own, with models that say what a suite tells them. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  type AgentCaller,
  AgentIndex,
  AgentRecommendations,
  agentIndexLayer,
  agentRecommendationsLayer,
  platformTables,
} from "../../actors/index.ts"
import {
  Changes,
  type Embeddings,
  Llm,
  LlmModels,
  PlatformSettings,
  type Refused,
  refuse,
  Secrets,
  Tenancy,
} from "../../resources/index.ts"
import type { AgentView } from "../../schemas/index.ts"
import { ephemeralDatabase } from "./database.ts"
import { secretKeys } from "./llm-models.ts"

/** Every text that the models were asked to embed, and what they answer. */
export const models = {
  asked: [] as Array<ReadonlyArray<string>>,
  /** Of the text; a refusal ends the whole call. */
  embed: (_text: string): ReadonlyArray<number> | Refused => [1, 0],
  /** The model that answers, when it is not the one that was asked. */
  answeredBy: undefined as string | undefined,
}

const unused = () => Effect.fail(refuse("unavailable", "TEST_001", "not in this suite"))

const llm = Layer.succeed(Llm, {
  complete: unused,
  stream: unused,
  embed: ({ model, request }) =>
    Effect.suspend(() => {
      const input = request.input as ReadonlyArray<string>
      models.asked.push(input)
      const places = input.map(models.embed)
      const refused = places.find((place) => "_tag" in place) as Refused | undefined
      if (refused !== undefined) return Effect.fail(refused)
      const data = places.map((embedding, index) => ({
        object: "embedding" as const,
        index,
        embedding: [...(embedding as ReadonlyArray<number>)],
      }))
      const answer: Embeddings = {
        model,
        modelId: models.answeredBy ?? model,
        usage: { input: 1, output: 0, estimated: true },
        // As a provider may: the order is in `index`.
        data: data.reverse(),
      }
      return Effect.succeed(answer)
    }),
})

/** Knows every name but `unknown`. */
const registry = Layer.succeed(LlmModels, {
  callable: (_tenant: string, _caller: unknown, name: string) =>
    name === "unknown"
      ? Effect.fail(refuse("not-found", "LLM_MODEL_001", "There is no such model."))
      : Effect.succeed({ model: { id: name, name, model_name: `${name}-1`, provider: "Custom" } }),
} as unknown as (typeof LlmModels)["Service"])

export const recommendationServicesOn = (database: ReturnType<typeof ephemeralDatabase>) =>
  agentRecommendationsLayer.pipe(
    Layer.provideMerge(Layer.mergeAll(llm, registry, PlatformSettings.layer, agentIndexLayer)),
    Layer.provideMerge(
      Layer.mergeAll(
        Tenancy.layer(platformTables),
        Changes.layerLocal,
        Secrets.layer({ keys: [secretKeys.old] }),
      ),
    ),
    Layer.provideMerge(database),
  )

export const recommendationServices = recommendationServicesOn(ephemeralDatabase())

export const callerNamed = (user: string, more: Partial<AgentCaller> = {}): AgentCaller => ({
  user,
  department: undefined,
  groups: [],
  permissions: new Set(["ops:ask"]),
  isAdministrator: false,
  ...more,
})

export const agentView = (agent: string, more: Partial<AgentView> = {}): AgentView => ({
  agent,
  name: agent,
  framework: "llm",
  description: "",
  skills: [],
  status: "PRODUCTION",
  archived: false,
  version: 1,
  revision: 1,
  health: { status: "unknown", consecutiveFailures: 0 },
  registeredAt: 0,
  updatedAt: 0,
  running: 0,
  answered: 0,
  failed: 0,
  ...more,
})

/** As an agent's `index` activity does. */
export const putAgent = Effect.fnUntraced(function* (tenant: string, view: AgentView) {
  yield* (yield* AgentIndex).put(tenant, { view })
  yield* (yield* AgentRecommendations).keep(tenant, view)
})

export const setModel = Effect.fnUntraced(function* (tenant: string, model: string) {
  const settings = yield* PlatformSettings
  yield* settings.change({ tenant, user: "admin" }, { agents: { embedding_model: model } })
})
