/**
 * The tasks of one conversation of one user, in the order in which they came: what a new task's agent is told of the ones
 * before it starts from here, because a list in a database may lag behind.
 *
 * I1 A task joins once. I2 The newest `contextTasksMax` are remembered.
 */
import * as Schema from "effect/Schema"
import { accept, define } from "../../engine/index.ts"
import { TaskContextProtocol } from "../../schemas/index.ts"

export const contextTasksMax = 50
/** Of the tasks before one, how many are told. */
export const earlierTasksMax = 10

const State = Schema.Struct({ tasks: Schema.Array(Schema.String) })

export const TaskContext = define(TaskContextProtocol, {
  events: { Joined: { task: Schema.String } },
  state: State,
  initial: () => ({ tasks: [] }),
  decide: {
    Join: ({ tasks }, { task }) => {
      const position = tasks.indexOf(task)
      const before = position < 0 ? tasks : tasks.slice(0, position)
      return accept({
        ...(position < 0 ? { events: [{ _tag: "Joined" as const, task }] } : {}),
        reply: { earlier: before.slice(-earlierTasksMax).reverse() },
      })
    },
  },
  evolve: {
    Joined: (state, { task }) => ({ tasks: [...state.tasks, task].slice(-contextTasksMax) }),
  },
})
