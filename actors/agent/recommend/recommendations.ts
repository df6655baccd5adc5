/**
 * Which agents suit a question: those whose text is nearest to it, by vectors. Access and filters are conditions of the
 * search, so that what somebody may not use takes nobody's place. Vectors of one model only are ever compared.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Refused } from "../../../resources/index.ts"
import type { AgentView, Framework, LifecycleStatus } from "../../../schemas/index.ts"
import type { AgentCaller } from "../access.ts"

export interface RecommendFilters {
  /** Default: PRODUCTION. */
  readonly status?: LifecycleStatus | undefined
  readonly framework?: Framework | undefined
  readonly department?: string | undefined
}

export interface RecommendQuestion {
  readonly query: string
  /** How many at most. */
  readonly k: number
  readonly filters: RecommendFilters
  /** 0 to 1; default: the model's. */
  readonly minimumScore?: number | undefined
}

export interface Recommendation
  extends Pick<AgentView, "agent" | "name" | "description" | "framework" | "status" | "department"> {
  /** Their names. */
  readonly skills: ReadonlyArray<string>
  /** Cosine similarity, 0 to 1. */
  readonly score: number
  /** What of the agent matched, in the question's language. */
  readonly reason: string
}

export interface Recommended {
  /** Best first, none below the minimum score. */
  readonly recommendations: ReadonlyArray<Recommendation>
  /** The name of the model that compared. */
  readonly model: string
  readonly minimumScore: number
  /** Agents that would be looked through too and have no vector of this model yet; they get it within minutes. */
  readonly notEmbedded: number
}

export interface RecommendationsService {
  /**
   * One answer for each question. Kept for five minutes, or until an agent of the tenant changes. Errors: `AGT_REC_001`
   * when the model that the tenant chose gives no vectors: another one is never used instead.
   */
  readonly recommend: (
    tenant: string,
    caller: AgentCaller,
    questions: ReadonlyArray<RecommendQuestion>,
  ) => Effect.Effect<ReadonlyArray<Recommended>, Refused | SqlError>
  /** Gives the agent its vector if it has no current one. Never fails: what it cannot do is left to `keepAll`. */
  readonly keep: (tenant: string, view: AgentView) => Effect.Effect<void>
  /** How many of the tenant's agents have no current vector. Errors: as `recommend`. */
  readonly stale: (tenant: string) => Effect.Effect<number, Refused | SqlError>
  /** Gives all of them one, in batches. Answers how many could not be given one, each of which is in the log. */
  readonly keepAll: (tenant: string) => Effect.Effect<number, Refused | SqlError>
}

export class AgentRecommendations extends Context.Service<AgentRecommendations, RecommendationsService>()(
  "millrace/actors/AgentRecommendations",
) {}
