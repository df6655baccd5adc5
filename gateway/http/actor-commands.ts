/**
 * Which commands of which kind anybody with the permission may send to any actor. What is not named here is said by one
 * actor to another, or has a route that checks more than a permission, such as whose session it is.
 */
import type {
  AgentProtocol,
  AlertDeskProtocol,
  AnyProtocol,
  CepRuleProtocol,
  ChatSessionProtocol,
  LlmHealthProtocol,
  LockProtocol,
  MetricPollProtocol,
  NotificationProtocol,
  OpsPlanProtocol,
  Permission,
  TaskContextProtocol,
  TaskProtocol,
} from "../../schemas/index.ts"
import { authorize, type Identity } from "../auth/identity.ts"
import { GatewayError } from "../errors.ts"

interface Served<P extends AnyProtocol> {
  readonly commands: { readonly [C in keyof P["commands"] & string]?: Permission }
  /** The routes for all else that callers may want of this kind. */
  readonly instead: string
}

/** Gotcha: a new kind needs a row here before the route serves any of its commands. */
export const servedCommands: {
  readonly agent: Served<typeof AgentProtocol>
  readonly "alert-desk": Served<typeof AlertDeskProtocol>
  readonly "cep-rule": Served<typeof CepRuleProtocol>
  readonly "chat-session": Served<typeof ChatSessionProtocol>
  readonly "llm-health": Served<typeof LlmHealthProtocol>
  readonly lock: Served<typeof LockProtocol>
  readonly "metric-poll": Served<typeof MetricPollProtocol>
  readonly notification: Served<typeof NotificationProtocol>
  readonly "ops-plan": Served<typeof OpsPlanProtocol>
  readonly task: Served<typeof TaskProtocol>
  readonly "task-context": Served<typeof TaskContextProtocol>
} = {
  agent: { commands: {}, instead: "GET /api/agents/ and POST /api/agents/{id}/execute" },
  "alert-desk": { commands: { Status: "cep:read" }, instead: "GET /api/cep/alerts and /api/cep/silences" },
  "cep-rule": {
    commands: { Disable: "cep:write", Read: "cep:read", Versions: "cep:read" },
    instead: "POST /api/cep/rules and /api/cep/rules/{id}/…",
  },
  "chat-session": { commands: {}, instead: "POST /api/chat/sessions/ and /api/chat/sessions/{id}/…" },
  "llm-health": {
    commands: { Read: "llm-model:admin" },
    instead: "POST /api/admin/llm-models/{id}/health-check",
  },
  lock: {
    commands: { Acquire: "lock:use", Extend: "lock:use", Release: "lock:use", Read: "lock:use" },
    instead: "POST /api/locks/{name}/…",
  },
  "metric-poll": { commands: { Read: "cep:read" }, instead: "GET /api/cep/rules/{id}/monitor" },
  notification: {
    commands: {},
    instead: "GET /api/cep/notifications and /api/cep/notifications/channels/{id}/…",
  },
  "ops-plan": {
    commands: { Ask: "ops:ask", Read: "platform:read" },
    instead: "POST /api/ops/questions and GET /api/ops/plans/{id}",
  },
  task: { commands: {}, instead: "POST /a2a" },
  "task-context": { commands: {}, instead: "POST /a2a" },
}

const rows: Readonly<Record<string, Served<AnyProtocol>>> = servedCommands

/** Errors: 403 `GTW_ACTOR_001` for a command that is not served, `USR_AUTH_003` without its permission. */
export const requireServed = (identity: Identity, kind: string, command: string): void => {
  const row = Object.hasOwn(rows, kind) ? rows[kind] : undefined
  const permission =
    row !== undefined && Object.hasOwn(row.commands, command) ? row.commands[command] : undefined
  if (permission !== undefined) {
    authorize(identity, permission)
    return
  }
  const reason = `this route does not send "${command}" to the kind "${kind}"`
  throw new GatewayError(403, "GTW_ACTOR_001", "This route does not take this command.", {
    kind,
    command,
    reason,
    ...(row === undefined ? {} : { remedy: `use ${row.instead}` }),
  })
}
