/**
 * The model that a tenant's recommendations compare by, and vectors from it. One that fails is never replaced by another:
 * what two models say cannot be compared, and a list by the wrong one looks like an answer.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import {
  type LlmModelsService,
  type LlmService,
  lexicalModel,
  lexicalVector,
  type PlatformSettings,
  Refused,
} from "../../../resources/index.ts"
import { everyPermission } from "../../../schemas/index.ts"
import { modelMinimumScore, offlineMinimumScore } from "./limits.ts"

export type Vector = ArrayLike<number>

export interface EmbeddingModel {
  /** What tells its vectors from those of others; stored beside each. */
  readonly key: string
  /** For people. */
  readonly name: string
  readonly minimumScore: number
  /** One for each text, all of the same length. Errors: `AGT_REC_001`. */
  readonly embed: (texts: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Vector>, Refused | SqlError>
}

export interface EmbeddingParts {
  readonly settings: (typeof PlatformSettings)["Service"]
  readonly models: LlmModelsService
  readonly llm: LlmService
}

const offlineModel: EmbeddingModel = {
  key: lexicalModel,
  name: "offline",
  minimumScore: offlineMinimumScore,
  embed: (texts) => Effect.sync(() => texts.map((text) => lexicalVector(text))),
}

/** The platform itself calls: nobody who asks for a recommendation needs a grant on the model. */
const system = {
  userId: "",
  user: "system",
  permissions: new Set([everyPermission]),
  isPlatform: true as const,
}

const remedy =
  "try again later; or have an administrator look at the model, or set agents.embedding_model to another or to an empty text"

const noVectors = (model: string, cause: Record<string, unknown>, retryAfterSeconds?: number) =>
  new Refused({
    reason: "unavailable",
    code: "AGT_REC_001",
    text: "The model that recommendations compare by gives no vectors now.",
    details: { model, ...cause, setting: "agents.embedding_model", remedy },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })

const withoutVectors =
  (model: string) =>
  (failure: Refused | SqlError): Refused | SqlError =>
    failure instanceof Refused
      ? noVectors(model, { cause: failure.code, reason: failure.text }, failure.retryAfterSeconds)
      : failure

const isVector = (value: unknown, length: number): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.length === length && value.length > 0 && value.every(Number.isFinite)

const registered = Effect.fnUntraced(function* (
  { models, llm }: EmbeddingParts,
  tenant: string,
  asked: string,
): Effect.fn.Return<EmbeddingModel, Refused | SqlError> {
  const { model } = yield* Effect.mapError(models.callable(tenant, system, asked), withoutVectors(asked))
  const { id, name, model_name: modelName, provider } = model
  if (provider === "Offline") return offlineModel
  const embed: EmbeddingModel["embed"] = Effect.fnUntraced(function* (texts) {
    const request = { input: [...texts], encoding_format: "float" as const }
    const call = { caller: { ...system, tenant }, model: id, request }
    const answer = yield* Effect.mapError(llm.embed(call), withoutVectors(name))
    if (answer.modelId !== id)
      return yield* noVectors(name, { reason: `the call fell back to the model ${answer.model}` })
    const vectors = [...answer.data].sort((one, other) => one.index - other.index).map((one) => one.embedding)
    const length = vectors[0]?.length ?? 0
    if (vectors.length !== texts.length || !vectors.every((vector) => isVector(vector, length)))
      return yield* noVectors(name, { reason: "the provider answered with no vectors" })
    return vectors
  })
  return { key: `${id}/${modelName}`, name, minimumScore: modelMinimumScore, embed }
})

/** Errors: `AGT_REC_001` when there is no such model, or it may not be called. */
export const embeddingModelOf = (
  parts: EmbeddingParts,
  tenant: string,
): Effect.Effect<EmbeddingModel, Refused | SqlError> =>
  Effect.flatMap(parts.settings.get(tenant, "agents.embedding_model"), (asked) =>
    asked === "" ? Effect.succeed(offlineModel) : registered(parts, tenant, asked),
  )
