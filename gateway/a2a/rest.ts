/** The REST binding of the public protocol, in either version. Source: A2A 1.0 §11, A2A 0.3.0 §3.2.3. */
import {
  AgentCard,
  ListTaskPushNotificationConfigsResponse,
  ListTasksResponse,
  SendMessageRequest,
  StreamResponse,
  Task,
  TaskPushNotificationConfig,
  TaskState,
  taskStateFromJSON,
} from "@a2a-js/sdk"
import { toLegacyHTTPError } from "@a2a-js/sdk/compat/v0_3/server"
import { restStatusFor, toRestErrorBody } from "@a2a-js/sdk/errors"
import { json } from "../answers.ts"
import { readObject } from "../http/body.ts"
import { responseHeaders } from "../request-context.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { a2aErrorOf, malformed, notFound } from "./failure.ts"
import * as v03 from "./rest-v03.ts"
import { streamEvents } from "./sse.ts"
import { TaskHandler } from "./task-handler.ts"
import { namedVersion, type Version } from "./versions.ts"

/** What differs between the versions on the wire. */
const bindings = {
  "1.0": {
    sendIn: (body: unknown) => SendMessageRequest.fromJSON(body),
    pushConfigIn: (body: unknown, taskId: string) =>
      TaskPushNotificationConfig.fromJSON({ ...(body as object), taskId }),
    taskOut: (task: Task): unknown => Task.toJSON(task),
    eventOut: (event: StreamResponse): unknown => StreamResponse.toJSON(event),
    pushConfigOut: (config: TaskPushNotificationConfig): unknown => TaskPushNotificationConfig.toJSON(config),
    cardOut: (card: AgentCard): unknown => AgentCard.toJSON(card),
    errorOut: (failure: unknown, status: number): unknown => toRestErrorBody(a2aErrorOf(failure), status),
  },
  "0.3": {
    ...v03,
    errorOut: (failure: unknown): unknown => toLegacyHTTPError(a2aErrorOf(failure)),
  },
} as const

/** Where the protocol's table differs from its library's. Source: A2A 1.0 §5.4. */
const statuses: Readonly<Record<string, number>> = {
  TASK_NOT_CANCELABLE: 409,
  CONTENT_TYPE_NOT_SUPPORTED: 415,
}

const statusOf = (failure: unknown): number => {
  const error = a2aErrorOf(failure)
  const status = statuses[error.reason] ?? restStatusFor(error)
  // What the protocol has no word for keeps the gateway's own status, which its error carries along.
  const own = Number(error.metadata?.status ?? status)
  return status === 500 && Number.isInteger(own) ? own : status
}

type Query = Readonly<Record<string, string | undefined>>

const spelled = (query: Query): Query =>
  Object.fromEntries(Object.entries(query).map(([name, value]) => [v03.camel(name), value]))

const countIn = (field: string, value: string | undefined): number | undefined => {
  if (value === undefined || value === "") return undefined
  if (!/^-?\d{1,9}$/.test(value)) throw malformed(field, "has to be a whole number")
  return Number(value)
}

const stateIn = (value = ""): TaskState => {
  if (value === "") return TaskState.TASK_STATE_UNSPECIFIED
  const state = taskStateFromJSON(value)
  if (state === TaskState.UNRECOGNIZED) throw malformed("status", "is no state of a task")
  return state
}

/** One request to one address. `agent`: undefined at the address of the default one. */
export class RestCall {
  readonly #services: GatewayServices
  readonly #request: GatewayRequest
  readonly #version: Version
  readonly #agent: string | undefined
  readonly #abort = new AbortController()

  constructor(
    services: GatewayServices,
    request: GatewayRequest,
    at: { readonly version: Version; readonly agent: string | undefined },
  ) {
    this.#services = services
    this.#request = request
    this.#version = at.version
    this.#agent = at.agent
    request.http.env.outgoing.once("close", () => this.#abort.abort())
  }

  get #wire() {
    return bindings[this.#version]
  }

  #json(status: number, body: unknown): Response {
    return json(this.#request.context, status, body)
  }

  #failed(failure: unknown): Response {
    const status = statusOf(failure)
    return this.#json(status, this.#wire.errorOut(failure, status))
  }

