/** How a model is found healthy or not: a port, since only the call path knows how to reach each provider. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { Health, Model } from "./model.ts"

export interface ModelCheckerService {
  /** Ends in bounded time; what goes wrong with the model is its health, never an error. */
  readonly check: (model: Model, apiKey: Redacted.Redacted | undefined) => Effect.Effect<Health>
}

export class ModelChecker extends Context.Service<ModelChecker, ModelCheckerService>()(
  "millrace/ModelChecker",
) {}
