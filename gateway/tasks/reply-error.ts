/** What callers are told of a task that came to no answer. */
import { GatewayError, rejectionError } from "../errors.ts"
import type { AgentReply } from "./ask-agent.ts"

/** By the reason that the agent's own rules gave. */
const refusals: Readonly<Record<string, (agent: string) => GatewayError>> = {
  AgentUnknown: () => rejectionError("agent", { _tag: "AgentUnknown" }),
  AgentArchived: () => rejectionError("agent", { _tag: "AgentArchived" }),
  AgentForbidden: (agent) =>
    new GatewayError(403, "AGT_AUTH_001", "You may not use this agent.", { agent_id: agent }),
}

/** Undefined when there is an answer. */
export const replyError = (reply: AgentReply): GatewayError | undefined => {
  const { status, agent, task, code = "AgentFailed", text } = reply
  if (status === "completed" || status === "input-required") return undefined
  const details = { agent_id: agent, task_id: task, agent_code: code, reason: text }
  if (status === "canceled")
    return new GatewayError(409, "AGT_ANS_002", "The task was canceled before there was an answer.", details)
  return refusals[code]?.(agent) ?? new GatewayError(502, "AGT_ANS_001", "The agent did not answer.", details)
}
