/** Sees to it that each agent has the vector of what it says now, by the model that its tenant chose. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { type ChangesService, hashOf, type Refused, type TenancyService } from "../../../resources/index.ts"
import type { AgentView } from "../../../schemas/index.ts"
import { agentsTopic } from "../index/topic.ts"
import { agentText } from "./agent-text.ts"
import type { EmbeddingModel } from "./embedding-model.ts"
import { recommendLimits } from "./limits.ts"
import { confirm, readStale, store } from "./stored-vectors.ts"

export interface KeepingParts {
  readonly within: TenancyService["within"]
  readonly changes: ChangesService
}

/** The model is called outside of any transaction, and only for texts that changed. */
export const embedAgents = Effect.fnUntraced(function* (
  { within, changes }: KeepingParts,
  tenant: string,
  model: EmbeddingModel,
  views: ReadonlyArray<AgentView>,
): Effect.fn.Return<void, Refused | SqlError> {
  const texts = views.map((view) => ({ view, text: agentText(view) }))
  const hashed = texts.map(({ view, text }) => ({ view, text, textHash: hashOf(text) }))
  const current = yield* within(tenant, (sql) => confirm(sql, tenant, model.key, hashed))
  const changed = hashed.filter(({ view }) => !current.has(view.agent))
  if (changed.length === 0) return
  const places = yield* model.embed(changed.map(({ text }) => text))
  const embedded = changed.map((one, index) => ({ ...one, place: places[index]! }))
  yield* within(tenant, (sql) =>
    Effect.forEach(embedded, (one) => store(sql, tenant, model.key, one), { discard: true }),
  )
  yield* changes.announce(agentsTopic(tenant))
})

/** One by one when they do not go together: a provider may refuse one text. Answers how many it refused. */
const embedBatch = (
  parts: KeepingParts,
  tenant: string,
  model: EmbeddingModel,
  views: ReadonlyArray<AgentView>,
): Effect.Effect<number, Refused | SqlError> =>
  embedAgents(parts, tenant, model, views).pipe(
    Effect.as(0),
    Effect.catchTag("Refused", (refused) => {
      if (refused.details.cause !== "LLM_CALL_002") return Effect.fail(refused)
      if (views.length > 1)
        return Effect.map(
          Effect.forEach(views, (view) => embedBatch(parts, tenant, model, [view])),
          (counts) => counts.reduce((sum, count) => sum + count, 0),
        )
      return Effect.as(
        Effect.logWarning(`the agent ${tenant}/${views[0]?.agent} is in no recommendation`, refused.details),
        1,
      )
    }),
  )

/** Answers how many agents the provider refused. */
export const embedStale = Effect.fnUntraced(function* (
  parts: KeepingParts,
  tenant: string,
  model: EmbeddingModel,
): Effect.fn.Return<number, Refused | SqlError> {
  const limit = recommendLimits.batchMax
  let refused = 0
  for (let after = ""; ; ) {
    const stale = { tenant, model: model.key, after, limit }
    const views = yield* parts.within(tenant, (sql) => readStale(sql, stale))
    refused += yield* embedBatch(parts, tenant, model, views)
    if (views.length < limit) return refused
    after = views.at(-1)!.agent
  }
})
