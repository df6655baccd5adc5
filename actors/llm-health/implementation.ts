/** One round of checks, done by the registry of models. */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../engine/index.ts"
import { implementKind } from "../implement-kind.ts"
import { PlatformAccess } from "../platform-access.ts"
import { LlmHealth } from "./llm-health.ts"

/** The registry's own words stay out of the journal: a failure of the database may quote what it was given. */
const failed = new ActivityFailure({
  code: "ModelsUnavailable",
  detail: "the registry of models did not answer",
  retryable: true,
})

export const llmHealthImplementation = implementKind(LlmHealth, {
  check: (_, run) =>
    Effect.flatMap(PlatformAccess, ({ platform }) =>
      Effect.flatMap(platform, ({ checkModels }) =>
        Effect.mapError(checkModels(run.self.tenant), () => failed),
      ),
    ),
})
