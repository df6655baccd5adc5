/** What the call path works with. */
import type * as Effect from "effect/Effect"
import type { EgressService } from "../egress/egress.ts"
import type { LlmModels } from "../llm-models/llm-models.ts"
import type { Model } from "../llm-models/model.ts"
import type { RateLimits } from "../rate-limit/rate-limits.ts"
import type { Breakers } from "./breakers.ts"
import type { UpstreamFailure } from "./failure.ts"
import type { LlmLimits } from "./limits.ts"
import type { LlmUsage } from "./usage.ts"

export interface LlmParts {
  readonly models: Pick<(typeof LlmModels)["Service"], "callable">
  readonly usage: (typeof LlmUsage)["Service"]
  readonly rates: Pick<(typeof RateLimits)["Service"], "take">
  readonly egress: EgressService
  readonly breakers: Breakers
  readonly limits: LlmLimits
  /** Told of every failure of a provider, to keep the model's health. */
  readonly onFailure: (tenant: string, model: Model, failure: UpstreamFailure) => Effect.Effect<void>
}
