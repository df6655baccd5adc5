/** Asks each provider whether a model can be reached with its key: what the registry's health checks use. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Egress } from "../egress/egress.ts"
import { ModelChecker } from "../llm-models/checker.ts"
import type { Health } from "../llm-models/model.ts"
import { toUpstreamFailure } from "./failure.ts"
import { llmLimits } from "./limits.ts"
import { upstreamOf } from "./upstream-of.ts"

export const modelCheckerLayer = Layer.effect(
  ModelChecker,
  Effect.map(Egress, (egress) =>
    ModelChecker.of({
      check: Effect.fn("llm.checkHealth")(function* (model, apiKey) {
        const startedAt = performance.now()
        const probing = Effect.tryPromise({
          try: (signal) => upstreamOf(egress, model, apiKey).probe(signal),
          catch: toUpstreamFailure,
        })
        return yield* probing.pipe(
          Effect.map(
            (): Health => ({ status: "healthy", latency_ms: Math.round(performance.now() - startedAt) }),
          ),
          Effect.timeoutOrElse({
            duration: llmLimits.checkMs,
            orElse: () =>
              Effect.succeed<Health>({ status: "unhealthy", detail: `no answer in ${llmLimits.checkMs} ms` }),
          }),
          Effect.catchTag("UpstreamFailure", ({ kind, message }) =>
            Effect.succeed<Health>({ status: "unhealthy", detail: `${kind}: ${message}` }),
          ),
        )
      }),
    }),
  ),
)
