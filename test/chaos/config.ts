/** What driver and nodes of a chaos run agree on. */
import * as Redacted from "effect/Redacted"
import type { StreamsConfig } from "../../streams/index.ts"
import type { TestConnection } from "../support/streams.ts"

export const partitions = 4
export const accounts = 24
export const opening = 1_000

export const chaosConfig = (connection: TestConnection): StreamsConfig => ({
  servers: connection.servers,
  user: connection.user,
  password: Redacted.make(connection.pass),
  namespace: "chaos",
  partitions,
  syncInterval: "always",
  storageBudgetBytes: 4 * 1024 ** 3,
})
