/**
 * What the public protocol asks for, done by the durable tasks: for one caller, and for one agent or the default one.
 * Every method checks whose task it is; another user's task is none.
 */
import type {
  AgentCard,
  CancelTaskRequest,
  DeleteTaskPushNotificationConfigRequest,
  GetTaskPushNotificationConfigRequest,
  GetTaskRequest,
  ListTaskPushNotificationConfigsRequest,
  ListTaskPushNotificationConfigsResponse,
  ListTasksRequest,
  ListTasksResponse,
  SendMessageRequest,
  StreamResponse,
  SubscribeToTaskRequest,
  Task,
  TaskPushNotificationConfig,
} from "@a2a-js/sdk"
import { UnsupportedOperationError } from "@a2a-js/sdk/errors"
import type { A2ARequestHandler } from "@a2a-js/sdk/server"
import * as Effect from "effect/Effect"
import { AgentIndex, TaskIndex, wireTask } from "../../actors/index.ts"
import { Secrets } from "../../resources/index.ts"
import { isEnded, TaskProtocol, type TaskView } from "../../schemas/index.ts"
import { agentCallerOf, usableAgentOf } from "../agent-access.ts"
import { scopesOf } from "../auth/identity.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayNeeds, GatewayServices } from "../services.ts"
import { openTask } from "../tasks/open-task.ts"
import { ownTask } from "../tasks/own-task.ts"
import { followTask } from "../tasks/task-feed.ts"
import { isTaskId } from "../tasks/task-id.ts"
import { runTraced } from "../traced.ts"
import { agentCard, defaultAgent, extendedCard, publicCard } from "./card.ts"
import { a2aErrorOf, cancelErrorOf, malformed, notFound, requireCount } from "./failure.ts"
import { saidIn } from "./message.ts"
import { pushOf, shownConfig } from "./push-configs.ts"
import { listTasks, rowOf } from "./task-list.ts"
import { streamTask } from "./task-stream.ts"
import type { Endpoint } from "./versions.ts"

/** Who waits longer for the end of its task is given it as it is. */
const waitMsMax = 10 * 60_000
const extendedAgentsMax = 50

interface Begun {
  readonly view: TaskView
  readonly turn: number
  readonly after: number
}

export class TaskHandler implements A2ARequestHandler {
  readonly #services: GatewayServices
  readonly #request: GatewayRequest
  readonly #endpoint: Endpoint
  /** Ends what waits or streams; never the task. */
  readonly #signal: AbortSignal

  constructor(services: GatewayServices, request: GatewayRequest, endpoint: Endpoint, signal: AbortSignal) {
    this.#services = services
    this.#request = request
    this.#endpoint = endpoint
    this.#signal = signal
  }

