/** A process that holds an embedded database until it is killed: `database-holder.ts <data directory>`. */
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Database } from "../../resources/index.ts"

const hold = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`CREATE TABLE IF NOT EXISTS held (id int)`
  yield* sql`INSERT INTO held VALUES (1)`
  process.stdout.write("held\n")
  return yield* Effect.never
}).pipe(Effect.provide(Database.layer({ dataDirectory: process.argv[2] })))

// A pending promise alone does not keep a process alive; the pipe to the database does.
await Effect.runPromise(hold)
