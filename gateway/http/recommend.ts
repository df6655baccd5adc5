/** Which agents suit a question, one or several at once. Shape: seed 0 §4.2. */
import * as Effect from "effect/Effect"
import {
  AgentRecommendations,
  type Recommendation,
  type Recommended,
  type RecommendQuestion,
} from "../../actors/index.ts"
import { isHangul } from "../../resources/index.ts"
import {
  frameworkNamed,
  frameworkNames,
  type InputOf,
  recommendEndpoints,
  recommendWireLimits,
} from "../../schemas/index.ts"
import { agentCallerOf } from "../agent-access.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

type Question = InputOf<typeof recommendEndpoints.recommend>["body"]

const questionOf = ({ query, k, filters = {}, min_score }: Question): RecommendQuestion => {
  const { framework, ...others } = filters
  return {
    query: query.trim(),
    k: k ?? recommendWireLimits.kDefault,
    filters: { ...others, ...(framework === undefined ? {} : { framework: frameworkNamed(framework) }) },
    ...(min_score === undefined ? {} : { minimumScore: min_score }),
  }
}

const recommendationBody = ({ agent, score, reason, framework, skills, ...shown }: Recommendation) => ({
  agent_id: agent,
  similarity_score: Number(score.toFixed(4)),
  match_reason: reason,
  framework: frameworkNames[framework],
  skills: [...skills],
  ...shown,
})

const noMatch = (query: string): string =>
  isHangul(query) ? "질문에 잘 맞는 에이전트가 없습니다." : "No good match."

const answerBody = ({ query }: Question, answered: Recommended) => {
  const { recommendations, model, minimumScore, notEmbedded } = answered
  return {
    recommendations: recommendations.map(recommendationBody),
    model,
    min_score: minimumScore,
    not_embedded: notEmbedded,
    ...(recommendations.length > 0 ? {} : { message: noMatch(query) }),
  }
}

/** In the order of the questions. */
const recommend = async (
  services: GatewayServices,
  request: GatewayRequest,
  name: string,
  questions: ReadonlyArray<Question>,
) => {
  const { identity } = request
  const asking = Effect.flatMap(AgentRecommendations, (recommendations) =>
    recommendations.recommend(identity.tenant, agentCallerOf(identity), questions.map(questionOf)),
  )
  const answers = await runTraced(services, request, name, asking)
  return answers.map((answer, index) => answerBody(questions[index]!, answer))
}

export const recommendRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, recommendEndpoints.recommend, async (request, { body }) => {
    const [answer] = await recommend(services, request, "POST /api/agents/recommend", [body])
    return answer!
  }),
  route(services, recommendEndpoints.batch, async (request, { body }) => ({
    results: await recommend(services, request, "POST /api/agents/recommend/batch", body.queries),
  })),
]
