/** Calls to language models as OpenAI's clients make them, and what calls took. Source: OpenAI's API reference. */
import * as Schema from "effect/Schema"
import { countOf, textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { pageQuery } from "./paging.ts"

export const modelCallBounds = {
  messagesMax: 2_048,
  toolsMax: 256,
  choicesMax: 8,
  inputsMax: 2_048,
  outputTokensMax: 1_000_000,
} as const

/** Passed on as it is: what is inside differs from model to model, and its provider checks it. */
const Passed = Schema.Record(Schema.String, Schema.Unknown)
const optional = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const between = (minimum: number, maximum: number) =>
  Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

const ModelName = textOf(256).check(Schema.isMinLength(1))
const Parts = Schema.Array(Passed)

const Message = Schema.Struct({
  role: Schema.Literals(["developer", "system", "user", "assistant", "tool", "function"]),
  content: optional(Schema.Union([Schema.String, Parts])),
  name: optional(Schema.String),
  refusal: optional(Schema.String),
  audio: optional(Passed),
  tool_calls: optional(Parts),
  function_call: optional(Passed),
  tool_call_id: optional(Schema.String),
})

const completionBody = Schema.Struct({
  model: ModelName,
  messages: Schema.Array(Message).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(modelCallBounds.messagesMax),
  ),
  audio: optional(Passed),
  frequency_penalty: optional(between(-2, 2)),
  function_call: optional(Schema.Union([Schema.String, Passed])),
  functions: optional(Parts),
  logit_bias: optional(Passed),
  logprobs: optional(Schema.Boolean),
  max_completion_tokens: optional(countOf(1, modelCallBounds.outputTokensMax)),
  max_tokens: optional(countOf(1, modelCallBounds.outputTokensMax)),
  metadata: optional(Passed),
  modalities: optional(Schema.Array(Schema.String)),
  n: optional(countOf(1, modelCallBounds.choicesMax)),
  parallel_tool_calls: optional(Schema.Boolean),
  prediction: optional(Passed),
  presence_penalty: optional(between(-2, 2)),
  prompt_cache_key: optional(Schema.String),
  prompt_cache_retention: optional(Schema.String),
  reasoning_effort: optional(Schema.String),
  response_format: optional(Passed),
  safety_identifier: optional(Schema.String),
  seed: optional(Schema.Int),
  service_tier: optional(Schema.String),
  stop: optional(Schema.Union([Schema.String, Schema.Array(Schema.String)])),
  store: optional(Schema.Boolean),
  stream: optional(Schema.Boolean),
  stream_options: optional(
    Schema.Struct({
      include_usage: optional(Schema.Boolean),
      include_obfuscation: optional(Schema.Boolean),
    }),
  ),
  temperature: optional(between(0, 2)),
  tool_choice: optional(Schema.Union([Schema.String, Passed])),
  tools: optional(Parts.check(Schema.isMaxLength(modelCallBounds.toolsMax))),
  top_logprobs: optional(countOf(0, 20)),
  top_p: optional(between(0, 1)),
  user: optional(Schema.String),
  verbosity: optional(Schema.String),
  web_search_options: optional(Passed),
})

const Counted = Schema.Struct({
  prompt_tokens: Schema.Int,
  completion_tokens: Schema.Int,
  total_tokens: Schema.Int,
})

const Completion = Schema.Struct({
  id: Schema.String,
  object: Schema.Literal("chat.completion"),
  created: Schema.Int,
  model: Schema.String,
  choices: Schema.Array(Passed),
  usage: Counted,
})

const ListedModel = Schema.Struct({
  id: Schema.String,
  object: Schema.Literal("model"),
  created: Schema.Int,
  owned_by: Schema.String,
})

const embeddingBody = Schema.Struct({
  model: ModelName,
  input: Schema.Union([
    Schema.String,
    Schema.Array(Schema.String).check(Schema.isMaxLength(modelCallBounds.inputsMax)),
    Schema.Array(Schema.Int),
    Schema.Array(Schema.Array(Schema.Int)).check(Schema.isMaxLength(modelCallBounds.inputsMax)),
  ]),
  dimensions: Schema.optionalKey(countOf(1, 65_536)),
  encoding_format: Schema.optionalKey(Schema.Literals(["float", "base64"])),
  user: Schema.optionalKey(Schema.String),
})

const EmbeddingList = Schema.Struct({
  object: Schema.Literal("list"),
  model: Schema.String,
  data: Schema.Array(
    Schema.Struct({
      object: Schema.Literal("embedding"),
      index: Schema.Int,
      embedding: Schema.Union([Schema.Array(Schema.Finite), Schema.String]),
    }),
  ),
  usage: Schema.Struct({ prompt_tokens: Schema.Int, total_tokens: Schema.Int }),
})

const envelope = "openai"
const callErrors = [
  "LLM_BUDGET_001",
  "LLM_RATE_001",
  ...[1, 2, 3, 4, 5, 6, 7].map((number) => `LLM_CALL_00${number}`),
  "LLM_MODEL_001",
  "LLM_MODEL_003",
  "LLM_MODEL_008",
  "LLM_PERM_001",
]