  /** The path says which version it is; a header that says another one is refused, for one that is not spoken at all. */
  async #answer(work: (handler: TaskHandler) => Promise<Response>): Promise<Response> {
    try {
      namedVersion(this.#request)
      const endpoint = { agent: this.#agent, version: this.#version }
      return await work(new TaskHandler(this.#services, this.#request, endpoint, this.#abort.signal))
    } catch (failure) {
      return this.#failed(failure)
    }
  }

  #body(): Promise<unknown> {
    const { bodyBytesMax, bodyDepthMax } = this.#services.limits
    return readObject(this.#request.http.env.incoming, bodyBytesMax, bodyDepthMax)
  }

  #stream(events: AsyncGenerator<StreamResponse, void, undefined>): Promise<Response> {
    const { eventOut, errorOut } = this.#wire
    const shaped = async function* () {
      for await (const event of events) yield eventOut(event)
    }
    return streamEvents(this.#services, this.#request, shaped(), {
      failed: (failure) => errorOut(failure, statusOf(failure)),
      abort: this.#abort,
    })
  }

  send(): Promise<Response> {
    return this.#answer(async (handler) => {
      const task = await handler.sendMessage(this.#wire.sendIn(await this.#body()))
      return this.#json(200, { task: this.#wire.taskOut(task) })
    })
  }

  stream(): Promise<Response> {
    return this.#answer(async (handler) =>
      this.#stream(handler.sendMessageStream(this.#wire.sendIn(await this.#body()))),
    )
  }

  /** A task, or with `:subscribe` its stream. */
  get(name: string, query: Query): Promise<Response> {
    const { historyLength } = spelled(query)
    return this.#answer(async (handler) => {
      const [, task, action] = /^(.*):(subscribe)$/u.exec(name) ?? [undefined, name, undefined]
      if (action !== undefined) return this.#stream(handler.resubscribe({ tenant: "", id: task! }))
      const length = countIn("historyLength", historyLength)
      const asked = { tenant: "", id: task!, ...(length === undefined ? {} : { historyLength: length }) }
      return this.#json(200, this.#wire.taskOut(await handler.getTask(asked)))
    })
  }

  /** `:cancel` and `:subscribe`. */
  act(name: string): Promise<Response> {
    return this.#answer(async (handler) => {
      const [, task, action] = /^(.*):([a-z]+)$/u.exec(name) ?? []
      if (task === undefined) throw notFound(name)
      if (action === "subscribe") return this.#stream(handler.resubscribe({ tenant: "", id: task }))
      if (action !== "cancel") throw malformed("action", "is none that a task has")
      const canceled = await handler.cancelTask({ tenant: "", id: task, metadata: undefined })
      return this.#json(200, this.#wire.taskOut(canceled))
    })
  }

  list(asked: Query): Promise<Response> {
    const query = spelled(asked)
    return this.#answer(async (handler) => {
      const [pageSize, historyLength] = [
        countIn("pageSize", query.pageSize),
        countIn("historyLength", query.historyLength),
      ]
      const includeArtifacts = query.includeArtifacts === "true"
      const found = await handler.listTasks({
        tenant: "",
        contextId: query.contextId ?? "",
        status: stateIn(query.status),
        pageSize,
        pageToken: query.pageToken ?? "",
        historyLength,
        statusTimestampAfter: query.statusTimestampAfter,
        includeArtifacts,
      })
      const { tasks: _, ...page } = ListTasksResponse.toJSON(found) as { readonly tasks?: unknown }
      const tasks = found.tasks.map((task) => {
        const json = this.#wire.taskOut(task) as object
        return includeArtifacts ? { artifacts: [], ...json } : json
      })
      return this.#json(200, { nextPageToken: "", totalSize: 0, ...page, tasks })
    })
  }

  createConfig(taskId: string): Promise<Response> {
    return this.#answer(async (handler) => {
      const config = this.#wire.pushConfigIn(await this.#body(), taskId)
      const created = await handler.createTaskPushNotificationConfig(config)
      return this.#json(201, this.#wire.pushConfigOut(created))
    })
  }

  getConfig(taskId: string, id: string): Promise<Response> {
    return this.#answer(async (handler) => {
      const config = await handler.getTaskPushNotificationConfig({ tenant: "", taskId, id })
      return this.#json(200, this.#wire.pushConfigOut(config))
    })
  }

  listConfigs(taskId: string): Promise<Response> {
    return this.#answer(async (handler) => {
      const asked = { tenant: "", taskId, pageSize: 0, pageToken: "" }
      const found = await handler.listTaskPushNotificationConfigs(asked)
      if (this.#version === "1.0")
        return this.#json(200, {
          configs: [],
          ...(ListTaskPushNotificationConfigsResponse.toJSON(found) as object),
        })
      return this.#json(200, { configs: found.configs.map((config) => this.#wire.pushConfigOut(config)) })
    })
  }

  deleteConfig(taskId: string, id: string): Promise<Response> {
    return this.#answer(async (handler) => {
      await handler.deleteTaskPushNotificationConfig({ tenant: "", taskId, id })
      return new Response(null, { status: 204, headers: responseHeaders(this.#request.context) })
    })
  }

  extendedCard(): Promise<Response> {
    return this.#answer(async (handler) =>
      this.#json(200, this.#wire.cardOut(await handler.getAuthenticatedExtendedAgentCard())),
    )
  }
}
