/**
 * Agents that speak the A2A protocol, releases 1.0 and 0.3, over JSON-RPC and HTTP+JSON. The conversation's id is the
 * context's; a task that waits for input gets the next question as its input. A stopped answer cancels its task.
 */

import type { AgentCard, SendMessageRequest, StreamResponse, Task, TaskStatus } from "@a2a-js/sdk"
import { Role, TaskState } from "@a2a-js/sdk"
import type { Client } from "@a2a-js/sdk/client"
import * as Effect from "effect/Effect"
import type { AgentFramework, AnswerCall, Outcome } from "../../framework.ts"
import { letEnd } from "../remote/body.ts"
import { remoteCall } from "../remote/call.ts"
import type { Exchange, Trouble } from "../remote/exchange.ts"
import { RemoteFailure } from "../remote/failure.ts"
import { checkWith } from "../remote/reachable.ts"
import { toldHistory } from "../remote/told-history.ts"
import { noText } from "../remote/whole-answer.ts"
import { assumedCard, findCard } from "./card.ts"
import { a2aFailureOf, clientOf, SpeaksOtherwise } from "./client.ts"
import { Telling } from "./telling.ts"

/** Pause between two looks at a task that goes on after its stream or its first answer ended. */
const lookEveryMs = 500
/** How long a stopped answer waits for its task to be cancelled. */
const cancelMs = 2_000

const requestOf = ({ question, key }: AnswerCall, taskId: string): SendMessageRequest => ({
  tenant: "",
  metadata: undefined,
  configuration: {
    acceptedOutputModes: ["text/plain", "application/json"],
    taskPushNotificationConfig: undefined,
    returnImmediately: false,
  },
  message: {
    messageId: key,
    contextId: question.conversation,
    taskId,
    role: Role.ROLE_USER,
    parts: [
      {
        content: { $case: "text", value: question.question },
        metadata: undefined,
        filename: "",
        mediaType: "text/plain",
      },
    ],
    metadata: { ...question.parameters, ...toldHistory(question) },
    extensions: [],
    referenceTaskIds: [],
  },
})

const isOver = (state: TaskState | undefined): boolean =>
  state !== undefined &&
  ![TaskState.TASK_STATE_UNSPECIFIED, TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING].includes(
    state,
  )

/** One answer under way. */
interface Talk {
  readonly call: AnswerCall
  readonly exchange: Exchange
  readonly client: Client
  readonly telling: Telling
  readonly wait: <A>(promise: () => Promise<A>) => Effect.Effect<A, RemoteFailure>
  task: string
  /** Of the task, or the end of an answer without one. */
  state: TaskState | undefined
  /** The task was shown as it was before it got its input. */
  asBefore: boolean
}

const enter = (talk: Talk, id: string, status: TaskStatus | undefined): void => {
  if (id !== "") talk.task = id
  talk.state = status?.state ?? talk.state
  if (status !== undefined) talk.asBefore = false
}

const failedStates: ReadonlyMap<TaskState, readonly ["AgentFailed" | "AgentRefused", string]> = new Map([
  [TaskState.TASK_STATE_FAILED, ["AgentFailed", "the agent's task failed"]],
  [TaskState.TASK_STATE_CANCELED, ["AgentFailed", "the agent's task was cancelled there"]],
  [TaskState.TASK_STATE_REJECTED, ["AgentRefused", "the agent rejected the task"]],
  [TaskState.TASK_STATE_AUTH_REQUIRED, ["AgentRefused", "the agent wants its caller to log in"]],
])

/** The words of a failure are the error's, not the answer's. */
const failureOf = ({ exchange }: Talk, status: TaskStatus | undefined): RemoteFailure | undefined => {
  const failed = status === undefined ? undefined : failedStates.get(status.state)
  if (failed === undefined) return undefined
  const [code, detail] = failed
  const words = exchange.quote(new Telling().message(status?.message))
  return new RemoteFailure(code, words === "" ? detail : `${detail}: ${words}`, { alive: true })
}

const sayAll = ({ exchange }: Talk, texts: ReadonlyArray<string>) =>
  Effect.forEach(texts, exchange.say, { discard: true })

const hearTask = Effect.fnUntraced(function* (talk: Talk, task: Task): Effect.fn.Return<void, Trouble> {
  enter(talk, task.id, task.status)
  const failure = failureOf(talk, task.status)
  if (failure !== undefined) {
    yield* sayAll(talk, talk.telling.task({ ...task, status: undefined }))
    return yield* Effect.fail(failure)
  }
  yield* sayAll(talk, talk.telling.task(task))
})

/** A task that goes on is shown once more with the question that it asked, which was told before. */
const isAsBefore = ({ state, telling }: Talk, { status }: Task): boolean =>
  state === undefined &&
  status?.state === TaskState.TASK_STATE_INPUT_REQUIRED &&
  status.message !== undefined &&
  telling.knows(status.message)

