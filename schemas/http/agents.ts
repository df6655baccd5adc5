/** The agents of a node: which there are, and giving one a task. Shape: seed 0 §4.2. */
import * as Schema from "effect/Schema"
import { AgentProtocol, Execution, Framework, Skill } from "../agent.ts"
import { AnswerBlock } from "../ops-plan.ts"
import { Id } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { ActorKey, Timestamp, TraceId } from "./paging.ts"

export const AgentBody = Schema.Struct({
  id: Id,
  name: Schema.String,
  framework: Framework,
  description: Schema.String,
  capabilities: Schema.Struct({ skills: Schema.Array(Id) }),
  skills: Schema.Array(Skill),
  running: Schema.Int,
  answered: Schema.Int,
  failed: Schema.Int,
  created_at: Timestamp,
}).annotate({ identifier: "Agent" })

export const agentEndpoints = {
  list: endpoint({
    id: "agents.list",
    method: "GET",
    path: "/api/agents/",
    summary: "Which agents there are.",
    permission: "agent:read",
    answer: Schema.Struct({
      agents: Schema.Array(AgentBody),
      total: Schema.Int,
      page: Schema.Int,
      limit: Schema.Int,
    }),
  }),
  execute: endpoint({
    id: "agents.execute",
    method: "POST",
    path: "/api/agents/:agent/execute",
    summary: "Give an agent a task, and get its answer when it is done.",
    permission: "agent:execute",
    rate: "model-call",
    timeLimit: "own",
    params: { agent: ActorKey },
    body: Schema.Struct(AgentProtocol.commands.Execute.fields),
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
    errors: ["AGT_REG_001", "AGT_REG_002", "AGT_LOAD_001"],
  }),
} as const
