/** What the journals say became of sessions, tasks and agents: every event as clients ought to see it. */

import { eventsAfter } from "../../../actors/chat-session/recent.ts"
import { ChatSession } from "../../../actors/chat-session/session.ts"
import { Task } from "../../../actors/task/task.ts"
import { JournalRecord } from "../../../engine/index.ts"
import type { Stores } from "../../../engine/testkit/memory-deployment.ts"
import { type SessionEvent, sessionDeletedCode, type TaskEvent } from "../../../schemas/index.ts"
import { partitions } from "../world.ts"

type SessionState = ReturnType<typeof ChatSession.initial>
type TaskState = ReturnType<typeof Task.initial>

export interface Truth {
  readonly sessions: Map<string, { state: SessionState; events: Array<SessionEvent> }>
  readonly tasks: Map<string, { state: TaskState; events: Array<TaskEvent> }>
  /** `agent as`: how often that agent was told so. */
  readonly worked: Map<string, number>
  /** What no actor could take. */
  readonly dead: Array<string>
}

const all = { events: Number.POSITIVE_INFINITY, characters: Number.POSITIVE_INFINITY }

const gone = (n: number): SessionEvent => ({
  type: "error",
  n,
  turn: 0,
  at: 0,
  code: sessionDeletedCode,
  message: "",
})

const foldSession = (truth: Truth, key: string, entry: JournalRecord.Entry): void => {
  const session = truth.sessions.get(key) ?? { state: ChatSession.initial(key), events: [] }
  truth.sessions.set(key, session)
  for (const event of entry.events ?? []) {
    const { last } = session.state.recent
    session.state = ChatSession.evolve[event._tag as "Opened"](session.state, event as never)
    if (event._tag === "Deleted") session.events.push(gone(session.state.recent.last))
    else session.events.push(...eventsAfter(session.state.recent, last, all))
  }
}

const foldTask = (truth: Truth, key: string, entry: JournalRecord.Entry): void => {
  const task = truth.tasks.get(key) ?? { state: Task.initial(key), events: [] }
  truth.tasks.set(key, task)
  for (const event of entry.events ?? []) {
    const { last } = task.state
    task.state = Task.evolve[event._tag as "Opened"](task.state, event as never)
    task.events.push(...task.state.recent.filter(({ n }) => n > last))
  }
}

export const truthOf = (stores: Stores): Truth => {
  const truth: Truth = { sessions: new Map(), tasks: new Map(), worked: new Map(), dead: [] }
  for (let partition = 0; partition < partitions; partition++)
    for (const { data } of stores.journal.messages(partition)) {
      const record = JournalRecord.decode(data)
      if ("corrupt" in record) throw new Error(record.corrupt)
      for (const entry of record.entries) {
        const [, kind, key = ""] = entry.to.split("/")
        if (entry.dead !== undefined)
          truth.dead.push(`${entry.to} ${entry.cause.t}: ${entry.dead.code} ${entry.dead.detail}`)
        if (kind === "chat-session") foldSession(truth, key, entry)
        if (kind === "task") foldTask(truth, key, entry)
        for (const event of kind === "agent" ? (entry.events ?? []) : []) {
          if (event._tag !== "Worked") continue
          const what = `${key} ${(event as unknown as { readonly as: string }).as}`
          truth.worked.set(what, (truth.worked.get(what) ?? 0) + 1)
        }
      }
    }
  return truth
}