const hear = Effect.fnUntraced(function* (
  talk: Talk,
  { payload }: StreamResponse,
): Effect.fn.Return<void, Trouble> {
  switch (payload?.$case) {
    case "message":
      yield* talk.exchange.say(talk.telling.message(payload.value))
      talk.state = TaskState.TASK_STATE_COMPLETED
      return
    case "task":
      if (isAsBefore(talk, payload.value)) {
        talk.asBefore = true
        return
      }
      return yield* hearTask(talk, payload.value)
    case "artifactUpdate":
      enter(talk, payload.value.taskId, undefined)
      return yield* talk.exchange.say(talk.telling.piece(payload.value))
    case "statusUpdate": {
      const { taskId, status } = payload.value
      enter(talk, taskId, status)
      const failure = failureOf(talk, status)
      if (failure !== undefined) return yield* Effect.fail(failure)
      return yield* talk.exchange.say(talk.telling.message(status?.message))
    }
  }
})

const getTask = ({ client, wait, task, exchange: { signal } }: Talk) =>
  wait(() => client.getTask({ tenant: "", id: task }, { signal }))

const follow = Effect.fnUntraced(function* (talk: Talk, taskId: string): Effect.fn.Return<void, Trouble> {
  const { call, client, exchange, wait } = talk
  const events = client.sendMessageStream(requestOf(call, taskId), { signal: exchange.signal })
  while (!isOver(talk.state)) {
    const next = yield* wait(() => events.next())
    if (next.done === true) break
    yield* hear(talk, next.value)
    if (isOver(talk.state)) yield* letEnd(exchange, () => events.next())
  }
  if (talk.asBefore) talk.state = TaskState.TASK_STATE_INPUT_REQUIRED
  while (!isOver(talk.state)) {
    if (talk.task === "")
      return yield* Effect.fail(new RemoteFailure("AgentBrokeOff", "the agent gave no answer"))
    yield* Effect.sleep(lookEveryMs)
    yield* hearTask(talk, yield* getTask(talk))
  }
})

/** Nobody waits for the answer any more; that the task is told so is a courtesy. */
const cancel = ({ client, task, state, exchange: { signal } }: Talk): Effect.Effect<void> =>
  task === "" || isOver(state)
    ? Effect.void
    : Effect.tryPromise(() =>
        client.cancelTask({ tenant: "", id: task, metadata: undefined }, { signal }),
      ).pipe(Effect.timeoutOption(cancelMs), Effect.ignore)

/** The task that asked something back, if this agent had the conversation before. Release 0.3 cannot be asked. */
const waitingTask = ({ call, client, exchange, telling }: Talk): Effect.Effect<string> => {
  const { conversation, history } = call.question
  const spokeBefore = history.some(({ agent }) => agent === call.view.agent)
  if (!spokeBefore || client.protocolVersion !== "1.0") return Effect.succeed("")
  const asked = {
    tenant: "",
    contextId: conversation,
    status: TaskState.TASK_STATE_INPUT_REQUIRED,
    pageSize: 1,
    pageToken: "",
    statusTimestampAfter: undefined,
    includeArtifacts: true,
  }
  return Effect.tryPromise(() => client.listTasks(asked, { signal: exchange.signal })).pipe(
    Effect.map(({ tasks: [task] }) => {
      if (task?.contextId !== conversation || task.status?.state !== TaskState.TASK_STATE_INPUT_REQUIRED)
        return ""
      telling.forget(task)
      return task.id
    }),
    // Many agents do not list tasks: the context's id has to do.
    Effect.catch(() => Effect.succeed("")),
  )
}

const talkTo = Effect.fnUntraced(function* (
  call: AnswerCall,
  exchange: Exchange,
  card: AgentCard,
): Effect.fn.Return<Outcome, Trouble> {
  const wait: Talk["wait"] = (promise) =>
    Effect.tryPromise({ try: promise, catch: (thrown) => a2aFailureOf(thrown, exchange.quote) })
  const client = yield* wait(() => clientOf(card, exchange))
  const talk: Talk = {
    call,
    exchange,
    client,
    wait,
    telling: new Telling(),
    task: "",
    state: undefined,
    asBefore: false,
  }
  const taskId = yield* waitingTask(talk)
  yield* follow(talk, taskId).pipe(Effect.onInterrupt(() => cancel(talk)))
  const { blocks } = talk.telling
  const awaitsInput = talk.state === TaskState.TASK_STATE_INPUT_REQUIRED
  if (exchange.said() === 0 && blocks.length === 0 && !awaitsInput) return yield* Effect.fail(noText())
  return {
    _tag: "Said",
    ...(blocks.length === 0 ? {} : { blocks }),
    ...(awaitsInput ? { awaitsInput } : {}),
  }
})

export const a2a: AgentFramework = {
  answer: (call) =>
    remoteCall(
      call,
      Effect.fnUntraced(function* (exchange): Effect.fn.Return<Outcome, Trouble> {
        const card = yield* exchange.wait(() => findCard(exchange.endpoint, exchange.open))
        if (card !== undefined) return yield* talkTo(call, exchange, card)
        return yield* talkTo(call, exchange, assumedCard(exchange.endpoint, "1.0")).pipe(
          Effect.catchIf(
            (trouble): trouble is SpeaksOtherwise => trouble instanceof SpeaksOtherwise,
            () => talkTo(call, exchange, assumedCard(exchange.endpoint, "0.3")),
          ),
        )
      }),
    ),
  check: checkWith(async ({ endpoint, headers, open }) => {
    await findCard(endpoint, (url, init) => {
      const own = url.origin === endpoint.origin ? headers : {}
      return open(url, { ...init, headers: { ...(init?.headers as Record<string, string>), ...own } })
    })
  }),
}
