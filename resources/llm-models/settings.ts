/** Which settings a model may have. What does not fit names the field and the remedy; values stay out of it. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSecretName } from "../tracing/masking.ts"
import { llmModelLimits as limits } from "./limits.ts"
import type { Model } from "./model.ts"
import { badSetting, tooMany } from "./refusals.ts"
import { isId } from "./rows.ts"

const endpointProblem = (endpoint: string): string | undefined => {
  if (endpoint.length > limits.endpointMax) return `it is longer than ${limits.endpointMax} characters`
  if (!URL.canParse(endpoint)) return "it is no URL"
  const url = new URL(endpoint)
  if (url.protocol !== "https:" && url.protocol !== "http:") return "only http and https are spoken"
  if (url.username !== "" || url.password !== "") return "it holds credentials"
  if ([...url.searchParams.keys()].some((name) => isSecretName(name) || /^(?:key|sig|code)$/i.test(name)))
    return "its query holds a key"
  if (url.hash !== "") return "it has a fragment"
  return undefined
}

const inRange = (field: string, value: number | null, minimum: number, maximum: number) =>
  value === null || (Number.isInteger(value) && value >= minimum && value <= maximum)
    ? undefined
    : badSetting(field, "it is out of range", `send a whole number from ${minimum} to ${maximum}`)

const nameProblem = (field: string, name: string, maximum: number) =>
  name.trim() === name && name !== "" && name.length <= maximum
    ? undefined
    : badSetting(field, "it is empty, too long, or has space around it", `send up to ${maximum} characters`)

/** The first thing that is wrong with the settings by themselves. */
export const settingProblem = (model: Model) => {
  if (model.is_builtin) return undefined
  const endpoint = endpointProblem(model.endpoint)
  return (
    nameProblem("name", model.name, limits.nameMax) ??
    nameProblem("model_name", model.model_name, limits.modelNameMax) ??
    // A call names a model by id or by name: the two must not be mistaken for each other.
    (isId(model.name) ? badSetting("name", "it looks like an id", "choose a name for people") : undefined) ??
    (endpoint === undefined
      ? undefined
      : badSetting("endpoint", endpoint, "send the base URL, and the key as api_key")) ??
    inRange("time_out_ms", model.time_out_ms, limits.timeOutMsMin, limits.timeOutMsMax) ??
    inRange("context_tokens_max", model.context_tokens_max, 1, limits.contextTokensMax) ??
    inRange("rate_per_minute", model.rate_per_minute, 1, limits.ratePerMinuteMax)
  )
}

/** A call falls back along a chain that ends. `visible`: whether the one who asks may know of a model. */
export const requireFallback = Effect.fnUntraced(function* (
  sql: SqlClient,
  model: Model,
  visible: (id: string) => Effect.Effect<boolean, unknown>,
) {
  const first = model.fallback_model_id
  if (first === null) return
  const field = "fallback_model_id"
  if (!isId(first) || !(yield* Effect.orDie(visible(first))))
    return yield* badSetting(field, "there is no such model", "name a model that you may call")
  const chain = yield* sql<{ id: string }>`WITH RECURSIVE chain(id, step) AS (
      SELECT ${first}::uuid, 1
      UNION ALL SELECT m.fallback_model_id, step + 1 FROM chain JOIN llm_models m ON m.id = chain.id
      WHERE m.fallback_model_id IS NOT NULL AND step <= ${limits.fallbacksMax}::int
    ) SELECT id::text AS id FROM chain`
  if (chain.some(({ id }) => id === model.id))
    return yield* badSetting(field, "the models fall back to each other in a circle", "break the circle")
  if (chain.length > limits.fallbacksMax)
    return yield* badSetting(field, "the chain is too long", `use up to ${limits.fallbacksMax} models`)
})

export const requireRoom = Effect.fnUntraced(function* (sql: SqlClient) {
  const [row] = yield* sql<{ count: number }>`SELECT count(*)::int AS count FROM llm_models`
  if (row!.count >= limits.modelsMax) return yield* tooMany("models", limits.modelsMax)
})
