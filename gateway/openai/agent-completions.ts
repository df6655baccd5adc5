/**
 * Agents as models for OpenAI's clients: `agent:<id>` is asked with the last message, and knows the ones before it. Its
 * answer is a task like any other; a client of this protocol cannot come back for it, so that leaving cancels it.
 */
import * as Effect from "effect/Effect"
import { AgentIndex } from "../../actors/index.ts"
import type { AgentView, TaskEvent } from "../../schemas/index.ts"
import { agentCallerOf } from "../agent-access.ts"
import { authorize } from "../auth/identity.ts"
import { GatewayError } from "../errors.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { type DeliverChoices, streamCompletion } from "../sse/completion-stream.ts"
import { type AgentReply, askAgent } from "../tasks/ask-agent.ts"
import { replyError } from "../tasks/reply-error.ts"
import { taskKeyOf } from "../tasks/task-key.ts"
import { runTraced } from "../traced.ts"
import { type CompletionBody, questionOf } from "./completion-question.ts"

const prefix = "agent:"
const listPage = 100

const modelOf = (agent: string): string => prefix + agent

/** Undefined for the name of a model. */
export const agentOfModel = (model: string): string | undefined =>
  model.startsWith(prefix) ? model.slice(prefix.length) : undefined

export const listedAgent = ({ agent, owner, registeredAt }: AgentView) => ({
  id: modelOf(agent),
  object: "model" as const,
  created: Math.floor(registeredAt / 1_000),
  owned_by: owner ?? "millrace",
})

/** Those that the caller may use, at most `max`. */
export const listAgents = Effect.fnUntraced(function* ({ identity }: GatewayRequest, max: number) {
  const { list } = yield* AgentIndex
  const agents: Array<AgentView> = []
  for (let page = 1; agents.length < max; page++) {
    const { rows, total } = yield* list(identity.tenant, agentCallerOf(identity), { page, limit: listPage })
    agents.push(...rows)
    if (rows.length === 0 || agents.length >= total) break
  }
  return agents.slice(0, max).map(listedAgent)
})

/** Models are counted in tokens; of an agent without one there is only the number of pieces that it said. */
const usageOf = ({ usage, tokens }: AgentReply) => {
  const [input, output] = usage === undefined ? [0, tokens] : [usage.input, usage.output]
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}

const answered = (reply: AgentReply): Effect.Effect<AgentReply, GatewayError> => {
  const failure = replyError(reply)
  return failure === undefined ? Effect.succeed(reply) : Effect.fail(failure)
}

const startedAnew = () =>
  new GatewayError(502, "AGT_ANS_003", "The agent began anew, and what it said before is void; ask again.")

const choice = (delta: object, finish: "stop" | null = null) => [
  { index: 0, delta, logprobs: null, finish_reason: finish },
]

/** Tells pieces in the name of the agent that says them. What was sent cannot be taken back. */
const teller = (asked: string, deliver: DeliverChoices) => {
  let agent = asked
  let sent = 0
  const told = (event: TaskEvent): void | Promise<void> => {
    if (event.type === "transfer") agent = event.to
    if (event.type === "restart" && event.index < sent) throw startedAnew()
    if (event.type !== "token") return
    const delta = sent === 0 ? { role: "assistant", content: event.content } : { content: event.content }
    sent = event.index + 1
    return Effect.runPromise(deliver(modelOf(agent), choice(delta)))
  }
  return told
}

/** Errors: 400 `GTW_BODY_006`; those of `usableAgentOf`; 502 `AGT_ANS_001`, `AGT_ANS_003`; 409 `AGT_ANS_002`. */
export const completeByAgent = async (
  services: GatewayServices,
  request: GatewayRequest,
  { agent, body }: { readonly agent: string; readonly body: CompletionBody },
) => {
  authorize(request.identity, "agent:execute")
  const { text, history } = questionOf(body, Date.now())
  const task = taskKeyOf(request)
  const question = { agent, text, task, history }
  const shape = { id: `chatcmpl-${task}`, created: Math.floor(Date.now() / 1_000) }
  if (body.stream === true) {
    const work = (deliver: DeliverChoices) =>
      Effect.gen(function* () {
        const told = teller(agent, deliver)
        const reply = yield* Effect.flatMap(askAgent(services, request, { ...question, told }), answered)
        const model = modelOf(reply.agent)
        yield* deliver(model, choice({}, "stop"))
        return { model, usage: usageOf(reply) }
      })
    const withUsage = body.stream_options?.include_usage === true
    return streamCompletion(services, request, { ...shape, withUsage, permission: "agent:execute", work })
  }
  const asking = Effect.flatMap(askAgent(services, request, question), answered)
  const reply = await runTraced(services, request, "POST /v1/chat/completions", asking)
  const message = { role: "assistant", content: reply.text, refusal: null }
  return {
    ...shape,
    object: "chat.completion" as const,
    model: modelOf(reply.agent),
    choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
    usage: usageOf(reply),
  }
}
