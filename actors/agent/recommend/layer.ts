/** Recommendations over the tenants' databases. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  Changes,
  hashOf,
  Kept,
  keptUnder,
  Llm,
  LlmModels,
  PlatformSettings,
  Tenancy,
} from "../../../resources/index.ts"
import { agentsTopic } from "../index/topic.ts"
import { type EmbeddingModel, type EmbeddingParts, embeddingModelOf, type Vector } from "./embedding-model.ts"
import { embedAgents, embedStale } from "./keeping.ts"
import { recommendLimits } from "./limits.ts"
import { matchReason } from "./match-reason.ts"
import {
  AgentRecommendations,
  type Recommendation,
  type RecommendationsService,
  type Recommended,
  type RecommendQuestion,
} from "./recommendations.ts"
import { countMissing, countStale, type Near, nearest, type Scope } from "./stored-vectors.ts"

const recommendationOf = (query: string, { view, score }: Near): Recommendation => {
  const { agent, name, description, framework, status, department, skills } = view
  return {
    agent,
    name,
    description,
    framework,
    status,
    ...(department === undefined ? {} : { department }),
    skills: skills.map((skill) => skill.name),
    score: Math.min(1, Math.max(0, score)),
    reason: matchReason(query, view),
  }
}

/** Whoever has the same rights and filters is shown the same agents. */
const scopeKey = ({ tenant, model, caller, filters }: Scope): ReadonlyArray<unknown> => [
  [tenant, model],
  [filters.status ?? null, filters.framework ?? null, filters.department ?? null],
  [caller.user, caller.department ?? null, [...caller.groups].sort(), [...caller.permissions].sort()],
  [caller.isAdministrator],
]

/** Everything that an answer depends on, but for the agents themselves. */
const answerKey = (scope: Scope, { query, k, minimumScore }: RecommendQuestion): string =>
  hashOf(JSON.stringify([scopeKey(scope), query, k, minimumScore ?? null]))

const isZero = (place: Vector): boolean => Array.prototype.every.call(place, (value) => value === 0)

/** Vectors of questions, which outlive changes of agents: a model that costs is asked once. */
const makeQuestionVectors = () => {
  const kept = new Kept<Vector>(recommendLimits.kept)
  const never = () => 0
  const keyOf = (tenant: string, model: EmbeddingModel, query: string) =>
    hashOf(JSON.stringify([tenant, model.key, query]))
  const one = (tenant: string, model: EmbeddingModel, query: string) =>
    keptUnder(
      kept,
      keyOf(tenant, model, query),
      never,
      Effect.map(model.embed([query]), ([place]) => place!),
    )
  /** Asks the model once for all that are not kept. */
  const warm = (tenant: string, model: EmbeddingModel, queries: ReadonlyArray<string>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const missing = [...new Set(queries)].filter(
        (query) => kept.entry(keyOf(tenant, model, query), 0, now) === undefined,
      )
      if (missing.length < 2) return Effect.void
      return Effect.map(model.embed(missing), (places) => {
        for (const [index, query] of missing.entries())
          kept.put(keyOf(tenant, model, query), places[index]!, 0, now)
      })
    })
  return { one, warm }
}

const makeRecommend = (parts: EmbeddingParts) =>
  Effect.gen(function* () {
    const [{ within }, changes] = [yield* Tenancy, yield* Changes]
    const answers = new Kept<Recommended>(recommendLimits.kept)
    /** Of a scope, since it costs as much as a search. */
    const missing = new Kept<number>(recommendLimits.kept)
    const vectors = makeQuestionVectors()

    const search = Effect.fnUntraced(function* (
      model: EmbeddingModel,
      scope: Scope,
      { query, k, minimumScore = model.minimumScore }: RecommendQuestion,
    ) {
      const { tenant } = scope
      const place = yield* vectors.one(tenant, model, query)
      const near = isZero(place)
        ? []
        : yield* within(tenant, (sql) => nearest(sql, scope, { place, k, minimumScore }))
      const notEmbedded = yield* keptUnder(
        missing,
        hashOf(JSON.stringify(scopeKey(scope))),
        () => changes.generation(agentsTopic(tenant)),
        within(tenant, (sql) => countMissing(sql, scope)),
      )
      const recommendations = near.map((one) => recommendationOf(query, one))
      return { recommendations, model: model.name, minimumScore, notEmbedded }
    })

    const recommend: RecommendationsService["recommend"] = Effect.fn("AgentRecommendations.recommend")(
      function* (tenant, caller, questions) {
        const model = yield* embeddingModelOf(parts, tenant)
        const generation = () => changes.generation(agentsTopic(tenant))
        const now = yield* Clock.currentTimeMillis
        const asked = questions.map((question) => {
          const scope = { tenant, caller, filters: question.filters, model: model.key }
          return { question, scope, key: answerKey(scope, question) }
        })
        const unknown = asked.filter(({ key }) => answers.entry(key, generation(), now) === undefined)
        yield* vectors.warm(
          tenant,
          model,
          unknown.map(({ question }) => question.query),
        )
        return yield* Effect.forEach(asked, ({ question, scope, key }) =>
          keptUnder(answers, key, generation, search(model, scope, question)),
        )
      },
    )
    return recommend
  })

const make = Effect.gen(function* () {
  const [{ within }, changes] = [yield* Tenancy, yield* Changes]
  const parts = { settings: yield* PlatformSettings, models: yield* LlmModels, llm: yield* Llm }
  const keeping = { within, changes }
  const { currentMax, keepMs } = recommendLimits
  /** By agent: of which version, by which setting, its vector is known to be current. */
  const current = new Kept<string>({ entriesMax: currentMax, keepMs: Number.POSITIVE_INFINITY })

  const keep: RecommendationsService["keep"] = (tenant, view) =>
    Effect.gen(function* () {
      if (view.archived) return
      const setting = yield* parts.settings.get(tenant, "agents.embedding_model")
      const [agent, mark] = [`${tenant}/${view.agent}`, `${view.version} ${setting}`]
      if (current.get(agent, 0, 0) === mark) return
      yield* embedAgents(keeping, tenant, yield* embeddingModelOf(parts, tenant), [view])
      current.put(agent, mark, 0, 0)
    }).pipe(
      Effect.timeoutOption(keepMs),
      Effect.catch((failure) =>
        Effect.logWarning(`the agent ${tenant}/${view.agent} waits for its vector: ${failure.message}`),
      ),
      Effect.asVoid,
    )

  return AgentRecommendations.of({
    recommend: yield* makeRecommend(parts),
    keep,
    stale: (tenant) =>
      Effect.flatMap(embeddingModelOf(parts, tenant), ({ key }) =>
        within(tenant, (sql) => countStale(sql, tenant, key)),
      ),
    keepAll: (tenant) =>
      Effect.flatMap(embeddingModelOf(parts, tenant), (model) => embedStale(keeping, tenant, model)),
  })
})

export const agentRecommendationsLayer = Layer.effect(AgentRecommendations, make)
