/** A task, and what happens to it, as the public A2A protocol (1.0) has them; its own library turns that into 0.3. */
import {
  type Artifact,
  type Message,
  type Part,
  Role,
  type StreamResponse,
  type Task,
  TaskState,
  type TaskStatus as WireStatus,
} from "@a2a-js/sdk"
import type {
  AnswerBlock,
  TaskAnswer,
  TaskEvent,
  TaskMessage,
  TaskPart,
  TaskStatus,
  TaskView,
} from "../../schemas/index.ts"

export const wireStates: Readonly<Record<TaskStatus, TaskState>> = {
  submitted: TaskState.TASK_STATE_SUBMITTED,
  working: TaskState.TASK_STATE_WORKING,
  "input-required": TaskState.TASK_STATE_INPUT_REQUIRED,
  completed: TaskState.TASK_STATE_COMPLETED,
  canceled: TaskState.TASK_STATE_CANCELED,
  failed: TaskState.TASK_STATE_FAILED,
  rejected: TaskState.TASK_STATE_REJECTED,
}

export const timestampOf = (milliseconds: number): string => new Date(milliseconds).toISOString()

const textPart = (value: string): Part => ({
  content: { $case: "text", value },
  metadata: undefined,
  filename: "",
  mediaType: "text/plain",
})

const dataPart = (value: unknown): Part => ({
  content: { $case: "data", value },
  metadata: undefined,
  filename: "",
  mediaType: "application/json",
})

const partOf = (part: TaskPart): Part => ("text" in part ? textPart(part.text) : dataPart(part.data))

type Named = Pick<TaskView, "task" | "context">

const messageOf = (
  { task, context }: Named,
  { messageId, role, text, parts }: Pick<TaskMessage, "messageId" | "role" | "text" | "parts">,
): Message => ({
  messageId,
  contextId: context,
  taskId: task,
  role: role === "user" ? Role.ROLE_USER : Role.ROLE_AGENT,
  parts: parts === undefined ? [textPart(text)] : parts.map(partOf),
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
})

/** One for each turn: what the agent answered. */
export const artifactId = (turn: number): string => `answer-${turn}`

const artifactOf = (turn: number, text: string): Artifact => ({
  artifactId: artifactId(turn),
  name: "answer",
  description: "",
  parts: [textPart(text)],
  metadata: undefined,
  extensions: [],
})

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}

/** What an agent gave as JSON is given on as it was; a table or a chart is its block. */
const blockPart = (block: AnswerBlock): Part => {
  if (block.type === "reference" && block.language === "json") return dataPart(parsed(block.text))
  if (block.type !== "file") return dataPart(block)
  const { title, mediaType = "", url, base64 = "" } = block
  return {
    content:
      url === undefined
        ? { $case: "raw", value: Buffer.from(base64, "base64") }
        : { $case: "url", value: url },
    metadata: undefined,
    filename: title,
    mediaType,
  }
}

/** What illustrates a turn's answer: an artifact each, after that of its text. */
const blockArtifacts = (turn: number, blocks: ReadonlyArray<AnswerBlock>): Array<Artifact> =>
  blocks.map((block, index) => ({
    artifactId: `${artifactId(turn)}-${index + 1}`,
    name: block.type === "text" ? "text" : block.title,
    description: "",
    parts: [blockPart(block)],
    metadata: undefined,
    extensions: [],
  }))

/** Agents that are read say a file's address as well. */
const saysNoMore = (text: string, blocks: ReadonlyArray<AnswerBlock>): boolean =>
  blocks.length > 0 &&
  (text === "" || blocks.some((block) => block.type === "file" && block.url === text.trim()))

const artifactsOf = ({ turn, text, blocks = [] }: TaskAnswer): Array<Artifact> => [
  ...(saysNoMore(text, blocks) ? [] : [artifactOf(turn, text)]),
  ...blockArtifacts(turn, blocks),
]

interface Reached {
  readonly status: TaskStatus
  readonly message: string | undefined
  readonly code: string | undefined
  readonly at: number
  /** Tells the status' message from others of the task. */
  readonly n: number
}

const statusOf = (named: Named, { status, message, code, at, n }: Reached): WireStatus => {
  const text = message ?? code
  const messageId = `${named.task.slice(0, 100)}:status:${n}`
  return {
    state: wireStates[status],
    message: text === undefined ? undefined : messageOf(named, { messageId, role: "agent", text }),
    timestamp: timestampOf(at),
  }
}

/** What a program may want to know besides: who has the task, why it ended so, what it took. */
const metadataOf = ({ metadata, agent, code, plan, usage, tokens }: TaskView) => ({
  ...metadata,
  agent,
  ...(code === undefined ? {} : { code }),
  ...(plan === undefined ? {} : { plan }),
  ...(usage === undefined ? {} : { usage }),
  tokens,
})

export interface Shown {
  /** Messages of the history at most, newest last; absent: all. */
  readonly historyLength?: number | undefined
  readonly artifacts: boolean
}

const historyOf = (view: TaskView, length: number | undefined): Array<Message> => {
  const messages = view.messages.map((message) => messageOf(view, message))
  if (length === undefined) return messages
  return length <= 0 ? [] : messages.slice(-length)
}

export const wireTask = (view: TaskView, { historyLength, artifacts }: Shown): Task => ({
  id: view.task,
  contextId: view.context,
  status: statusOf(view, {
    status: view.status,
    message: view.statusMessage,
    code: view.code,
    at: view.statusAt,
    n: view.revision,
  }),
  artifacts: artifacts ? view.answers.flatMap(artifactsOf) : [],
  history: historyOf(view, historyLength),
  metadata: metadataOf(view),
})

export const wireStatusUpdate = (
  named: Named,
  event: Extract<TaskEvent, { type: "status" }>,
): StreamResponse => {
  const { status, message, code, at, n } = event
  return {
    payload: {
      $case: "statusUpdate",
      value: {
        taskId: named.task,
        contextId: named.context,
        status: statusOf(named, { status, message, code, at, n }),
        metadata: undefined,
      },
    },
  }
}

/** A piece of a turn's answer. `append`: it goes on from the piece before. */
export const wirePiece = (
  named: Named,
  piece: {
    readonly turn: number
    readonly text: string
    readonly append: boolean
    readonly last: boolean
  },
): StreamResponse => ({
  payload: {
    $case: "artifactUpdate",
    value: {
      taskId: named.task,
      contextId: named.context,
      artifact: artifactOf(piece.turn, piece.text),
      append: piece.append,
      lastChunk: piece.last,
      metadata: undefined,
    },
  },
})

/** Each whole. */
export const wireBlocks = (
  named: Named,
  turn: number,
  blocks: ReadonlyArray<AnswerBlock>,
): Array<StreamResponse> =>
  blockArtifacts(turn, blocks).map((artifact) => ({
    payload: {
      $case: "artifactUpdate",
      value: {
        taskId: named.task,
        contextId: named.context,
        artifact,
        append: false,
        lastChunk: true,
        metadata: undefined,
      },
    },
  }))
