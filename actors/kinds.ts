/** Every actor kind of the product as it is declared, without what its activities do: enough to fold a journal. */
import type { AnyKind } from "../engine/index.ts"
import { Agent } from "./agent/agent.ts"
import { AlertDesk } from "./alert-desk/desk.ts"
import { CepRule } from "./cep-rule/rule.ts"
import { ChatSession } from "./chat-session/session.ts"
import { LlmHealth } from "./llm-health/llm-health.ts"
import { Lock } from "./lock/lock.ts"
import { MetricPoll } from "./metric-poll/metric-poll.ts"
import { NotificationActor } from "./notification/notification.ts"
import { OpsPlan } from "./ops-plan/plan.ts"
import { Task } from "./task/task.ts"
import { TaskContext } from "./task-context/task-context.ts"

/** Gotcha: a kind added to `implementations` belongs here too. */
export const kinds = [
  Agent,
  AlertDesk,
  CepRule,
  ChatSession,
  LlmHealth,
  Lock,
  MetricPoll,
  NotificationActor,
  OpsPlan,
  Task,
  TaskContext,
] as unknown as ReadonlyArray<AnyKind>
