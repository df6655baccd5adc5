/** What driver and nodes of a chaos run agree on. */
import * as Redacted from "effect/Redacted"
import type { StreamsConfig } from "../../streams/index.ts"
import type { TestConnection } from "../support/streams.ts"

export const partitions = 4
export const accounts = 24
export const opening = 1_000

export interface ChaosConnection extends TestConnection {
  /** Three on a cluster. */
  readonly replicas?: number
}

export const chaosConfig = (connection: ChaosConnection): StreamsConfig => ({
  servers: connection.servers,
  user: connection.user,
  password: Redacted.make(connection.pass),
  namespace: "chaos",
  partitions,
  ...(connection.replicas === undefined ? { syncInterval: "always" } : { replicas: connection.replicas }),
  storageBudgetBytes: 4 * 1024 ** 3,
})