const agentErrors = ["AGT_REG_001", "AGT_AUTH_001", "AGT_REG_004"]

export const modelCallEndpoints = {
  complete: endpoint({
    id: "modelCalls.complete",
    method: "POST",
    path: "/v1/chat/completions",
    summary:
      "Ask a language model that one was granted, or as `agent:<id>` an agent that one may use; with `stream` the answer comes as server-sent events.",
    permission: "login",
    rate: "model-call",
    envelope,
    timeLimit: "own",
    body: completionBody,
    answer: Completion,
    example: { model: "offline", messages: [{ role: "user", content: "Hello" }] },
    errors: [...callErrors, ...agentErrors, "AGT_ANS_001", "AGT_ANS_002", "AGT_ANS_003", "TSK_LIM_003"],
  }),
  embed: endpoint({
    id: "modelCalls.embed",
    method: "POST",
    path: "/v1/embeddings",
    summary: "Turn texts into vectors.",
    permission: "llm-model:use",
    rate: "model-call",
    envelope,
    timeLimit: "own",
    body: embeddingBody,
    answer: EmbeddingList,
    errors: callErrors,
  }),
  models: endpoint({
    id: "modelCalls.listModels",
    method: "GET",
    path: "/v1/models",
    summary: "The models that one may call, and the agents that one may use.",
    permission: "login",
    envelope,
    answer: Schema.Struct({ object: Schema.Literal("list"), data: Schema.Array(ListedModel) }),
  }),
  model: endpoint({
    id: "modelCalls.getModel",
    method: "GET",
    path: "/v1/models/:model",
    summary: "One model that one may call, by name or id, or an agent as `agent:<id>`.",
    permission: "login",
    envelope,
    params: { model: ModelName },
    answer: ListedModel,
    errors: ["LLM_MODEL_001", "LLM_MODEL_003", "LLM_MODEL_008", "LLM_PERM_001", ...agentErrors],
  }),
} as const

const Day = Schema.String.check(Schema.isPattern(/^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/u))

const usageQuery = {
  /** Default: `day`. */
  group_by: Schema.optionalKey(Schema.Literals(["day", "user", "model", "agent"])),
  /** Days in UTC, both included. Default: this month. */
  start_date: Schema.optionalKey(Day),
  end_date: Schema.optionalKey(Day),
  ...pageQuery,
}

const UsageReport = Schema.Struct({
  period: Schema.String,
  group_by: Schema.String,
  usage: Schema.Array(
    Schema.Struct({
      key: Schema.String,
      name: Schema.String,
      calls: Schema.Int,
      failed: Schema.Int,
      tokens_in: Schema.Int,
      tokens_out: Schema.Int,
      cost: Schema.Finite,
      currency: Schema.String,
    }),
  ),
  page: Schema.Int,
  limit: Schema.Int,
})

const limits = {
  scope: Schema.Literals(["TENANT", "USER", "MODEL"]),
  /** A user's or a model's id; empty for the tenant. */
  scope_id: textOf(128),
  /** In a month of UTC; null for no limit. */
  tokens_max: Schema.NullOr(countOf(0, Number.MAX_SAFE_INTEGER)),
  cost_max: Schema.NullOr(between(0, 1e12)),
  currency: Schema.String.check(Schema.isPattern(/^[A-Z]{3}$/u)),
}

const Budget = Schema.Struct({
  ...limits,
  tokens_used: Schema.Int,
  cost_used: Schema.Finite,
  renews_at: Schema.String,
})

export const llmUsageEndpoints = {
  own: endpoint({
    id: "llmUsage.readOwn",
    method: "GET",
    path: "/api/llm-usage/me",
    summary: "What one's own calls to language models took.",
    permission: "login",
    query: usageQuery,
    answer: UsageReport,
    errors: ["LLM_USAGE_001"],
  }),
  all: endpoint({
    id: "llmUsage.readAll",
    method: "GET",
    path: "/api/admin/llm-usage/",
    summary: "What all calls to language models took, by day, user, model or agent.",
    permission: "llm-model:admin",
    query: usageQuery,
    answer: UsageReport,
    errors: ["LLM_USAGE_001"],
  }),
  budgets: endpoint({
    id: "llmBudgets.list",
    method: "GET",
    path: "/api/admin/llm-budgets/",
    summary: "The monthly budgets for calls to language models, and what is used of them.",
    permission: "llm-model:admin",
    answer: Schema.Struct({ budgets: Schema.Array(Budget) }),
  }),
  setBudget: endpoint({
    id: "llmBudgets.set",
    method: "PUT",
    path: "/api/admin/llm-budgets/",
    summary: "Set the budget of the tenant, a user or a model; without any limit it is taken away.",
    permission: "llm-model:admin",
    body: Schema.Struct(limits),
    answer: Budget,
    errors: ["LLM_BUDGET_002"],
  }),
} as const
