/** Questions about infrastructure over HTTP, and the plans that they became. */
import * as Schema from "effect/Schema"
import { AnswerBlock, OpsPlanProtocol, Plan, PlanAnswer, PlanStatus, Route, Stage } from "../ops-plan.ts"
import { Id } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { ActorKey, Timestamp, TraceId } from "./paging.ts"

export const opsEndpoints = {
  ask: endpoint({
    id: "ops.questions.ask",
    method: "POST",
    path: "/api/ops/questions",
    summary: "Ask about infrastructure; answered with blocks when the plan has ended.",
    permission: "ops:ask",
    rate: "model-call",
    timeLimit: "own",
    body: Schema.Struct({
      question: OpsPlanProtocol.commands.Ask.fields.question,
      /** The same id and question again give the same answer. */
      plan_id: Schema.optionalKey(Id),
    }),
    example: { question: "what is the CPU usage now" },
    answer: Schema.Struct({
      plan_id: Id,
      status: PlanAnswer.fields.status,
      route: Schema.optionalKey(Route),
      blocks: Schema.Array(AnswerBlock),
      trace_id: TraceId,
    }),
    errors: ["OPS_PLAN_002", "OPS_LOAD_001"],
  }),
  read: endpoint({
    id: "ops.plans.read",
    method: "GET",
    path: "/api/ops/plans/:plan",
    summary: "What became of a question: its plan, stages and answer.",
    permission: "ops:ask",
    params: { plan: ActorKey },
    answer: Schema.Struct({
      plan_id: Id,
      question: Schema.String,
      status: PlanStatus,
      asked_at: Timestamp,
      plan: Schema.optionalKey(Plan),
      stages: Schema.Array(
        Schema.Struct({
          name: Stage.fields.name,
          status: Stage.fields.status,
          started_at: Timestamp,
          ended_at: Schema.optionalKey(Timestamp),
          detail: Schema.optionalKey(Schema.String),
        }),
      ),
      blocks: Schema.Array(AnswerBlock),
      trace_id: TraceId,
    }),
    errors: ["OPS_PLAN_001"],
  }),
} as const
