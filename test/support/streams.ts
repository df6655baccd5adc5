/** Deployments on a test server: each under a namespace of its own, with small limits. */
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { layer, type StreamsConfig } from "../../streams/index.ts"

export interface TestConnection {
  readonly servers: string | ReadonlyArray<string>
  readonly user: string
  readonly pass: string
}

let count = 0

/** A name that no other test of this run uses. */
export const freshNamespace = (): string => `t${process.pid}-${count++}`

export const testStreamsConfig = (
  connection: TestConnection,
  overrides: Partial<StreamsConfig> = {},
): StreamsConfig => ({
  servers: connection.servers,
  user: connection.user,
  password: Redacted.make(connection.pass),
  namespace: freshNamespace(),
  partitions: 16,
  storageBudgetBytes: 64 * 1024 * 1024,
  ...overrides,
})

/** The services of one node; several calls with the same configuration are several nodes. */
export const startNode = (config: StreamsConfig) => Layer.build(Layer.fresh(layer(config)))
