/** The tools that look something up: each as whoever asks, and for nobody else. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { ActivityFailure } from "../../../../engine/index.ts"
import {
  AgentProtocol,
  type AgentTool,
  type Execution,
  everyPermission,
  Id,
  OpsPlanProtocol,
  type Permission,
  questionCharactersMax,
} from "../../../../schemas/index.ts"
import { type AgentCaller, holds } from "../../access.ts"
import type { AnswerCall } from "../../framework.ts"
import { askFailed, usableAgent } from "../../usable.ts"
import { opsAgent } from "../guide.ts"
import { alertLine, planTimeoutMs, recentAlerts as readAlerts, textOf } from "../ops.ts"
import { type Tool, told } from "./tool.ts"

export const recommendedAgentsMax = 5
/** Agents that have asked one another, one after the other; the last of them asks nobody. */
export const askedByMax = 2
const taskCharactersMax = 8_000

const newPlan = Effect.map(
  Effect.all([Random.nextInt, Random.nextInt, Random.nextInt]),
  (numbers) => `plan-${numbers.map((number) => Math.abs(number).toString(36)).join("-")}`,
)

const opsQuestion = ({ engine, tenant, caller }: AnswerCall): Tool => ({
  name: "ops_question",
  description:
    "Answers one question about the machines from their measurements, such as: average CPU usage of web-1 over the last hour.",
  arguments: {
    question: { description: "The question, complete in itself.", charactersMax: questionCharactersMax },
  },
  run: Effect.fnUntraced(function* ({ question = "" }) {
    yield* usableAgent(engine, tenant, opsAgent, caller)
    const plan = yield* newPlan
    const { blocks } = yield* engine
      .ask(
        OpsPlanProtocol,
        plan,
        { _tag: "Ask", question },
        {
          tenant,
          timeoutMs: planTimeoutMs,
          ...(caller === undefined ? {} : { principal: caller.user }),
        },
      )
      .pipe(Effect.mapError(askFailed))
    return { _tag: "Told", text: textOf(blocks), plan }
  }),
})

const recentAlerts = (call: AnswerCall): Tool => ({
  name: "recent_alerts",
  description: "The newest alerts that rules have raised and resolved.",
  arguments: {},
  run: Effect.fnUntraced(function* () {
    const alerts = yield* readAlerts(call)
    return told(alerts.length === 0 ? "No rule has reported an alert." : alerts.map(alertLine).join("\n"))
  }),
})

type Recommending = Pick<AnswerCall, "platform" | "tenant"> & { readonly caller: AgentCaller | undefined }

/** What nobody asked for sees every agent. */
const platformItself: AgentCaller = {
  user: "system",
  department: undefined,
  groups: [],
  permissions: new Set([everyPermission]),
  isAdministrator: true,
}

const recommendAgents = ({ platform, tenant, caller = platformItself }: Recommending): Tool => ({
  name: "recommend_agents",
  description: "Finds agents that are good at something.",
  arguments: { task: { description: "What has to be done.", charactersMax: 1_000 } },
  run: Effect.fnUntraced(function* ({ task = "" }) {
    const [found] = yield* platform.recommendations
      .recommend(tenant, caller, [{ query: task, k: recommendedAgentsMax, filters: {} }])
      .pipe(
        Effect.mapError(
          (error) =>
            new ActivityFailure({
              code: error._tag === "Refused" ? error.code : "IndexUnavailable",
              detail: error._tag === "Refused" ? error.text : "the index of agents did not answer",
              retryable: false,
            }),
        ),
      )
    const lines = (found?.recommendations ?? []).map(
      ({ agent, name, description, score }) =>
        `${agent} (${name}, ${score.toFixed(2)}): ${description.slice(0, 300)}`,
    )
    return told(lines.length === 0 ? "No agent is a good match." : lines.join("\n"))
  }),
})

/** Who asked whom until now. What a caller from outside puts there can only make the chain longer. */
const askedBy = ({ question }: AnswerCall): ReadonlyArray<unknown> => {
  const chain = question.parameters?.asked_by
  return Array.isArray(chain) ? chain : []
}

const executionText = (agent: string, { status, text, toAgent, code }: Execution): string => {
  switch (status) {
    case "success":
      return text
    case "handover":
      return `${agent} says that ${toAgent} is the one to ask: ${text}`
    case "failed":
      return `${agent} failed (${code ?? "unknown"}): ${text}`
  }
}

const askAgent = (call: AnswerCall): Tool => ({
  name: "ask_agent",
  description: "Gives another agent a task and gets its answer. It knows nothing of this conversation.",
  arguments: {
    agent: { description: "The agent's id.", charactersMax: 128 },
    task: { description: "The task, complete in itself.", charactersMax: taskCharactersMax },
  },
  run: Effect.fnUntraced(function* ({ agent = "", task = "" }) {
    const { engine, tenant, caller, view, question } = call
    const chain = [...askedBy(call), view.agent]
    if (!Schema.is(Id)(agent)) return told("There is no such agent.")
    if (chain.includes(agent)) return told(`${agent} is waiting for this answer itself; ask another agent.`)
    yield* usableAgent(engine, tenant, agent, caller)
    const execution = yield* engine
      .ask(
        AgentProtocol,
        agent,
        {
          _tag: "Execute",
          task,
          parameters: { asked_by: chain },
          ...(question.scopes === undefined ? {} : { scopes: question.scopes }),
        },
        {
          tenant,
          timeoutMs: planTimeoutMs,
          ...(caller === undefined ? {} : { principal: caller.user }),
        },
      )
      .pipe(Effect.mapError(askFailed))
    return told(executionText(agent, execution))
  }),
})

/** Each asks for the right that its route asks for. */
const tools: Readonly<
  Record<AgentTool, { readonly permission: Permission; readonly of: (call: AnswerCall) => Tool }>
> = {
  ops_question: { permission: "ops:ask", of: opsQuestion },
  recent_alerts: { permission: "cep:read", of: recentAlerts },
  recommend_agents: { permission: "agent:read", of: recommendAgents },
  ask_agent: { permission: "agent:execute", of: askAgent },
}

/** What whoever asks may not do is not offered, and is no tool when the model calls it all the same. */
export const readingToolsFor = (call: AnswerCall): ReadonlyArray<Tool> =>
  [...new Set(call.view.llm?.tools ?? [])]
    .filter((name) => name !== "ask_agent" || askedBy(call).length < askedByMax)
    .filter((name) => call.caller === undefined || holds(call.caller, tools[name].permission))
    .map((name) => tools[name].of(call))
