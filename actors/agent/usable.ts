/** Whether an agent takes questions and whoever asks may ask it: checked when an answer begins, and at each hand-over. */
import * as Effect from "effect/Effect"
import { ActivityFailure, type EngineError, type EngineShape, type Rejected } from "../../engine/index.ts"
import { AgentProtocol, type AgentView } from "../../schemas/index.ts"
import { mayUseAgent, missingPermission } from "./access.ts"
import type { AnswerCaller } from "./framework.ts"

/** What asking an actor failed with, as an activity says it. The code is the engine's, or the rejection's name. */
export const askFailed = (error: EngineError | Rejected): ActivityFailure =>
  error._tag === "Rejected"
    ? new ActivityFailure({
        code: String((error.rejection as { readonly _tag: unknown })._tag),
        detail: error.message,
        retryable: false,
      })
    : new ActivityFailure({ code: error.code, detail: error.detail, retryable: error.kind === "retryable" })

const refused = (code: string, detail: string) => new ActivityFailure({ code, detail, retryable: false })

/**
 * The agent as it is now. Errors: `AgentUnknown`; `AgentArchived`; `AgentForbidden`; retryable ones of the engine. No
 * caller: the platform itself, which may use every agent.
 */
export const usableAgent = Effect.fnUntraced(function* (
  engine: EngineShape,
  tenant: string,
  agent: string,
  caller: AnswerCaller | undefined,
): Effect.fn.Return<AgentView, ActivityFailure> {
  const view = yield* engine
    .ask(AgentProtocol, agent, { _tag: "Describe" }, { tenant })
    .pipe(Effect.mapError(askFailed))
  if (view.archived) return yield* Effect.fail(refused("AgentArchived", `agent "${agent}" is archived`))
  if (caller !== undefined && !mayUseAgent(view, caller)) {
    const permission = missingPermission(view, caller)
    const why = permission === undefined ? "" : `: the permission "${permission}" is missing`
    return yield* Effect.fail(
      refused("AgentForbidden", `"${caller.user}" may not use agent "${agent}"${why}`),
    )
  }
  return view
})
