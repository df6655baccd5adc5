/** A task as its owner sees it. Nobody else learns that there is one. */
import * as Effect from "effect/Effect"
import { readTask } from "../../actors/index.ts"
import type { EngineError, Rejected } from "../../engine/index.ts"
import type { TaskView } from "../../schemas/index.ts"
import type { Identity } from "../auth/identity.ts"
import { type GatewayError, rejectionError } from "../errors.ts"
import type { GatewayServices } from "../services.ts"

/** Errors: 404 `TSK_TASK_001`. */
export const ownTask = Effect.fnUntraced(function* (
  { engine }: GatewayServices,
  { tenant, user }: Identity,
  task: string,
  page: { readonly after?: number; readonly limit?: number } = {},
): Effect.fn.Return<TaskView, EngineError | Rejected | GatewayError> {
  const view = yield* readTask(engine, tenant, task, page)
  if (view.owner !== user) return yield* Effect.fail(rejectionError("task", { _tag: "TaskUnknown" }))
  return view
})
