/** The methods `agent.*` of the platform's own protocol over JSON-RPC. Source: seed 0 §3. */
import * as Effect from "effect/Effect"
import type { AgentIndex, TaskIndex } from "../../actors/index.ts"
import { ChatSessionProtocol, frameworkNames, type Permission, type TaskEvent } from "../../schemas/index.ts"
import { usableAgentOf } from "../agent-access.ts"
import { readAgent, registerByAddress } from "../agents/actions.ts"
import { agentBody, agentDetail } from "../agents/bodies.ts"
import { authorize } from "../auth/identity.ts"
import { GatewayError } from "../errors.ts"
import { JsonRpcFailure, jsonRpcCodes } from "../json-rpc-failure.ts"
import { logFailure } from "../request-log.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { readSession } from "../session/access.ts"
import { type AskFailure, askAgent } from "../tasks/ask-agent.ts"
import { replyError } from "../tasks/reply-error.ts"
import { taskKeyOf } from "../tasks/task-key.ts"
import { runTraced } from "../traced.ts"
import { invalidParams, seedFailureOf } from "./seed-errors.ts"
import { decodeSeedParams, isKnownSeedMethod, type SeedMethod } from "./seed-params.ts"

export interface SeedCall {
  readonly method: string
  readonly params: unknown
  /** Of the request; undefined for a notification. */
  readonly id: unknown
  /** Of the address that was called; undefined at the one for all. */
  readonly agent?: string | undefined
  /** Told what an agent says while it says it. */
  readonly told?: (event: TaskEvent) => void
}

/** Shape: seed 0 §3.2. Units: `execution_time` in milliseconds. */
export interface SeedResult {
  readonly status: "success"
  readonly data: Readonly<Record<string, unknown>>
  readonly metadata: { readonly execution_time: number; readonly tokens_used: number }
}

interface Done {
  readonly data: Readonly<Record<string, unknown>>
  readonly executionTimeMs?: number
  readonly tokens?: number
}

interface Calling extends SeedCall {
  readonly services: GatewayServices
  readonly request: GatewayRequest
}

type Doing = Effect.Effect<Done, AskFailure | JsonRpcFailure, AgentIndex | TaskIndex>

const timestamp = (milliseconds: number): string => new Date(milliseconds).toISOString()

const register = ({ services, request, params }: Calling): Doing =>
  Effect.gen(function* () {
    const registration = decodeSeedParams("agent.register", params)
    const { agent } = yield* registerByAddress(services.engine, request, registration)
    const a2aEndpoint = `/api/agents/a2a/execute/${agent}`
    return { data: { agent_id: agent, a2a_endpoint: a2aEndpoint, status: "registered" } }
  })

const status = ({ services, request, params }: Calling): Doing =>
  Effect.gen(function* () {
    const { agent_id } = decodeSeedParams("agent.status", params)
    const view = yield* readAgent(services.engine, request, String(agent_id))
    const { health } = agentDetail(view, undefined)
    return {
      data: {
        agent_id: view.agent,
        name: view.name,
        status: view.status,
        health_status: health.status,
        health,
        is_archived: view.archived,
        running: view.running,
        answered: view.answered,
        failed: view.failed,
        updated_at: timestamp(view.updatedAt),
      },
    }
  })

const capabilities = ({ services, request, params }: Calling): Doing =>
  Effect.gen(function* () {
    const { agent_id } = decodeSeedParams("agent.capabilities", params)
    const view = yield* readAgent(services.engine, request, String(agent_id))
    const { id, name, description, capabilities, skills } = agentBody(view)
    return {
      data: {
        agent_id: id,
        name,
        description,
        framework: frameworkNames[view.framework],
        capabilities,
        skills,
        examples: view.examples ?? [],
        streaming: true,
      },
    }
  })

