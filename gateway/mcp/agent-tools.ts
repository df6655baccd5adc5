/** Agents as tools: one for each that the caller may use, and some to find and ask any of them. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AgentIndex, AgentRecommendations } from "../../actors/index.ts"
import {
  AgentView,
  AnswerBlock,
  Framework,
  LifecycleStatus,
  MessageContent,
  type TaskEvent,
  TokenUsage,
} from "../../schemas/index.ts"
import { agentCallerOf } from "../agent-access.ts"
import { type AgentReply, askAgent } from "../tasks/ask-agent.ts"
import { defineTool, type Tool, type ToolAnswer, type ToolCall, toolShape } from "./tool.ts"

const prefix = "ask_"
/** Names that every client takes; an agent of another id is asked by `execute_agent`. */
const plainId = /^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$/u
/** Of an agent's description, in a tool's: models read all of them with every question. */
const descriptionCharactersMax = 500
const listedMax = 50
const recommendedMax = 20

export const toolNameOf = (agent: string): string | undefined =>
  plainId.test(agent) ? `${prefix}${agent}` : undefined

/** Undefined for a name that is no agent's. */
export const agentOfTool = (name: string): string | undefined =>
  name.startsWith(prefix) && plainId.test(name.slice(prefix.length)) ? name.slice(prefix.length) : undefined

const shown = (view: AgentView) => ({
  agent_id: view.agent,
  name: view.name,
  description: view.description,
  status: view.status,
  framework: view.framework,
  skills: view.skills.map(({ name }) => name),
})

const ShownAgent = Schema.Struct({
  agent_id: AgentView.fields.agent,
  name: Schema.String,
  description: Schema.String,
  status: LifecycleStatus,
  framework: Framework,
  skills: Schema.Array(Schema.String),
})

const Reply = Schema.Struct({
  agent_id: Schema.String,
  /** `input-required`: the agent asks back; ask it again with all that it wants to know. */
  status: Schema.Literals(["completed", "input-required", "failed", "rejected", "canceled"]),
  text: Schema.String,
  blocks: Schema.Array(AnswerBlock),
  task_id: Schema.String,
  plan_id: Schema.optionalKey(Schema.String),
  code: Schema.optionalKey(Schema.String),
  usage: Schema.optionalKey(TokenUsage),
  trace_id: Schema.String,
})

const replied = (reply: AgentReply, traceId: string): ToolAnswer<typeof Reply.Encoded> => {
  const { task, agent, status, text, blocks, plan, code, usage } = reply
  const isAnswer = status === "completed" || status === "input-required"
  return {
    text: isAnswer ? text : `The task was ${status}: ${text || (code ?? "no reason was given")}`,
    structured: {
      agent_id: agent,
      status,
      text,
      blocks,
      task_id: task,
      ...(plan === undefined ? {} : { plan_id: plan }),
      ...(code === undefined ? {} : { code }),
      ...(usage === undefined ? {} : { usage }),
      trace_id: traceId,
    },
    isError: !isAnswer,
  }
}

/** Tells the caller what is said; that is void when the agent begins anew, and the answer counts. */
const tellOf = (progress: NonNullable<ToolCall["progress"]>) => (event: TaskEvent) =>
  event.type === "token" ? progress(event.content) : undefined

const ask = ({ services, request, id, progress }: ToolCall, agent: string, text: string) =>
  Effect.map(
    askAgent(services, request, {
      agent,
      text,
      task: id ?? randomUUID(),
      told: progress && tellOf(progress),
    }),
    (reply) => replied(reply, request.context.traceId),
  )

const Message = MessageContent.annotate({ description: "What the agent is asked, complete in itself." })

const askShape = toolShape(Schema.Struct({ message: Message }), Reply)

/** The tool of one agent. */
export const agentTool = (name: string, { agent, ...view }: AgentView): Tool =>
  defineTool({
    name,
    title: view.name,
    description: `Asks the agent "${view.name}". ${view.description}`.slice(0, descriptionCharactersMax),
    permission: "agent:execute",
    readOnly: false,
    shape: askShape,
    run: (call, { message }) => ask(call, agent, message),
  })

const linesOf = (agents: ReadonlyArray<Pick<AgentView, "agent" | "name" | "description">>): string =>
  agents.length === 0
    ? "There are none."
    : agents.map(({ agent, name, description }) => `${agent}: ${name}. ${description}`).join("\n")

export const agentTools: ReadonlyArray<Tool> = [
  defineTool({
    name: "list_agents",
    title: "List agents",
    description:
      "Lists the agents that you may ask, by name; `search` looks in names, descriptions and skills.",
    permission: "agent:read",
    readOnly: true,
    shape: toolShape(
      Schema.Struct({
        search: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(200))),
        page: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))),
      }),
      Schema.Struct({ agents: Schema.Array(ShownAgent), total: Schema.Int, page: Schema.Int }),
    ),
    run: ({ request: { identity } }, { search, page = 1 }) =>
      Effect.gen(function* () {
        const index = yield* AgentIndex
        const found = yield* index.list(identity.tenant, agentCallerOf(identity), {
          page,
          limit: listedMax,
          search,
        })
        return {
          text: linesOf(found.rows),
          structured: { agents: found.rows.map(shown), total: found.total, page },
        }
      }),
  }),
  defineTool({
    name: "recommend_agents",
    title: "Recommend agents",
    description: "Finds the agents that suit a task best, best first; none when no agent suits it well.",
    permission: "agent:read",
    readOnly: true,
    shape: toolShape(
      Schema.Struct({
        query: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(2_000)),
        k: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: recommendedMax }))),
      }),
      Schema.Struct({
        recommendations: Schema.Array(
          Schema.Struct({ ...ShownAgent.fields, score: Schema.Finite, reason: Schema.String }),
        ),
      }),
    ),
    run: ({ request: { identity } }, { query, k = 5 }) =>
      Effect.gen(function* () {
        const { recommend } = yield* AgentRecommendations
        const asked = [{ query, k, filters: {} }]
        const [found] = yield* recommend(identity.tenant, agentCallerOf(identity), asked)
        const recommendations = found?.recommendations ?? []
        return {
          text: linesOf(recommendations),
          structured: {
            recommendations: recommendations.map(({ agent, department: _, ...rest }) => ({
              agent_id: agent,
              ...rest,
            })),
          },
        }
      }),
  }),
  defineTool({
    name: "execute_agent",
    title: "Ask any agent",
    description: "Asks an agent by its id, as `list_agents` and `recommend_agents` give it.",
    permission: "agent:execute",
    readOnly: false,
    shape: toolShape(Schema.Struct({ agent_id: AgentView.fields.agent, message: Message }), Reply),
    run: (call, { agent_id, message }) => ask(call, agent_id, message),
  }),
]
