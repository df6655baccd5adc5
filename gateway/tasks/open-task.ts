/**
 * Gives an agent a task, whichever protocol asked for it.
 *
 * How to use it: `openTask(services, identity, { agent, messageId, text })` gives `{ task, after }` once the task is
 * durable; the same `messageId` of the same user gives the same task. Then either `followTask(services, { tenant, task,
 * after }, signal)` (task-feed.ts) for every event from the first to the end, or, when it has ended, `ownTask(services,
 * identity, task)` (own-task.ts) for its status and answers. The agent works on whether anybody follows or not; `Cancel`
 * of `TaskProtocol` ends it.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { AgentIndex, TaskIndex } from "../../actors/index.ts"
import type { EngineError, Rejected } from "../../engine/index.ts"
import type { Refused } from "../../resources/index.ts"
import {
  type ChatMessage,
  historyCharactersMax,
  historyMessagesMax,
  TaskContextProtocol,
  type TaskPart,
  TaskProtocol,
  type TaskPush,
  type TaskStatus,
  type TaskView,
} from "../../schemas/index.ts"
import { usableAgentOf } from "../agent-access.ts"
import { type Identity, scopesOf } from "../auth/identity.ts"
import type { GatewayError } from "../errors.ts"
import type { GatewayServices } from "../services.ts"
import { conversationOf, isTaskId, ownContextOf, taskIdOf } from "./task-id.ts"
import { requireRoom } from "./unfinished.ts"

/** Tasks named by a message besides those of its context. */
export const referencesMax = 5

export interface TaskOrder {
  /** Its id, from where one knows it before; absent: made from whose message it is. Never what a client chose alone. */
  readonly task?: string | undefined
  readonly agent: string
  readonly messageId: string
  readonly text: string
  /** The message as it was sent, when that is more than its text. */
  readonly parts?: ReadonlyArray<TaskPart> | undefined
  /** The conversation that it belongs to; absent: one of its own. */
  readonly context?: string | undefined
  /** What was said before, instead of the context's own tasks. */
  readonly history?: ReadonlyArray<ChatMessage> | undefined
  /** Tasks that the agent is told of as well. */
  readonly references?: ReadonlyArray<string> | undefined
  readonly parameters?: Readonly<Record<string, unknown>> | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** Is given the task's id. */
  readonly push?: ((task: string) => TaskPush) | undefined
}

export interface OpenedTask {
  readonly task: string
  readonly context: string
  readonly status: TaskStatus
  /** Its events come after this number. */
  readonly after: number
}

/** A message of an earlier task is before the first turn of this one. */
const saidIn = ({ messages, answers }: TaskView): ReadonlyArray<ChatMessage> =>
  messages
    .filter(({ role }) => role === "user")
    .flatMap(({ turn, text, at }) => [
      { turn: 0, role: "user" as const, content: text, at },
      ...answers
        .filter((answer) => answer.turn === turn)
        .map(({ agent, text, at }) => ({ turn: 0, role: "assistant" as const, agent, content: text, at })),
    ])

/** The newest messages that fit, oldest first. `tasks`: newest first. */
const recalled = (tasks: ReadonlyArray<TaskView>): ReadonlyArray<ChatMessage> => {
  const newestFirst = tasks.flatMap((view) => [...saidIn(view)].reverse())
  let characters = 0
  const fitting = newestFirst.slice(0, historyMessagesMax).findIndex(({ content }) => {
    characters += content.length
    return characters > historyCharactersMax
  })
  return newestFirst.slice(0, fitting < 0 ? historyMessagesMax : fitting).reverse()
}

/** What was said in the context, and in tasks that are named, as far as they are this user's and still there. */
const historyOf = Effect.fnUntraced(function* (
  { engine }: GatewayServices,
  identity: Identity,
  task: string,
  { context, references = [] }: { readonly context?: string; readonly references?: ReadonlyArray<string> },
) {
  const { tenant, user } = identity
  const { earlier } =
    context === undefined
      ? { earlier: [] }
      : yield* engine.ask(
          TaskContextProtocol,
          conversationOf(identity, context),
          { _tag: "Join", task },
          { tenant },
        )
  const named = references
    .filter((id) => isTaskId(id) && id !== task && !earlier.includes(id))
    .slice(0, referencesMax)
  const read = (id: string) =>
    engine.ask(TaskProtocol, id, { _tag: "Read" }, { tenant }).pipe(
      Effect.map((view): ReadonlyArray<TaskView> => (view.owner === user ? [view] : [])),
      Effect.catchTag("Rejected", () => Effect.succeed([])),
    )
  const found = yield* Effect.forEach([...earlier, ...named], read, { concurrency: 5 })
  return recalled(found.flat())
})

/** Tasks that one message id may make: each after its sender has gone on with the one before. */
const sameMessageMax = 100

const isMovedOn = (failure: EngineError | Rejected | GatewayError): boolean =>
  failure._tag === "Rejected" && (failure.rejection as { readonly _tag: unknown })._tag === "TaskMovedOn"

const openAs = Effect.fnUntraced(function* (
  services: GatewayServices,
  identity: Identity,
  order: TaskOrder,
  task: string,
): Effect.fn.Return<OpenedTask, EngineError | Rejected | GatewayError, TaskIndex> {
  yield* requireRoom(services, identity, task)
  const { agent, messageId, text, parts, parameters, metadata, references } = order
  const context = order.context ?? ownContextOf(task)
  const history =
    order.history ??
    (yield* historyOf(services, identity, task, {
      context,
      ...(references === undefined ? {} : { references }),
    }))
  const opened = yield* services.engine.ask(
    TaskProtocol,
    task,
    {
      _tag: "Open",
      agent,
      owner: identity.user,
      context,
      conversation: conversationOf(identity, context),
      messageId,
      text,
      history,
      ...scopesOf(identity),
      ...(parts === undefined ? {} : { parts }),
      ...(parameters === undefined ? {} : { parameters }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(order.push === undefined ? {} : { push: order.push(task) }),
    },
    { tenant: identity.tenant, principal: identity.user },
  )
  return { task, context, status: opened.status, after: opened.after }
})

/** Errors: what `usableAgentOf` fails with, 429 `TSK_LIM_003`, and `TaskTaken`. */
export const openTask = Effect.fn("gateway.openTask")(function* (
  services: GatewayServices,
  identity: Identity,
  order: TaskOrder,
): Effect.fn.Return<
  OpenedTask,
  EngineError | Rejected | GatewayError | Refused | SqlError,
  AgentIndex | TaskIndex
> {
  const { agent, messageId } = order
  yield* usableAgentOf(identity, agent)
  if (order.task !== undefined) return yield* openAs(services, identity, order, order.task)
  for (let again = 0; ; again += 1) {
    const task = taskIdOf(identity, agent, messageId, again)
    const opened = yield* Effect.result(openAs(services, identity, order, task))
    if (opened._tag === "Success") return opened.success
    if (!isMovedOn(opened.failure) || again === sameMessageMax) return yield* Effect.fail(opened.failure)
  }
})
