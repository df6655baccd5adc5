/** Which agents suit a question. Shape: seed 0 §4.2, with what compared and why beside it. */
import * as Schema from "effect/Schema"
import { LifecycleStatus } from "../agent.ts"
import { countOf, Id, nameOf, textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { FrameworkName } from "./framework-names.ts"

export const recommendWireLimits = {
  /** Characters. */
  queryMax: 2_000,
  kMax: 20,
  kDefault: 5,
  /** Questions in a batch. */
  queriesMax: 20,
} as const

const limits = recommendWireLimits
const Score = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

/** In Korean or in English; what Postgres stores, and not only spaces. */
const Query = textOf(limits.queryMax).check(
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is refused
  Schema.isPattern(/^[^\u0000\p{Cs}]*[^\s\u0000\p{Cs}][^\u0000\p{Cs}]*$/u),
)

const Question = Schema.Struct({
  query: Query,
  k: Schema.optionalKey(countOf(1, limits.kMax)),
  filters: Schema.optionalKey(
    Schema.Struct({
      /** Default: PRODUCTION. */
      status: Schema.optionalKey(LifecycleStatus),
      framework: Schema.optionalKey(FrameworkName),
      department: Schema.optionalKey(nameOf(200)),
    }),
  ),
  /** Default: what keeps agents out that are alike by chance, for the model that compares. */
  min_score: Schema.optionalKey(Score),
})

const Answered = Schema.Struct({
  recommendations: Schema.Array(
    Schema.Struct({
      agent_id: Id,
      name: Schema.String,
      similarity_score: Score,
      match_reason: Schema.String,
      description: Schema.String,
      framework: Schema.String,
      skills: Schema.Array(Schema.String),
      status: LifecycleStatus,
      department: Schema.optionalKey(Schema.String),
    }),
  ),
  /** The model that compared; `offline` compares words. */
  model: Schema.String,
  min_score: Score,
  /** Agents that could not be compared yet: the model was changed, or failed when they were. */
  not_embedded: Schema.Int,
  /** When there is no recommendation. */
  message: Schema.optionalKey(Schema.String),
})

const errors = ["AGT_REC_001"] as const
const example = {
  query: "고객 불만 처리를 도와줄 에이전트가 필요해",
  k: 5,
  filters: { status: "PRODUCTION", department: "CS팀" },
} as const

export const recommendEndpoints = {
  recommend: endpoint({
    id: "agents.recommend",
    method: "POST",
    path: "/api/agents/recommend",
    summary: "The agents that suit a question best, of those that one may use.",
    permission: "agent:read",
    rate: "read",
    timeLimit: "own",
    body: Question,
    example,
    answer: Answered,
    errors,
  }),
  batch: endpoint({
    id: "agents.recommendBatch",
    method: "POST",
    path: "/api/agents/recommend/batch",
    summary: "The same for several questions, each answered for itself, in their order.",
    permission: "agent:read",
    rate: "batch",
    timeLimit: "own",
    body: Schema.Struct({
      queries: Schema.Array(Question).check(Schema.isMinLength(1), Schema.isMaxLength(limits.queriesMax)),
    }),
    example: { queries: [example, { query: "summarize the sales report", k: 1 }] },
    answer: Schema.Struct({ results: Schema.Array(Answered) }),
    errors,
  }),
} as const
