/** How many tasks of one user may be unfinished: at work, or waiting for this user. */
import * as Effect from "effect/Effect"
import { TaskIndex } from "../../actors/index.ts"
import type { EngineError, Rejected } from "../../engine/index.ts"
import { TaskProtocol } from "../../schemas/index.ts"
import type { Identity } from "../auth/identity.ts"
import { GatewayError } from "../errors.ts"
import type { GatewayServices } from "../services.ts"

export const unfinishedTasksMax = 1_000
/** A database that is away or late keeps nobody from giving a task. */
const countMs = 1_000

const tooMany = () =>
  new GatewayError(
    429,
    "TSK_LIM_003",
    `You have ${unfinishedTasksMax} unfinished tasks, as many as you may have: cancel some, or answer those that ask.`,
    {
      limit: "unfinishedTasksMax",
      remedy: "cancel some of them, answer those that ask, or wait for their end",
    },
  )

/**
 * A task that is there already is only met again. Counted in the list: several that are given at the same moment may go
 * over it by their number. Errors: 429 `TSK_LIM_003`; those of the engine.
 */
export const requireRoom = Effect.fnUntraced(function* (
  { engine }: GatewayServices,
  { tenant, user }: Identity,
  task: string,
): Effect.fn.Return<void, GatewayError | EngineError | Rejected, TaskIndex> {
  const unfinished = yield* (yield* TaskIndex).unsettled(tenant, user, unfinishedTasksMax).pipe(
    Effect.map(({ length }) => length),
    Effect.timeout(countMs),
    Effect.orElseSucceed(() => 0),
  )
  if (unfinished < unfinishedTasksMax) return
  yield* engine
    .ask(TaskProtocol, task, { _tag: "Read" }, { tenant })
    .pipe(Effect.catchTag("Rejected", () => Effect.fail(tooMany())))
})
