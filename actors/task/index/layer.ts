/** The list of tasks over the tenants' databases. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Tenancy } from "../../../resources/index.ts"
import { TaskIndex, type TaskIndexService, type TaskPosition } from "./task-index.ts"

interface Listed {
  readonly task: string
  readonly status_at: number
}

const make = Effect.gen(function* () {
  const { within } = yield* Tenancy
  const service: TaskIndexService = {
    put: (tenant, row) =>
      within(tenant, (sql) =>
        Effect.asVoid(
          row.gone === true
            ? sql`DELETE FROM tasks WHERE tenant = ${tenant} AND id = ${row.task}`
            : sql`
              INSERT INTO tasks (tenant, id, revision, owner, agent, context, status, created_at, status_at)
              VALUES (${tenant}, ${row.task}, ${row.revision}::int, ${row.owner}, ${row.agent}, ${row.context},
                ${row.status}, ${row.createdAt}::float8, ${row.statusAt}::float8)
              ON CONFLICT (tenant, id) DO UPDATE SET
                (revision, status, status_at) = ROW (EXCLUDED.revision, EXCLUDED.status, EXCLUDED.status_at)
                WHERE tasks.revision < EXCLUDED.revision`,
        ),
      ),
    list: (tenant, { owner, agent, context, status, since, after, limit }) =>
      within(
        tenant,
        Effect.fnUntraced(function* (sql) {
          const conditions = [
            sql`tenant = ${tenant}`,
            sql`owner = ${owner}`,
            ...(agent === undefined ? [] : [sql`agent = ${agent}`]),
            ...(context === undefined ? [] : [sql`context = ${context}`]),
            ...(status === undefined ? [] : [sql`status = ${status}`]),
            ...(since === undefined ? [] : [sql`status_at >= ${since}::float8`]),
          ]
          const page =
            after === undefined
              ? conditions
              : [...conditions, sql`(status_at, id) < (${after.statusAt}::float8, ${after.task})`]
          const [counted] = yield* sql<{ total: number }>`
            SELECT count(*)::int AS total FROM tasks WHERE ${sql.and(conditions)}`
          const rows = yield* sql<Listed>`
            SELECT id AS task, status_at FROM tasks WHERE ${sql.and(page)}
            ORDER BY status_at DESC, id DESC LIMIT ${limit}::int`
          const found = rows.map(({ task, status_at }): TaskPosition => ({ task, statusAt: status_at }))
          return { rows: found, total: counted?.total ?? 0 }
        }),
      ),
    unsettled: (tenant, owner, limit) =>
      within(
        tenant,
        (sql) => sql<{ readonly task: string; readonly revision: number }>`
          SELECT id AS task, revision FROM tasks
          WHERE tenant = ${tenant} AND owner = ${owner}
            AND status IN ('submitted', 'working', 'input-required')
          ORDER BY status_at DESC LIMIT ${limit}::int`,
      ),
  }
  return TaskIndex.of(service)
})

export const taskIndexLayer = Layer.effect(TaskIndex, make)
