/** A remote A2A agent on the protocol's own server parts, behind a scripted server: what it does is up to the test. */
import { type Artifact, type Message, type Part, Role, type Task, TaskState } from "@a2a-js/sdk"
import { LegacyJsonRpcTransportHandler } from "@a2a-js/sdk/compat/v0_3/server"
import {
  AgentEvent,
  DefaultRequestHandler,
  type ExecutionEventBus,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  type RequestContext,
  ServerCallContext,
} from "@a2a-js/sdk/server"
import { assumedCard } from "../../../actors/agent/frameworks/a2a/card.ts"
import { json, type ScriptedServer } from "../../support/scripted-server.ts"

export type Version = "1.0" | "0.3"

export interface A2aAgent {
  readonly version: Version
  readonly streaming: boolean
  readonly execute: (says: Says, context: RequestContext) => Promise<void> | void
  /** Where the card is; `null`: nowhere. */
  readonly card?: string | null
}

/** A file's content, besides text and data. */
export type FileContent = Extract<Part["content"], { $case: "url" | "raw" }>
const isFile = (value: unknown): value is FileContent =>
  typeof value === "object" && value !== null && "$case" in value

const part = (value: unknown): Part => {
  if (isFile(value))
    return { content: value, metadata: undefined, filename: "out.txt", mediaType: "text/plain" }
  const content =
    typeof value === "string" ? { $case: "text" as const, value } : { $case: "data" as const, value }
  return { content, metadata: undefined, filename: "", mediaType: "" }
}

/** What an agent can tell, in the order in which it does. */
export class Says {
  readonly bus: ExecutionEventBus
  readonly context: RequestContext
  #messages = 0

  constructor(bus: ExecutionEventBus, context: RequestContext) {
    this.bus = bus
    this.context = context
  }

  message(...values: ReadonlyArray<unknown>): Message {
    this.#messages += 1
    const { contextId, taskId } = this.context
    return {
      messageId: `${taskId}-${this.#messages}`,
      contextId,
      taskId,
      role: Role.ROLE_AGENT,
      parts: values.map(part),
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    }
  }
  reply(...values: ReadonlyArray<unknown>): void {
    this.bus.publish(AgentEvent.message({ ...this.message(...values), taskId: "" }))
  }
  task(): void {
    const { contextId, taskId: id, task } = this.context
    const begun: Task = task ?? {
      id,
      contextId,
      status: { state: TaskState.TASK_STATE_SUBMITTED, message: undefined, timestamp: undefined },
      artifacts: [],
      history: [],
      metadata: undefined,
    }
    this.bus.publish(AgentEvent.task(begun))
  }
  artifact(artifactId: string, append: boolean, ...values: ReadonlyArray<unknown>): void {
    const { contextId, taskId } = this.context
    const artifact: Artifact = {
      artifactId,
      name: "",
      description: "",
      parts: values.map(part),
      metadata: undefined,
      extensions: [],
    }
    this.bus.publish(
      AgentEvent.artifactUpdate({
        taskId,
        contextId,
        artifact,
        append,
        lastChunk: false,
        metadata: undefined,
      }),
    )
  }
  status(state: TaskState, ...values: ReadonlyArray<unknown>): void {
    const { contextId, taskId } = this.context
    const message = values.length === 0 ? undefined : this.message(...values)
    const status = { state, message, timestamp: undefined }
    this.bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status, metadata: undefined }))
  }
}

const cardOf = (url: string, { version, streaming }: A2aAgent): unknown =>
  version === "1.0"
    ? { ...assumedCard(new URL(url), version), name: "Remote", capabilities: { streaming } }
    : {
        protocolVersion: "0.3.0",
        name: "Remote",
        description: "",
        url,
        preferredTransport: "JSONRPC",
        version: "1",
        capabilities: { streaming },
        defaultInputModes: ["text/plain"],
        defaultOutputModes: ["text/plain"],
        skills: [],
      }

const isStream = (answer: unknown): answer is AsyncIterable<unknown> =>
  typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer

/** Has the server answer as this agent. Gives the ids of tasks that it was asked to cancel. */
export const serveA2a = (server: ScriptedServer, agent: A2aAgent): { readonly cancelled: Array<string> } => {
  const cancelled: Array<string> = []
  const url = `${server.url}/rpc`
  const ofHandler = {
    ...assumedCard(new URL(url), agent.version),
    capabilities: {
      streaming: agent.streaming,
      pushNotifications: false,
      extensions: [],
      extendedAgentCard: false,
    },
  }
  const handler = new DefaultRequestHandler(ofHandler, new InMemoryTaskStore(), {
    execute: async (context, bus) => {
      await agent.execute(new Says(bus, context), context)
      bus.finished()
    },
    cancelTask: async (taskId) => void cancelled.push(taskId),
  })
  const rpc =
    agent.version === "1.0"
      ? new JsonRpcTransportHandler(handler)
      : new LegacyJsonRpcTransportHandler(handler)
  const { card = "/.well-known/agent-card.json" } = agent
  server.answer = async ({ method, path, body }, response) => {
    if (method === "GET")
      return path === card ? json(response, 200, cardOf(url, agent)) : json(response, 404, {})
    const context = new ServerCallContext({ requestedVersion: agent.version })
    const answer = await rpc.handle(JSON.parse(body), context)
    if (!isStream(answer)) return json(response, 200, answer)
    response.writeHead(200, { "content-type": "text/event-stream" })
    for await (const event of answer) response.write(`data: ${JSON.stringify(event)}\n\n`)
    response.end()
  }
  return { cancelled }
}

/** Answers the card, and each call with what the test gives. */
export const scriptA2a = (
  server: ScriptedServer,
  agent: Pick<A2aAgent, "version" | "streaming">,
  answer: ScriptedServer["answer"],
): void => {
  server.answer = (asked, response) =>
    // Another agent's check of health at the same server is no call.
    asked.method !== "POST"
      ? json(response, 200, cardOf(`${server.url}/rpc`, { ...agent, execute: () => {} }))
      : answer(asked, response)
}

/** Results of one call in JSON-RPC. */
export const resultsOf = (body: string, ...results: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  results.map((result) => ({ jsonrpc: "2.0", id: JSON.parse(body).id, result }))
