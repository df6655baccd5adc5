/**
 * How a round reaches the registry of models, which is over a database that opens while the engine starts: whoever
 * composes a node fills it in afterwards, and a round that is due earlier waits.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../engine/index.ts"
import type { LlmModelsService } from "../../resources/index.ts"
import { implementKind } from "../implement-kind.ts"
import { LlmHealth } from "./llm-health.ts"

type CheckHealth = LlmModelsService["checkHealth"]

export class ModelsAccess extends Context.Service<
  ModelsAccess,
  {
    /** Waits until the registry is there. */
    readonly checkHealth: Effect.Effect<CheckHealth>
    /** To be called once. Idempotent: the first one stays. */
    readonly fill: (checkHealth: CheckHealth) => Effect.Effect<void>
  }
>()("millrace/actors/ModelsAccess") {
  static readonly make = Effect.sync(() => {
    const registry = Deferred.makeUnsafe<CheckHealth>()
    return ModelsAccess.of({
      checkHealth: Deferred.await(registry),
      fill: (checkHealth) => Effect.asVoid(Deferred.succeed(registry, checkHealth)),
    })
  })
}

/** The registry's own words stay out of the journal: a failure of the database may quote what it was given. */
const failed = new ActivityFailure({
  code: "ModelsUnavailable",
  detail: "the registry of models did not answer",
  retryable: true,
})

export const llmHealthImplementation = implementKind(LlmHealth, {
  check: (_, run) =>
    Effect.flatMap(ModelsAccess, ({ checkHealth }) =>
      Effect.flatMap(checkHealth, (check) => Effect.mapError(check(run.self.tenant), () => failed)),
    ),
})