  get #agent(): string {
    return this.#endpoint.agent ?? defaultAgent
  }

  get #tenant(): string {
    return this.#request.identity.tenant
  }

  async #run<A>(
    method: string,
    effect: Effect.Effect<A, unknown, GatewayNeeds>,
    errorOf: (failure: unknown) => Error = a2aErrorOf,
  ): Promise<A> {
    try {
      return await runTraced(this.#services, this.#request, `a2a ${method}`, effect)
    } catch (failure) {
      throw errorOf(failure)
    }
  }

  /** The caller's own, and at an agent's address that agent's. Errors: `TaskNotFound`. */
  readonly #own = Effect.fnUntraced(function* (
    this: TaskHandler,
    task: string,
    page: { readonly after?: number; readonly limit?: number } = {},
  ) {
    const { agent } = this.#endpoint
    if (!isTaskId(task)) return yield* Effect.fail(notFound(task))
    const view = yield* ownTask(this.#services, this.#request.identity, task, page)
    if (agent !== undefined && view.openedWith !== agent) return yield* Effect.fail(notFound(task))
    return view
  })

  #ask(task: string, command: (typeof TaskProtocol)["Command"]) {
    const { tenant, user } = this.#request.identity
    return this.#services.engine.ask(TaskProtocol, task, command, { tenant, principal: user })
  }

  /** The message's turn is under way, or was before when the message came again. */
  readonly #begin = Effect.fnUntraced(function* (
    this: TaskHandler,
    { message, configuration, metadata }: SendMessageRequest,
  ) {
    const { version } = this.#endpoint
    const { messageId, text, parts } = saidIn(message)
    requireCount(configuration?.historyLength)
    const secrets = yield* Secrets
    const config = configuration?.taskPushNotificationConfig
    const push =
      config === undefined
        ? undefined
        : (task: string) => pushOf(secrets, { tenant: this.#tenant, task }, config, version)
    const { contextId = "", taskId = "", referenceTaskIds = [] } = message ?? {}
    if (taskId !== "") {
      const before = yield* this.#own(taskId)
      if (contextId !== "" && contextId !== before.context)
        return yield* Effect.fail(malformed("message.contextId", "is not the one of this task"))
      yield* usableAgentOf(this.#request.identity, before.agent)
      const started = yield* this.#ask(taskId, {
        _tag: "Continue",
        messageId,
        text,
        ...scopesOf(this.#request.identity),
        ...(parts === undefined ? {} : { parts }),
        ...(push === undefined ? {} : { push: push(taskId) }),
      })
      const { turn, after } = started as { readonly turn: number; readonly after: number }
      return { task: taskId, turn, after }
    }
    const opened = yield* openTask(this.#services, this.#request.identity, {
      agent: this.#agent,
      messageId,
      text,
      parts,
      push,
      metadata,
      context: contextId === "" ? undefined : contextId,
      references: referenceTaskIds,
    })
    return { task: opened.task, turn: 1, after: opened.after }
  })

  /** Lists show it from the moment on at which its sender knows of it. */
  readonly #listed = Effect.fnUntraced(function* (this: TaskHandler, view: TaskView) {
    yield* Effect.ignore((yield* TaskIndex).put(this.#tenant, rowOf(view)))
  })

  async sendMessage(params: SendMessageRequest): Promise<Task> {
    const { configuration } = params
    const { task, after } = await this.#run("SendMessage", this.#begin(params))
    if (configuration?.returnImmediately !== true) await this.#ended(task, after)
    const reading = Effect.tap(this.#own(task), (view) => this.#listed(view))
    const view = await this.#run("SendMessage", reading)
    return wireTask(view, { historyLength: configuration?.historyLength, artifacts: true })
  }

  /** Waits until the task ends or asks back, or the caller goes. */
  async #ended(task: string, after: number): Promise<void> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(waitMsMax)])
    const at = { tenant: this.#tenant, task, after }
    for await (const _ of followTask(this.#services, at, signal));
  }

  async *sendMessageStream(params: SendMessageRequest): AsyncGenerator<StreamResponse, void, undefined> {
    const begin = Effect.gen({ self: this }, function* () {
      const { task, turn, after } = yield* this.#begin(params)
      const view = yield* this.#own(task)
      yield* this.#listed(view)
      return { view, turn, after }
    })
    const { view, turn, after } = await this.#run<Begun>("SendStreamingMessage", begin)
    // As it was when the message came: all that followed, follows.
    const { statusMessage: _1, code: _2, ...rest } = view
    const before: TaskView = {
      ...rest,
      status: "submitted",
      statusAt: turn === 1 ? view.createdAt : view.statusAt,
    }
    const historyLength = params.configuration?.historyLength
    const at = { tenant: this.#tenant, view: before, turn, after: turn === 1 ? Math.max(after, 1) : after }
    yield* streamTask(this.#services, { ...at, historyLength }, this.#signal)
  }

  async *resubscribe({ id }: SubscribeToTaskRequest): AsyncGenerator<StreamResponse, void, undefined> {
    const view = await this.#run("SubscribeToTask", this.#own(id))
    if (isEnded(view.status))
      throw new UnsupportedOperationError("The task has ended: there is nothing to follow.")
    const at = { tenant: this.#tenant, view, turn: view.turn, after: view.turnStart }
    yield* view.status === "input-required"
      ? streamTask(this.#services, { ...at, turn: view.turn + 1, after: view.last }, this.#signal)
      : streamTask(this.#services, at, this.#signal)
  }

  async getTask({ id, historyLength }: GetTaskRequest): Promise<Task> {
    requireCount(historyLength)
    return wireTask(await this.#run("GetTask", this.#own(id)), { historyLength, artifacts: true })
  }

  listTasks(params: ListTasksRequest): Promise<ListTasksResponse> {
    const { identity } = this.#request
    return this.#run("ListTasks", listTasks(this.#services, identity, params, this.#endpoint.agent))
  }

  async cancelTask({ id }: CancelTaskRequest): Promise<Task> {
    const canceling = Effect.gen({ self: this }, function* () {
      yield* this.#own(id)
      yield* this.#ask(id, { _tag: "Cancel" })
      return yield* this.#own(id)
    })
    return wireTask(await this.#run("CancelTask", canceling, cancelErrorOf), { artifacts: true })
  }

  createTaskPushNotificationConfig(params: TaskPushNotificationConfig): Promise<TaskPushNotificationConfig> {
    const { taskId } = params
    const creating = Effect.gen({ self: this }, function* () {
      yield* this.#own(taskId)
      const secrets = yield* Secrets
      const at = { tenant: this.#tenant, task: taskId }
      const push = pushOf(secrets, at, params, this.#endpoint.version)
      yield* this.#ask(taskId, { _tag: "SetPush", push })
      return shownConfig(secrets, at, push)
    })
    return this.#run("CreateTaskPushNotificationConfig", creating)
  }

  readonly #configs = Effect.fnUntraced(function* (this: TaskHandler, task: string) {
    yield* this.#own(task)
    const secrets = yield* Secrets
    const { pushes } = yield* this.#services.engine.ask(
      TaskProtocol,
      task,
      { _tag: "Pushes" },
      { tenant: this.#tenant },
    )
    return pushes.map((push) => shownConfig(secrets, { tenant: this.#tenant, task }, push))
  })

  async getTaskPushNotificationConfig(
    params: GetTaskPushNotificationConfigRequest,
  ): Promise<TaskPushNotificationConfig> {
    const { taskId, id } = params
    const configs = await this.#run("GetTaskPushNotificationConfig", this.#configs(taskId))
    // 0.3 lets the id be left out where there is one.
    const found = id === "" ? configs[0] : configs.find((config) => config.id === id)
    if (found === undefined) throw notFound(taskId)
    return found
  }

  async listTaskPushNotificationConfigs(
    params: ListTaskPushNotificationConfigsRequest,
  ): Promise<ListTaskPushNotificationConfigsResponse> {
    const configs = await this.#run("ListTaskPushNotificationConfigs", this.#configs(params.taskId))
    return { configs, nextPageToken: "" }
  }

  async deleteTaskPushNotificationConfig(params: DeleteTaskPushNotificationConfigRequest): Promise<void> {
    const { taskId, id } = params
    const removing = Effect.gen({ self: this }, function* () {
      yield* this.#own(taskId)
      yield* this.#ask(taskId, { _tag: "RemovePush", id })
    })
    await this.#run("DeleteTaskPushNotificationConfig", removing)
  }

  getAgentCard(): Promise<AgentCard> {
    const { agent } = this.#endpoint
    if (agent === undefined) return Promise.resolve(publicCard(this.#services, this.#request))
    const view = usableAgentOf(this.#request.identity, agent)
    return this.#run(
      "AgentCard",
      Effect.map(view, (found) => agentCard(this.#services, this.#request, found)),
    )
  }

  getAuthenticatedExtendedAgentCard(): Promise<AgentCard> {
    const { identity } = this.#request
    const isDefault = this.#endpoint.agent === undefined
    const reading = Effect.gen({ self: this }, function* () {
      const view = yield* usableAgentOf(identity, this.#agent)
      const search = { page: 1, limit: extendedAgentsMax }
      const others = isDefault
        ? (yield* (yield* AgentIndex).list(identity.tenant, agentCallerOf(identity), search)).rows
        : []
      return extendedCard(this.#services, this.#request, view, { isDefault, others })
    })
    return this.#run("GetExtendedAgentCard", reading)
  }
}
