/** Agents as the wire has them. Where one is reached and how it is set up is told only to who may change it. */
import {
  type AgentBody,
  type AgentDetail,
  type AgentView,
  type Execution,
  frameworkNames,
} from "../../schemas/index.ts"
import { connectionBody, llmBody } from "./settings.ts"

const timestamp = (milliseconds: number): string => new Date(milliseconds).toISOString()

/** Shape: seed 0 §4.2. */
export const agentBody = (view: AgentView): (typeof AgentBody)["Encoded"] => ({
  id: view.agent,
  name: view.name,
  framework: frameworkNames[view.framework],
  status: view.status,
  description: view.description,
  capabilities: {
    skills: view.skills.map(({ name }) => name),
    description: view.description,
    ...(view.agentVersion === undefined ? {} : { version: view.agentVersion }),
    ...(view.languages === undefined ? {} : { languages: view.languages }),
  },
  skills: view.skills,
  owner_id: view.owner ?? null,
  department: view.department ?? null,
  is_public: (view.accessLevel ?? "public") === "public",
  access_level: view.accessLevel ?? "public",
  health_status: view.health.status,
  is_archived: view.archived,
  version: view.version,
  running: view.running,
  answered: view.answered,
  failed: view.failed,
  created_at: timestamp(view.registeredAt),
  updated_at: timestamp(view.updatedAt),
})

/** `managed`: only for who may change the agent. */
export const agentDetail = (
  view: AgentView,
  managed: { readonly hasCredential: boolean } | undefined,
): (typeof AgentDetail)["Encoded"] => {
  const { status, checkedAt, latencyMs, consecutiveFailures, detail } = view.health
  return {
    ...agentBody(view),
    examples: view.examples ?? [],
    health: {
      status,
      last_check: checkedAt === undefined ? null : timestamp(checkedAt),
      latency_ms: latencyMs ?? null,
      consecutive_failures: consecutiveFailures,
      ...(managed === undefined || detail === undefined ? {} : { detail }),
    },
    ...(managed === undefined
      ? {}
      : {
          settings: {
            a2a_endpoint: view.endpoint ?? null,
            allowed_users: view.allowedUsers ?? [],
            allowed_teams: view.allowedTeams ?? [],
            connection: view.connection === undefined ? null : connectionBody(view.connection),
            llm: view.llm === undefined ? null : llmBody(view.llm),
            on_interruption: view.onInterruption ?? "restart",
            has_credential: managed.hasCredential,
          },
        }),
  }
}

/** Shape: seed 0 §3.2. */
export const executionBody = (execution: Execution) => {
  const { status, text, blocks, plan, toAgent, code, executionTimeMs, tokens } = execution
  return {
    status,
    data: {
      text,
      blocks,
      ...(plan === undefined ? {} : { plan_id: plan }),
      ...(toAgent === undefined ? {} : { to_agent: toAgent }),
      ...(code === undefined ? {} : { code }),
    },
    metadata: { execution_time: executionTimeMs, tokens_used: tokens },
  }
}
