/**
 * A user's tasks, the newest change first, page by page. The list is a projection that may lag behind: what had not ended
 * there is asked for first, so that it is exact.
 */
import type { ListTasksRequest, ListTasksResponse } from "@a2a-js/sdk"
import * as Effect from "effect/Effect"
import { readTask, TaskIndex, type TaskPosition, wireStates, wireTask } from "../../actors/index.ts"
import { TaskProtocol, type TaskStatus, type TaskView } from "../../schemas/index.ts"
import type { Identity } from "../auth/identity.ts"
import type { GatewayServices } from "../services.ts"
import { isTaskId } from "../tasks/task-id.ts"
import { malformed, requireCount } from "./failure.ts"

const pageSizeDefault = 50
const pageSizeMax = 100
/** Tasks under way that are asked before a list is made. */
const unsettledMax = 100
const readsAtOnce = 10

const statuses = Object.entries(wireStates) as ReadonlyArray<[TaskStatus, (typeof wireStates)[TaskStatus]]>

const tokenOf = ({ statusAt, task }: TaskPosition): string =>
  Buffer.from(JSON.stringify([statusAt, task])).toString("base64url")

const positionOf = (token: string): TaskPosition | undefined => {
  if (token === "") return undefined
  try {
    const read: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"))
    if (Array.isArray(read) && Number.isFinite(read[0]) && isTaskId(read[1]))
      return { statusAt: read[0] as number, task: read[1] }
  } catch {
    // Not one of ours.
  }
  throw malformed("pageToken", "is none that was given out")
}

/** `Date.parse` reads more into a text: "-1" is a year of its own. */
const isTime = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/iu.test(text)

const sinceOf = (timestamp: string | undefined): number | undefined => {
  if (timestamp === undefined || timestamp === "") return undefined
  const at = Date.parse(timestamp)
  if (!isTime(timestamp) || Number.isNaN(at))
    throw malformed("statusTimestampAfter", "has to be a time as ISO 8601 has it")
  return at
}

/** Puts the projection right where it is behind. */
const settle = Effect.fnUntraced(function* ({ engine }: GatewayServices, { tenant, user }: Identity) {
  const index = yield* TaskIndex
  const open = yield* index.unsettled(tenant, user, unsettledMax)
  const check = Effect.fnUntraced(function* ({ task, revision }: (typeof open)[number]) {
    const view = yield* engine.ask(TaskProtocol, task, { _tag: "Read" }, { tenant })
    if (view.revision > revision) yield* index.put(tenant, rowOf(view))
  })
  yield* Effect.forEach(open, (one) => Effect.ignore(check(one)), { concurrency: readsAtOnce, discard: true })
})

/** As the task's own activity puts it in. */
export const rowOf = (view: TaskView) => ({
  task: view.task,
  revision: view.revision,
  owner: view.owner,
  agent: view.openedWith,
  context: view.context,
  status: view.status,
  createdAt: view.createdAt,
  statusAt: view.statusAt,
})

/** `agent`: only those that were given to it. */
export const listTasks = Effect.fn("gateway.listTasks")(function* (
  services: GatewayServices,
  identity: Identity,
  asked: ListTasksRequest,
  agent: string | undefined,
) {
  const { pageSize = pageSizeDefault, historyLength, includeArtifacts = false } = asked
  if (pageSize < 1 || pageSize > pageSizeMax)
    throw malformed("pageSize", `has to be from 1 to ${pageSizeMax}`)
  requireCount(historyLength)
  const after = positionOf(asked.pageToken)
  const since = sinceOf(asked.statusTimestampAfter)
  const status = statuses.find(([, state]) => state === asked.status)?.[0]
  if (asked.status !== 0 && asked.status !== undefined && status === undefined)
    throw malformed("status", "is no state that a task here can have")
  yield* settle(services, identity)
  const found = yield* (yield* TaskIndex).list(identity.tenant, {
    owner: identity.user,
    agent,
    context: asked.contextId === "" ? undefined : asked.contextId,
    status,
    since,
    after,
    limit: pageSize + 1,
  })
  const page = found.rows.slice(0, pageSize)
  const read = ({ task }: TaskPosition) =>
    readTask(services.engine, identity.tenant, task).pipe(
      Effect.map((view): ReadonlyArray<TaskView> => [view]),
      Effect.catchTag("Rejected", () => Effect.succeed([])),
    )
  const views = (yield* Effect.forEach(page, read, { concurrency: readsAtOnce })).flat()
  const last = page.at(-1)
  const response: ListTasksResponse = {
    tasks: views.map((view) => wireTask(view, { historyLength, artifacts: includeArtifacts })),
    nextPageToken: found.rows.length > pageSize && last !== undefined ? tokenOf(last) : "",
    pageSize,
    totalSize: found.total,
  }
  return response
})
