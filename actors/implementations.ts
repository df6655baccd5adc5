/** Every actor kind of the product, ready for the engine. */
import * as Effect from "effect/Effect"
import { agentImplementation } from "./agent/implementation.ts"
import { alertDeskImplementation } from "./alert-desk/implementation.ts"
import { cepRuleImplementation } from "./cep-rule/implementation.ts"
import { chatSessionImplementation } from "./chat-session/implementation.ts"
import { implementKind } from "./implement-kind.ts"
import { llmHealthImplementation } from "./llm-health/implementation.ts"
import { Lock } from "./lock/lock.ts"
import { metricPollImplementation } from "./metric-poll/implementation.ts"
import { notificationImplementation } from "./notification/implementation.ts"
import { opsPlanImplementation } from "./ops-plan/implementation.ts"
import { taskImplementation } from "./task/implementation.ts"
import { TaskContext } from "./task-context/task-context.ts"

/**
 * Gotcha: fill `EngineAccess` once the engine is made and `PlatformAccess` once the database is open, or activities that
 * need them wait for ever.
 */
export const implementations = Effect.all([
  agentImplementation,
  alertDeskImplementation,
  chatSessionImplementation,
  cepRuleImplementation,
  opsPlanImplementation,
  implementKind(Lock, {}),
  llmHealthImplementation,
  metricPollImplementation,
  notificationImplementation,
  taskImplementation,
  implementKind(TaskContext, {}),
])
