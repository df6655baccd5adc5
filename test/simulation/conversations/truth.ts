/** What the journals say became of sessions, tasks and agents: every event as clients ought to see it. */
import { kinds } from "../../../actors/index.ts"
import { type AnyKind, JournalRecord } from "../../../engine/index.ts"
import type { Stores } from "../../../engine/testkit/memory-deployment.ts"
import {
  ChatSessionProtocol,
  type SessionEvent,
  type SessionMessage,
  sessionDeletedCode,
  type TaskEvent,
  type TaskMessage,
  TaskProtocol,
  type TaskStatus,
} from "../../../schemas/index.ts"
import { partitions } from "../world.ts"

/** What the checkers look at. */
interface SessionState {
  readonly opened?: { readonly title: string }
  readonly deleted?: boolean
  readonly agent: string
  readonly active?: unknown
  readonly messages: ReadonlyArray<SessionMessage>
  readonly lastMessage: number
  readonly recent: { readonly last: number }
  readonly indexing: { readonly revision: number; readonly indexed: number; readonly message: number }
}
interface TaskState {
  readonly opened?: { readonly agent: string }
  readonly status: TaskStatus
  readonly messages: ReadonlyArray<TaskMessage>
}
interface Lived<S, E> {
  state: S
  readonly events: Array<E>
}

export interface Truth {
  readonly sessions: Map<string, Lived<SessionState, SessionEvent>>
  readonly tasks: Map<string, Lived<TaskState, TaskEvent>>
  /** `agent as`: how often that agent was told so. */
  readonly worked: Map<string, number>
  /** What no actor could take. */
  readonly dead: Array<string>
}

export const isIndexed = ({ deleted, lastMessage, indexing }: SessionState): boolean =>
  indexing.indexed === indexing.revision && (deleted === true || indexing.message === lastMessage)

const gone = (n: number): SessionEvent => ({
  type: "error",
  n,
  turn: 0,
  at: 0,
  code: sessionDeletedCode,
  message: "",
})

const kindOf = (name: string): AnyKind =>
  kinds.find(({ protocol }) => protocol.kind === name) as unknown as AnyKind
const [sessionKind, taskKind] = [kindOf(ChatSessionProtocol.kind), kindOf(TaskProtocol.kind)]

/** As the actor itself answers whoever asks after number `after`. */
const eventsAfter = <E>(kind: AnyKind, state: unknown, after: number): ReadonlyArray<E> => {
  const decision = kind.decide.Read!(state, { _tag: "Read", after, textFrom: 0 } as never, {} as never)
  return "reply" in decision ? (decision.reply as { readonly events: ReadonlyArray<E> }).events : []
}

const fold = <S, E extends { readonly n: number }>(
  kind: AnyKind,
  all: Map<string, Lived<S, E>>,
  key: string,
  entry: JournalRecord.Entry,
  added: (event: string, state: S) => ReadonlyArray<E>,
): void => {
  const one = all.get(key) ?? { state: kind.initial(key) as S, events: [] }
  all.set(key, one)
  for (const event of entry.events ?? []) {
    one.state = kind.evolve[event._tag]!(one.state, event as never) as S
    one.events.push(
      ...eventsAfter<E>(kind, one.state, one.events.at(-1)?.n ?? 0),
      ...added(event._tag, one.state),
    )
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
        if (kind === "chat-session")
          fold(sessionKind, truth.sessions, key, entry, (event, { recent }) =>
            event === "Deleted" ? [gone(recent.last)] : [],
          )
        if (kind === "task") fold(taskKind, truth.tasks, key, entry, () => [])
        for (const event of kind === "agent" ? (entry.events ?? []) : []) {
          if (event._tag !== "Worked") continue
          const what = `${key} ${(event as unknown as { readonly as: string }).as}`
          truth.worked.set(what, (truth.worked.get(what) ?? 0) + 1)
        }
      }
    }
  return truth
}
