/** A database of its own on a server that is shared. */
import { randomBytes } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { Database } from "../../resources/index.ts"

/** Gives its address. */
export const newDatabase = async (server: string): Promise<string> => {
  const name = `two${randomBytes(6).toString("hex")}`
  const create = Effect.flatMap(SqlClient, (sql) => sql.unsafe(`CREATE DATABASE ${name}`).unprepared)
  const there = Database.layer({ url: Redacted.make(server), maxConnections: 1 })
  await Effect.runPromise(Effect.provide(create, there))
  return Object.assign(new URL(server), { pathname: `/${name}` }).href
}
