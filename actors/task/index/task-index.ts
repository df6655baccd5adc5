/**
 * The tasks of a tenant as lists show them: a projection of the tasks' journals into Postgres, kept by each task's own
 * `index` activity. Whoever lists asks for the tasks of one user only.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Refused } from "../../../resources/index.ts"
import type { TaskStatus } from "../../../schemas/index.ts"
import type { TaskRow } from "../index-row.ts"

export interface TaskSearch {
  readonly owner: string
  readonly agent?: string | undefined
  readonly context?: string | undefined
  readonly status?: TaskStatus | undefined
  /** Milliseconds: whose status changed then or later. */
  readonly since?: number | undefined
  /** Where the page before ended. */
  readonly after?: TaskPosition | undefined
  readonly limit: number
}

/** In the order of lists: the newest change first. */
export interface TaskPosition {
  readonly statusAt: number
  readonly task: string
}

export interface TaskIndexService {
  /** Idempotent; an older revision changes nothing. */
  readonly put: (tenant: string, row: TaskRow) => Effect.Effect<void, Refused | SqlError>
  /** `total` counts all that match, whatever the page. */
  readonly list: (
    tenant: string,
    search: TaskSearch,
  ) => Effect.Effect<
    { readonly rows: ReadonlyArray<TaskPosition>; readonly total: number },
    Refused | SqlError
  >
  /** The newest of a user's tasks that had not ended when they were put in: lists may be behind on them. */
  readonly unsettled: (
    tenant: string,
    owner: string,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<{ readonly task: string; readonly revision: number }>, Refused | SqlError>
}

export class TaskIndex extends Context.Service<TaskIndex, TaskIndexService>()("millrace/actors/TaskIndex") {}
