/**
 * Follows a task's running turn to its end, for one reader: live from signals, which may be lost, and by reading the task
 * again when a number is missing or nothing was heard for a while.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type { EngineError, Rejected } from "../../engine/index.ts"
import {
  isEnded,
  type TaskEvent,
  TaskProtocol,
  type TaskSignal,
  type TaskStatus,
  taskCharactersMax,
  taskTopic,
} from "../../schemas/index.ts"
import type { GatewayServices } from "../services.ts"

/** Signals that wait for a slow reader; the oldest are dropped, which it notices by their numbers. */
const signalsHeldMax = 256

const endOf = (event: TaskEvent): TaskStatus | undefined =>
  event.type === "status" && (isEnded(event.status) || event.status === "input-required")
    ? event.status
    : undefined

/** Order: `told` gets each event after `after` once, by its number, and the next one when it is done with it. */
export const followTask = <E>(
  { engine, limits }: GatewayServices,
  at: { readonly tenant: string; readonly task: string; readonly after: number },
  told: (event: TaskEvent) => Effect.Effect<void, E>,
): Effect.Effect<TaskStatus, EngineError | Rejected | E> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { tenant, task } = at
      let position = at.after
      const signals = yield* Queue.sliding<ReadonlyArray<TaskEvent>>(signalsHeldMax)
      yield* engine.listen(taskTopic(tenant, task), (body) => {
        Queue.offerUnsafe(signals, (body as TaskSignal).events)
      })
      /** What the turn came to; false when a number is missing before one of the events. */
      const deliver = Effect.fnUntraced(function* (events: ReadonlyArray<TaskEvent>) {
        for (const event of events) {
          if (event.n <= position) continue
          if (event.n !== position + 1) return false
          position = event.n
          yield* told(event)
          const end = endOf(event)
          if (end !== undefined) return end
        }
        return undefined
      })
      for (;;) {
        const page = { after: position, limit: limits.pageEventsMax, textFrom: taskCharactersMax }
        const view = yield* engine.ask(TaskProtocol, task, { _tag: "Read", ...page }, { tenant })
        // Events that are no longer held: what they said is among the answers.
        position = Math.max(position, view.oldest - 1)
        const end = yield* deliver(view.events)
        if (typeof end === "string") return end
        if (isEnded(view.status) && position >= view.last) return view.status
        if (position < view.last) continue
        for (;;) {
          const heard = yield* Effect.timeoutOption(Queue.take(signals), limits.rereadEveryMs)
          if (Option.isNone(heard)) break
          const next = yield* deliver(heard.value)
          if (typeof next === "string") return next
          if (next === false) break
        }
      }
    }),
  )