const execute = (call: Calling): Doing =>
  Effect.gen(function* () {
    const { agent_id, task, context, parameters } = decodeSeedParams("agent.execute", call.params)
    const question = {
      agent: String(agent_id),
      text: task,
      task: taskKeyOf(call.request, call.id),
      context: context?.session_id,
      parameters,
      told: call.told,
    }
    const reply = yield* askAgent(call.services, call.request, question)
    const failed = replyError(reply)
    if (failed !== undefined) return yield* Effect.fail(failed)
    const { agent, text, blocks, plan, tokens, usage, executionTimeMs } = reply
    return {
      data: {
        agent_id: agent,
        task_id: reply.task,
        state: reply.status,
        text,
        blocks,
        ...(plan === undefined ? {} : { plan_id: plan }),
        ...(usage === undefined ? {} : { usage }),
      },
      executionTimeMs,
      tokens: usage === undefined ? tokens : usage.input + usage.output,
    }
  })

const otherAgent = (from: string, has: string) =>
  new GatewayError(409, "CHT_SES_006", "The session is with another agent.", {
    field: "from_agent",
    agent_id: has,
    reason: `it is with "${has}", not with "${from}".`,
  })

const transfer = ({ services, request, params }: Calling): Doing =>
  Effect.gen(function* () {
    const given = decodeSeedParams("agent.transfer", params)
    const { from_agent, to_agent, context, context_policy = "full", messages, summary } = given
    const session = context?.session_id
    if (session === undefined) throw invalidParams("Missing required field: context.session_id")
    const { identity } = request
    const view = yield* readSession(services, identity, session)
    if (view.agent !== String(from_agent))
      return yield* Effect.fail(otherAgent(String(from_agent), view.agent))
    const to = (yield* usableAgentOf(identity, String(to_agent))).agent
    const command = {
      _tag: "Transfer",
      toAgent: to,
      reason: given.reason ?? "asked by the user",
      context: context_policy,
      ...(messages === undefined ? {} : { messages }),
      ...(summary === undefined ? {} : { summary }),
    } as const
    const call = { tenant: identity.tenant, principal: identity.user }
    const moved = yield* services.engine.ask(ChatSessionProtocol, session, command, call)
    const { reason } = command
    return {
      data: { session_id: session, from_agent: moved.from, to_agent: moved.to, reason, context_policy },
    }
  })

const methods: Readonly<Record<SeedMethod, readonly [Permission, (call: Calling) => Doing]>> = {
  "agent.register": ["agent:write", register],
  "agent.execute": ["agent:execute", execute],
  "agent.status": ["agent:read", status],
  "agent.capabilities": ["agent:read", capabilities],
  "agent.transfer": ["chat:use", transfer],
}

/** At an agent's own address it need not be named, and no other one can be. */
const atAgent = ({ agent, params = {}, ...call }: SeedCall): SeedCall => {
  if (agent === undefined || typeof params !== "object" || params === null || Array.isArray(params))
    return { ...call, params }
  const { agent_id: named = agent } = params as { readonly agent_id?: unknown }
  if (String(named) !== agent)
    throw invalidParams(`Invalid field: agent_id: this address is that of ${agent}`)
  return { ...call, params: { ...params, agent_id: agent } }
}

/** Whether a method is of this protocol; others are of the public one. */
export const isSeedMethod = (method: string): boolean => method.startsWith("agent.")

/** Rejects with a `JsonRpcFailure`. */
export const answerSeedMethod = async (
  services: GatewayServices,
  request: GatewayRequest,
  call: SeedCall,
): Promise<SeedResult> => {
  const { method } = call
  try {
    if (!isKnownSeedMethod(method)) throw new JsonRpcFailure(jsonRpcCodes.methodNotFound, "Method not found")
    const [permission, run] = methods[method]
    authorize(request.identity, permission)
    const startedAt = performance.now()
    const doing = Effect.suspend(() => run({ ...atAgent(call), services, request }))
    const { data, executionTimeMs, tokens = 0 } = await runTraced(services, request, `A2A ${method}`, doing)
    const execution_time = Math.round(executionTimeMs ?? performance.now() - startedAt)
    return { status: "success", data, metadata: { execution_time, tokens_used: tokens } }
  } catch (failure) {
    if (!(failure instanceof JsonRpcFailure)) logFailure(services, request, failure)
    throw seedFailureOf(failure)
  }
}
