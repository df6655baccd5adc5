/** Keeps the list of tasks, a projection into Postgres, in step: an activity of every task whenever its status changes. */
import * as Schema from "effect/Schema"
import { accept, activity, type DecideContext, type Decision, type Outcome } from "../../engine/index.ts"
import { TaskStatus } from "../../schemas/index.ts"
import type { Event, State } from "./state.ts"

/** When the list could not be reached for as long as an activity tries. */
export const indexAgainMs = 30_000

/** A task as lists know it. `gone`: it is forgotten. */
export const TaskRow = Schema.Struct({
  task: Schema.String,
  revision: Schema.Int,
  gone: Schema.optionalKey(Schema.Boolean),
  owner: Schema.String,
  agent: Schema.String,
  context: Schema.String,
  status: TaskStatus,
  createdAt: Schema.Finite,
  statusAt: Schema.Finite,
})
export type TaskRow = typeof TaskRow.Type

/** Idempotent: an older revision changes nothing. */
export const indexActivity = activity({ input: TaskRow, output: Schema.Struct({ revision: Schema.Int }) })

const rowOf = ({ task, revision, opened, status, statusAt }: State): TaskRow => ({
  task,
  revision,
  ...(opened === undefined ? { gone: true } : {}),
  owner: opened?.owner ?? "",
  agent: opened?.agent ?? "",
  context: opened?.context ?? "",
  status,
  createdAt: opened?.createdAt ?? 0,
  statusAt,
})

export const indexing = (state: State, { random }: DecideContext) => [
  {
    activity: "index" as const,
    id: `index:${state.revision}:${random.uuid().slice(0, 8)}`,
    input: rowOf(state),
  },
]

export const reindexed = (
  _state: State,
  outcome: Outcome<{ readonly revision: number }> & { readonly id: string },
): Decision<Event, undefined, never> =>
  outcome._tag === "Success"
    ? accept()
    : accept({ setTimers: [{ timer: "index", due: { afterMs: indexAgainMs } }] })
