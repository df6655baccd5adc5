/** Every framework by its name: what speaks to its agents. */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../../engine/index.ts"
import type { Framework } from "../../../schemas/index.ts"
import type { AgentFramework } from "../framework.ts"
import { builtin } from "./builtin.ts"

const notConnected: AgentFramework = {
  answer: ({ view }) =>
    Effect.fail(
      new ActivityFailure({
        code: "FrameworkUnsupported",
        detail: `agents of the framework "${view.framework}" are not connected yet`,
        retryable: false,
      }),
    ),
  check: () => Effect.succeed({ status: "unknown", consecutiveFailures: 0 }),
}

export const frameworks: Readonly<Record<Framework, AgentFramework>> = {
  builtin,
  llm: notConnected,
  agno: notConnected,
  adk: notConnected,
  langchain: notConnected,
  custom: notConnected,
  a2a: notConnected,
  openai: notConnected,
}
