/** Agents over HTTP: the registry, their life cycle and health, and giving one a task. Shape: seed 0 §4.2. */
import * as Schema from "effect/Schema"
import { AgentHealth, AgentProtocol, Execution, LifecycleStatus } from "../agent.ts"
import { AnswerBlock } from "../ops-plan.ts"
import { Id, nameOf, storableTextOf } from "../text.ts"
import { AgentBody, AgentChange, AgentDetail, AgentRegistration } from "./agent-settings.ts"
import { endpoint } from "./endpoint.ts"
import { FrameworkName } from "./framework-names.ts"
import { pageQuery, QueryBoolean, TraceId } from "./paging.ts"

const one = "/api/agents/:agent"
const params = { agent: Id }
const permission = "agent:write"
const seen = ["AGT_REG_001", "AGT_AUTH_001"] as const
const changed = [...seen, "AGT_REG_004", "AGT_REG_005"] as const
const ownOnly = [...changed, "AGT_REG_008"] as const
const settings = ["AGT_REG_006", "AGT_REG_007", "AGT_SEC_002"] as const

/** What the caller's credential allows is never the caller's to say. */
const { scopes: _, ...task } = AgentProtocol.commands.Execute.fields

const execution = {
  method: "POST",
  permission: "agent:execute",
  rate: "model-call",
  timeLimit: "own",
  params,
  body: Schema.Struct(task),
  example: { task: "which alerts were there" },
  answer: Schema.Struct({
    status: Execution.fields.status,
    data: Schema.Struct({
      text: Schema.String,
      blocks: Schema.Array(AnswerBlock),
      plan_id: Schema.optionalKey(Id),
      to_agent: Schema.optionalKey(Id),
      code: Schema.optionalKey(Schema.String),
    }),
    /** `execution_time` in milliseconds. */
    metadata: Schema.Struct({ execution_time: Schema.Finite, tokens_used: Schema.Int }),
    trace_id: TraceId,
  }),
  errors: [...seen, "AGT_REG_004", "AGT_LOAD_001"],
} as const

export const agentEndpoints = {
  list: endpoint({
    id: "agents.list",
    method: "GET",
    path: "/api/agents/",
    summary: "List the agents that one may use, by name.",
    permission: "agent:read",
    query: {
      ...pageQuery,
      status: Schema.optionalKey(LifecycleStatus),
      framework: Schema.optionalKey(FrameworkName),
      department: Schema.optionalKey(nameOf(200)),
      owner: Schema.optionalKey(nameOf(200)),
      health_status: Schema.optionalKey(AgentHealth.fields.status),
      /** Part of the name, the description or a skill, in any case. */
      search: Schema.optionalKey(storableTextOf(200)),
      /** Only archived ones; by default only others. */
      archived: Schema.optionalKey(QueryBoolean),
    },
    answer: Schema.Struct({
      agents: Schema.Array(AgentBody),
      total: Schema.Int,
      page: Schema.Int,
      limit: Schema.Int,
    }),
  }),
  register: endpoint({
    id: "agents.register",
    method: "POST",
    path: "/api/agents/",
    summary: "Register an agent, which is in development and one's own.",
    permission,
    idempotent: true,
    body: AgentRegistration,
    example: {
      name: "New Agent",
      framework: "Langchain-agent",
      a2a_endpoint: "http://localhost:8100/a2a",
      capabilities: { skills: ["chat", "analyze"], description: "고객 지원 전문 에이전트" },
      is_public: true,
    },
    answer: AgentDetail,
    status: 201,
    errors: ["AGT_REG_003", "AGT_REG_009", ...settings],
  }),
  get: endpoint({
    id: "agents.get",
    method: "GET",
    path: one,
    summary: "Read one agent, its health as of now, and its settings if one may change them.",
    permission: "agent:read",
    params,
    answer: AgentDetail,
    errors: seen,
  }),
  change: endpoint({
    id: "agents.change",
    method: "PATCH",
    path: one,
    summary: "Change an agent's settings; null takes one away.",
    permission,
    params,
    body: AgentChange,
    answer: AgentDetail,
    errors: [...ownOnly, ...settings],
  }),
  archive: endpoint({
    id: "agents.archive",
    method: "DELETE",
    path: one,
    summary: "Archive an agent: it answers nobody, and can be restored.",
    permission,
    params,
    errors: ownOnly,
  }),
  restore: endpoint({
    id: "agents.restore",
    method: "POST",
    path: `${one}/restore`,
    summary: "Take an agent out of the archive.",
    permission,
    params,
    answer: AgentDetail,
    errors: [...ownOnly, "AGT_REG_009"],
  }),
  move: endpoint({
    id: "agents.move",
    method: "POST",
    path: `${one}/status`,
    summary: "Move an agent along DEVELOPMENT, STAGING, PRODUCTION, one step at a time.",
    permission,
    params,
    body: Schema.Struct({ status: LifecycleStatus }),
    example: { status: "STAGING" },
    answer: AgentDetail,
    errors: [...ownOnly, "AGT_LIFE_001"],
  }),
  check: endpoint({
    id: "agents.checkHealth",
    method: "POST",
    path: `${one}/health-check`,
    summary: "Ask an agent now whether it is there.",
    permission,
    /** An agent may be slow; the check has a limit of its own. */
    timeLimit: "own",
    params,
    answer: AgentDetail,
    errors: [...seen, "AGT_REG_004", "AGT_LOAD_001"],
  }),
  execute: endpoint({
    ...execution,
    id: "agents.execute",
    path: `${one}/execute`,
    summary: "Give an agent a task, and get its answer when it is done.",
  }),
  registerA2a: endpoint({
    id: "agents.registerA2a",
    method: "POST",
    path: "/api/agents/a2a/register",
    summary: "Register an agent by its name and address; again, by the same owner, brings it up to date.",
    permission,
    body: AgentRegistration,
    example: {
      name: "A2A Compatible Agent",
      framework: "Agno",
      endpoint: "http://agno.example.com/my-agent/agent",
      capabilities: { version: "1.0.0", skills: ["nlp", "search"], languages: ["ko", "en"] },
    },
    answer: Schema.Struct({
      agent_id: Id,
      a2a_endpoint: Schema.String,
      status: Schema.Literal("registered"),
    }),
    errors: [...changed, "AGT_REG_003", "AGT_REG_009", ...settings],
  }),
  executeA2a: endpoint({
    ...execution,
    id: "agents.executeA2a",
    path: "/api/agents/a2a/execute/:agent",
    summary: "The same as giving an agent a task, where registration says that it is.",
  }),
} as const
