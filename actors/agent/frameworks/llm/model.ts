/** Which language model answers, on whose behalf it is called, and what a refusal of the call means for the answer. */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../../../engine/index.ts"
import type { LlmCaller, Refused, Usage } from "../../../../resources/index.ts"
import { everyPermission, type TokenUsage } from "../../../../schemas/index.ts"
import type { AnswerCall } from "../../framework.ts"

/** Models that are looked at for one to answer. */
const modelsLookedAtMax = 100
/** A conversation does not bear a longer silence between two attempts. */
export const pauseSecondsMax = 10

/** Grants, budgets and limits are those of who asks. What nobody asked for is the platform's own. */
export const modelCallerOf = ({ tenant, caller, view, traceId }: AnswerCall): LlmCaller => ({
  tenant,
  user: caller?.user ?? "system",
  userId: caller?.userId ?? "",
  permissions: caller?.ownPermissions ?? new Set([everyPermission]),
  agent: view.agent,
  traceId,
})

const unavailable = () =>
  new ActivityFailure({
    code: "ModelsUnavailable",
    detail: "the registry of models did not answer",
    retryable: true,
  })

/** `mayRetry`: nothing was said yet. */
export const failureOf = (error: Error | Refused, mayRetry: boolean): ActivityFailure => {
  if (!("_tag" in error) || error._tag !== "Refused") return unavailable()
  const { reason, code, text, retryAfterSeconds = 0 } = error as Refused
  return new ActivityFailure({
    code,
    detail: text,
    retryable:
      mayRetry && (reason === "unavailable" || reason === "timeout") && retryAfterSeconds <= pauseSecondsMax,
    retryAfterMs: retryAfterSeconds * 1_000,
  })
}

export interface ChosenModel {
  /** Or id. */
  readonly name: string
  /** It writes no summaries. */
  readonly isOffline: boolean
}

/**
 * What the agent names, else what the tenant has set, else the first active one that whoever asks may call: those that are not
 * known to be unwell before those that are, the offline one last. Whether a model that is named may be called is found out by calling it.
 */
export const modelFor = Effect.fnUntraced(function* (
  call: AnswerCall,
): Effect.fn.Return<ChosenModel, ActivityFailure> {
  const { platform, tenant, view } = call
  const set = yield* Effect.mapError(platform.defaultModel(tenant), unavailable)
  const named = view.llm?.model ?? (set === "" ? undefined : set)
  const { models } = yield* platform.models
    .list(tenant, modelCallerOf(call), { page: 1, per_page: modelsLookedAtMax, accessible_only: true })
    .pipe(Effect.mapError((error) => failureOf(error, true)))
  const offline = models.find(({ provider }) => provider === "Offline")
  if (named !== undefined) return { name: named, isOffline: offline?.name === named || offline?.id === named }
  const active = models.filter((model) => model.is_active && model !== offline)
  const first = active.find(({ health_status }) => health_status !== "unhealthy") ?? active[0] ?? offline
  if (first !== undefined) return { name: first.id, isOffline: first === offline }
  return yield* new ActivityFailure({
    code: "NoModel",
    detail: "you may call no language model; an administrator grants that under /api/admin/llm-models/",
    retryable: false,
  })
})

export const noUsage: TokenUsage = { input: 0, output: 0, estimated: false }

export const sumOf = (sum: TokenUsage, { input, output, estimated }: Usage): TokenUsage => ({
  input: sum.input + input,
  output: sum.output + output,
  estimated: sum.estimated || estimated,
})
