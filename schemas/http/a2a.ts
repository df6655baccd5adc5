/**
 * The public A2A protocol: cards, JSON-RPC, and the REST binding of both versions, for the default agent and for each one.
 * Bodies and answers are the protocol's own. Source: https://a2a-protocol.org
 */
import * as Schema from "effect/Schema"
import { TaskDelivery } from "../task.ts"
import { Id, textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"

const permission = "agent:execute"
const agent = { agent: Id }
const text = textOf(300)
const optionalText = Schema.optionalKey(textOf(1_000))
const errors = ["AGT_REG_001", "AGT_REG_004", "AGT_AUTH_001", "TSK_LIM_003"]

const listQuery = {
  tenant: optionalText,
  contextId: optionalText,
  status: optionalText,
  pageSize: optionalText,
  pageToken: optionalText,
  historyLength: optionalText,
  statusTimestampAfter: optionalText,
  includeArtifacts: optionalText,
  /** Names as 0.3 spells them. */
  context_id: optionalText,
  page_size: optionalText,
  page_token: optionalText,
  history_length: optionalText,
  include_artifacts: optionalText,
}
const getQuery = { tenant: optionalText, historyLength: optionalText, history_length: optionalText }
const stream = { rate: "stream", media: "text/event-stream", status: 200 } as const
/** Bodies, answers and errors are the protocol's. */
const protocol = "A2A"

const said = { messageId: "m-1", role: "ROLE_USER" }
const parts = [{ text: "what can you do?" }]
/** What may be sent, in each version. */
const examples = {
  "1.0": {
    message: { message: { ...said, parts } },
    receiver: { url: "https://receiver.example/a2a", token: "known to both" },
  },
  "0.3": {
    message: { message: { ...said, content: parts } },
    receiver: { pushNotificationConfig: { url: "https://receiver.example/a2a", token: "known to both" } },
  },
} as const
const callExample = {
  jsonrpc: "2.0",
  id: 1,
  method: "SendMessage",
  params: examples["1.0"].message,
} as const

interface Place {
  /** Of the operations' names. */
  readonly id: string
  readonly path: string
  readonly whose: string
  readonly version: keyof typeof examples
}

// biome-ignore lint/complexity/noBannedTypes: no parameters
type None = {}

/** The operations of the REST binding at one address; `:operation` is a task's id, with `:cancel` or `:subscribe` after it. */
const restOf = <const P extends Schema.Struct.Fields = None>(
  { id, path, whose, version }: Place,
  params: P,
) => {
  const { message, receiver } = examples[version]
  const task = { ...params, task: text }
  const operation = { ...params, operation: text }
  const config = { ...task, config: text }
  const common = { protocol, permission, errors, status: 200, timeLimit: "own" } as const
  return {
    send: endpoint({
      ...common,
      id: `${id}.send`,
      method: "POST",
      path: `${path}/message:send`,
      summary: `Give ${whose} a message; the answer is its task.`,
      rate: "model-call",
      params,
      example: message,
    }),
    stream: endpoint({
      ...common,
      ...stream,
      id: `${id}.stream`,
      method: "POST",
      path: `${path}/message:stream`,
      summary: `Give ${whose} a message; its task is answered as an event stream.`,
      params,
      example: message,
    }),
    list: endpoint({
      ...common,
      id: `${id}.tasks.list`,
      method: "GET",
      path: `${path}/tasks`,
      summary: `One's own tasks of ${whose}, the newest change first.`,
      params,
      query: listQuery,
    }),
    get: endpoint({
      ...common,
      id: `${id}.tasks.get`,
      method: "GET",
      path: `${path}/tasks/:operation`,
      summary:
        "One of one's own tasks; with `:subscribe` after its id, what happens to it as an event stream.",
      params: operation,
      query: getQuery,
    }),
    act: endpoint({
      ...common,
      id: `${id}.tasks.act`,
      method: "POST",
      path: `${path}/tasks/:operation`,
      summary: "Cancel a task (`:cancel` after its id), or follow it as an event stream (`:subscribe`).",
      params: operation,
    }),
    createConfig: endpoint({
      ...common,
      status: 201,
      id: `${id}.pushConfigs.create`,
      method: "POST",
      path: `${path}/tasks/:task/pushNotificationConfigs`,
      summary: "Have changes of a task reported to an address.",
      params: task,
      example: receiver,
    }),
    listConfigs: endpoint({
      ...common,
      id: `${id}.pushConfigs.list`,
      method: "GET",
      path: `${path}/tasks/:task/pushNotificationConfigs`,
      summary: "Where changes of a task are reported.",
      params: task,
      query: { tenant: optionalText, pageSize: optionalText, pageToken: optionalText },
    }),
    getConfig: endpoint({
      ...common,
      id: `${id}.pushConfigs.get`,
      method: "GET",
      path: `${path}/tasks/:task/pushNotificationConfigs/:config`,
      summary: "One address that changes of a task are reported to.",
      params: config,
      query: { tenant: optionalText },
    }),
    deleteConfig: endpoint({
      ...common,
      status: 204,
      id: `${id}.pushConfigs.delete`,
      method: "DELETE",
      path: `${path}/tasks/:task/pushNotificationConfigs/:config`,
      summary: "Report changes of a task to an address no more.",
      params: config,
    }),
  }
}

const publicCardOf = (id: string, path: string) =>
  endpoint({
    id,
    method: "GET",
    path,
    summary: "The default agent's card, for everybody.",
    permission: "public",
    protocol,
    status: 200,
  })

const cardOf = (id: string, path: string) =>
  endpoint({
    id,
    method: "GET",
    path,
    summary: "The default agent's card as those who are logged in see it, with the agents that one may use.",
    permission,
    protocol,
    status: 200,
    query: { tenant: optionalText },
  })

const agentCardOf = (id: string, path: string) =>
  endpoint({
    id,
    method: "GET",
    path,
    summary: "An agent's card as those see it who may use it.",
    permission,
    protocol,
    errors,
    status: 200,
    params: agent,
    query: { tenant: optionalText },
  })

const perAgent = "/a2a/agents/:agent"

export const a2aEndpoints = {
  card: publicCardOf("a2a.card", "/.well-known/agent-card.json"),
  /** Where 0.3 looks for them, seen from the address of JSON-RPC; and that address itself, for people. */
  cardHere: publicCardOf("a2a.cardHere", "/a2a"),
  cardBeside: publicCardOf("a2a.cardBeside", "/a2a/.well-known/agent-card.json"),
  extendedCardBeside: cardOf("a2a.extendedCardBeside", "/a2a/v1/card"),
  agentCard: agentCardOf("a2a.agents.card", `${perAgent}/.well-known/agent-card.json`),
  agentExtendedCardBeside: agentCardOf("a2a.agents.extendedCardBeside", `${perAgent}/v1/card`),
  call: endpoint({
    id: "a2a.call",
    method: "POST",
    path: "/a2a",
    summary:
      "JSON-RPC: the public protocol to the default agent, and the methods agent.* to any. One call, or a batch of them.",
    permission: "login",
    protocol,
    example: callExample,
    rate: "model-call",
    status: 200,
    timeLimit: "own",
  }),
  callAgent: endpoint({
    id: "a2a.agents.call",
    method: "POST",
    path: perAgent,
    summary: "JSON-RPC: the public protocol to one agent, and the methods agent.* to it.",
    permission,
    protocol,
    example: callExample,
    rate: "model-call",
    status: 200,
    timeLimit: "own",
    params: agent,
    errors,
  }),
  extendedCard: cardOf("a2aRest.card.extended", "/extendedAgentCard"),
  extendedCardV03: cardOf("a2aRestV03.card.extended", "/v1/card"),
  agentExtendedCard: agentCardOf("a2aAgents.card.extended", `${perAgent}/rest/extendedAgentCard`),
  agentExtendedCardV03: agentCardOf("a2aAgentsV03.card.extended", `${perAgent}/rest/v1/card`),
  deliveries: endpoint({
    id: "a2a.deliveries.list",
    method: "GET",
    path: "/api/agents/tasks/:task/deliveries",
    summary: "What was reported of a task to whom, and what came of it; the newest first.",
    permission,
    params: { task: text },
    answer: Schema.Struct({ deliveries: Schema.Array(TaskDelivery), waiting: Schema.Int }),
    errors: ["TSK_TASK_001"],
  }),
} as const

/** Of the default agent, at the addresses that name none. */
export const a2aRestEndpoints = {
  "1.0": restOf({ id: "a2aRest", path: "", whose: "the default agent", version: "1.0" }, {}),
  "0.3": restOf({ id: "a2aRestV03", path: "/v1", whose: "the default agent", version: "0.3" }, {}),
} as const

export const a2aAgentRestEndpoints = {
  "1.0": restOf({ id: "a2aAgents", path: `${perAgent}/rest`, whose: "an agent", version: "1.0" }, agent),
  "0.3": restOf(
    { id: "a2aAgentsV03", path: `${perAgent}/rest/v1`, whose: "an agent", version: "0.3" },
    agent,
  ),
} as const
