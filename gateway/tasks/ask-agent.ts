/**
 * A question to one agent, for protocols that want the answer of one turn. It is a task as any other: durable, seen in
 * its owner's list, and moved on to other agents where one hands it over.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { type AgentIndex, readTask, type TaskIndex } from "../../actors/index.ts"
import type { EngineError, Rejected } from "../../engine/index.ts"
import type { Refused } from "../../resources/index.ts"
import {
  type AnswerBlock,
  type ChatMessage,
  OpsPlanProtocol,
  type TaskEvent,
  TaskProtocol,
  type TaskView,
  type TokenUsage,
} from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { openTask } from "./open-task.ts"
import { followTask } from "./task-feed.ts"

/** What waits longer is told so, and the task is canceled: nobody would be told of its answer. */
const answerMsMax = 15 * 60_000

export interface AgentQuestion {
  readonly agent: string
  readonly text: string
  /** The task's key. The same for each attempt makes one task of them. */
  readonly task: string
  /** The conversation that it belongs to, whose earlier tasks the agent is told of; absent: one of its own. */
  readonly context?: string | undefined
  /** What was said before, instead. */
  readonly history?: ReadonlyArray<ChatMessage> | undefined
  readonly parameters?: Readonly<Record<string, unknown>> | undefined
  /** Told what happens while it does, one event after the other; what it rejects with ends the work. */
  readonly told?: ((event: TaskEvent) => void | Promise<void>) | undefined
}

export interface AgentReply {
  readonly task: string
  /** The one that answered in the end. */
  readonly agent: string
  readonly status: "completed" | "failed" | "rejected" | "canceled" | "input-required"
  /** The answer; what it asks back; or why there is none. */
  readonly text: string
  readonly code: string | undefined
  readonly blocks: ReadonlyArray<AnswerBlock>
  readonly plan: string | undefined
  readonly tokens: number
  readonly usage: TokenUsage | undefined
  readonly executionTimeMs: number
}

export type AskFailure = GatewayError | Refused | SqlError | EngineError | Rejected

const tooLong = () =>
  new GatewayError(504, "GTW_TIME_001", "The answer took too long; the task is canceled.", {
    limit: "answerMsMax",
    milliseconds: answerMsMax,
  })

/** Ends it on every node. What has ended, or never was, stays as it is. */
export const cancelTask = ({ engine }: GatewayServices, tenant: string, task: string): Effect.Effect<void> =>
  engine.ask(TaskProtocol, task, { _tag: "Cancel" }, { tenant }).pipe(Effect.ignore)

const answerOf = (view: TaskView) => view.answers.findLast(({ turn }) => turn === view.turn)

/** A plan has all of its own. */
const blocksOf = ({ engine }: GatewayServices, tenant: string, view: TaskView) =>
  view.plan === undefined
    ? Effect.succeed(answerOf(view)?.blocks ?? [])
    : engine.ask(OpsPlanProtocol, view.plan, { _tag: "Read" }, { tenant }).pipe(
        Effect.map(({ blocks }) => blocks),
        // They illustrate the answer, which stands without them.
        Effect.orElseSucceed((): ReadonlyArray<AnswerBlock> => []),
      )

const replyOf = (view: TaskView, blocks: ReadonlyArray<AnswerBlock>): AgentReply => {
  const { task, agent, status, statusMessage, code, plan, tokens, usage, createdAt, statusAt } = view
  const said = answerOf(view)?.text ?? ""
  const ended = status === "completed" || status === "input-required"
  return {
    task,
    agent,
    status: status as AgentReply["status"],
    text: ended ? said || (statusMessage ?? "") : (statusMessage ?? said),
    code,
    blocks,
    plan,
    tokens,
    usage,
    executionTimeMs: statusAt - createdAt,
  }
}

/** Interrupting it cancels the task. Errors: those of `usableAgentOf`; 429 `TSK_LIM_003`; 409 `TSK_TASK_002`; 504 `GTW_TIME_001`. */
export const askAgent = (
  services: GatewayServices,
  { identity }: GatewayRequest,
  { told, ...question }: AgentQuestion,
): Effect.Effect<AgentReply, AskFailure, AgentIndex | TaskIndex> => {
  const { tenant } = identity
  const { task } = question
  const canceling = cancelTask(services, tenant, task)
  const following = (after: number) =>
    Effect.tryPromise({
      try: async (signal) => {
        for await (const event of followTask(services, { tenant, task, after }, signal)) await told?.(event)
      },
      catch: (failure) => failure as AskFailure,
    })
  const asking = Effect.gen(function* () {
    const opened = yield* openTask(services, identity, { ...question, messageId: task })
    // Whoever cannot be told what is said does not wait for the rest.
    yield* Effect.tapError(following(opened.after), () => canceling)
    const view = yield* readTask(services.engine, tenant, task)
    return replyOf(view, yield* blocksOf(services, tenant, view))
  })
  return asking.pipe(
    Effect.onInterrupt(() => canceling),
    Effect.timeoutOrElse({ duration: answerMsMax, orElse: () => Effect.fail(tooLong()) }),
  )
}
