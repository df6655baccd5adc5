/** What a task's activities do: have the agent answer, keep the list in step, tell receivers of changes. */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../engine/index.ts"
import { TaskProtocol } from "../../schemas/index.ts"
import { answering } from "../agent/answering.ts"
import { implementKind } from "../implement-kind.ts"
import { PlatformAccess } from "../platform-access.ts"
import { deliver } from "./deliver.ts"
import { Task } from "./task.ts"

/** The database's own words stay out of the journal: they may quote what it was given. */
const listUnavailable = () =>
  new ActivityFailure({
    code: "IndexUnavailable",
    detail: "the list of tasks did not answer",
    retryable: true,
  })

const platformOf = Effect.flatMap(PlatformAccess, ({ platform }) => platform)

export const taskImplementation = implementKind(Task, {
  answer: answering((engine, { turn }, { self }) =>
    Effect.map(
      engine.ask(TaskProtocol, self.key, { _tag: "Said", turn }, { tenant: self.tenant }),
      ({ text, tokens }) => ({ text, tokens }),
    ),
  ),
  index: (row, run) =>
    Effect.flatMap(platformOf, ({ tasks }) =>
      tasks
        .put(run.self.tenant, row)
        .pipe(Effect.mapError(listUnavailable), Effect.as({ revision: row.revision })),
    ),
  push: (input, run) => deliver(input, run),
})
