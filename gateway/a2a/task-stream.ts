/**
 * A task as a stream of the public protocol: the task first, then every change once and in order. Whoever follows a task
 * sees the same: the running turn's answer comes from its beginning, as pieces of one artifact.
 */
import type { StreamResponse } from "@a2a-js/sdk"
import {
  timestampOf,
  wireBlocks,
  wirePiece,
  wireStates,
  wireStatusUpdate,
  wireTask,
} from "../../actors/index.ts"
import type { TaskEvent, TaskView } from "../../schemas/index.ts"
import type { GatewayServices } from "../services.ts"
import { followTask, isPause } from "../tasks/task-feed.ts"

/** The task without what the running turn brings: that comes as pieces. */
const beginning = (view: TaskView, turn: number, historyLength: number | undefined): StreamResponse => {
  const answers = view.answers.filter((answer) => answer.turn < turn)
  return {
    payload: { $case: "task", value: wireTask({ ...view, answers }, { historyLength, artifacts: true }) },
  }
}

const moved = (view: TaskView, event: Extract<TaskEvent, { type: "transfer" }>): StreamResponse => {
  const { from, to, reason, at } = event
  return {
    payload: {
      $case: "statusUpdate",
      value: {
        taskId: view.task,
        contextId: view.context,
        status: { state: wireStates.working, message: undefined, timestamp: timestampOf(at) },
        metadata: { agent_transfer: { from_agent: from, to_agent: to, reason } },
      },
    },
  }
}

/** Tokens of the turn that is under way, so that what becomes void can be told from what stands. */
class Pieces {
  readonly #view: TaskView
  #turn = 0
  #tokens: Array<string> = []

  constructor(view: TaskView) {
    this.#view = view
  }

  next(event: TaskEvent): ReadonlyArray<StreamResponse> {
    if (event.turn !== this.#turn) {
      this.#turn = event.turn
      this.#tokens = []
    }
    switch (event.type) {
      case "message":
        return []
      case "token": {
        this.#tokens.push(event.content)
        return [this.#piece(event.content, this.#tokens.length > 1, false)]
      }
      case "restart":
        this.#tokens = this.#tokens.slice(0, event.index)
        // What stands is said anew in place of all.
        return [this.#piece(this.#tokens.join(""), false, false)]
      case "blocks":
        return wireBlocks(this.#view, this.#turn, event.blocks)
      case "transfer":
        return [moved(this.#view, event)]
      case "status": {
        const change = wireStatusUpdate(this.#view, event)
        return isPause(event) && this.#tokens.length > 0 ? [this.#piece("", true, true), change] : [change]
      }
    }
  }

  #piece(text: string, append: boolean, last: boolean): StreamResponse {
    return wirePiece(this.#view, { turn: this.#turn, text, append, last })
  }
}

/** `view`: the task as it is when the stream begins. `after`: events of `turn` come after this number. */
export async function* streamTask(
  services: GatewayServices,
  at: {
    readonly tenant: string
    readonly view: TaskView
    readonly turn: number
    readonly after: number
    readonly historyLength?: number | undefined
  },
  signal: AbortSignal,
): AsyncGenerator<StreamResponse, void, undefined> {
  const { tenant, view, turn, after } = at
  yield beginning(view, turn, at.historyLength)
  const pieces = new Pieces(view)
  for await (const event of followTask(services, { tenant, task: view.task, after }, signal))
    for (const response of pieces.next(event)) yield response
}
