/** The table of tasks as lists show them. Times are milliseconds since the epoch, as the journal has them. */
import { type Migration, protect } from "../../../resources/index.ts"

const tables = `
CREATE TABLE tasks (
  tenant text NOT NULL,
  id text NOT NULL,
  revision int NOT NULL,
  owner text NOT NULL,
  agent text NOT NULL,
  context text NOT NULL,
  status text NOT NULL,
  created_at double precision NOT NULL,
  status_at double precision NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX tasks_by_change ON tasks (tenant, owner, status_at DESC, id DESC);
CREATE INDEX tasks_by_context ON tasks (tenant, owner, context, status_at DESC, id DESC);
${protect("tasks")}
`

export const taskMigrations: ReadonlyArray<Migration> = [
  { id: "0001_tasks", up: tables, down: "DROP TABLE tasks;" },
  {
    id: "0002_unfinished_tasks",
    up: `CREATE INDEX tasks_unfinished ON tasks (tenant, owner, status_at DESC)
      WHERE status IN ('submitted', 'working', 'input-required');`,
    down: "DROP INDEX tasks_unfinished;",
  },
]
