/** The wire contracts of Millrace. Imports only effect. */
export * from "./agent.ts"
export * from "./answer.ts"
export * from "./cep/alert.ts"
export * from "./cep/duration.ts"
export * from "./cep/event.ts"
export * from "./cep/lane.ts"
export * from "./cep/metric-poll.ts"
export * from "./cep/notification.ts"
export * from "./cep/rule-document.ts"
export * from "./cep/transition.ts"
export * from "./cep-rule.ts"
export * from "./chat-session.ts"
export * from "./http/a2a.ts"
export * from "./http/actors.ts"
export * from "./http/agent-settings.ts"
export * from "./http/agents.ts"
export * from "./http/alertmanager.ts"
export * from "./http/audit.ts"
export * from "./http/auth.ts"
export * from "./http/cep.ts"
export * from "./http/cep-alerts.ts"
export * from "./http/cep-insight.ts"
export * from "./http/cep-notifications.ts"
export * from "./http/cep-past.ts"
export * from "./http/cep-polls.ts"
export * from "./http/cep-quiet.ts"
export * from "./http/cep-rules.ts"
export * from "./http/chat.ts"
export * from "./http/description.ts"
export * from "./http/development-issuer.ts"
export * from "./http/endpoint.ts"
export * from "./http/framework-names.ts"
export * from "./http/groups.ts"
export * from "./http/health.ts"
export * from "./http/ingest.ts"
export * from "./http/llm-models.ts"
export * from "./http/llm-models-v2.ts"
export * from "./http/llm-permissions.ts"
export * from "./http/locks.ts"
export * from "./http/mcp.ts"
export * from "./http/model-calls.ts"
export * from "./http/ops.ts"
export * from "./http/paging.ts"
export * from "./http/recommend.ts"
export * from "./http/roles.ts"
export * from "./http/settings.ts"
export * from "./http/statistics.ts"
export * from "./http/tenants.ts"
export * from "./http/tracing.ts"
export * from "./http/users.ts"
export * from "./llm-health.ts"
export * from "./lock.ts"
export * from "./metric.ts"
export * from "./ops-plan.ts"
export * from "./permission.ts"
export type {
  AnyProtocol,
  Codec,
  CommandMap,
  CommandValue,
  Fields,
  FieldsMap,
  Outgoing,
  PlainCodec,
  Protocol,
  RejectionOf,
  ReplyOf,
  Tagged,
} from "./protocol.ts"
export { codecOf, codecsOf, command, namePattern, protocol } from "./protocol.ts"
export * from "./task.ts"
export { Id } from "./text.ts"
export * from "./tracing.ts"
