/** What others may use of the streams. */
export type { Capabilities } from "./capabilities.ts"
export type { Limits, StreamsConfig } from "./config.ts"
export { defaultLimits, defaultStorageBudgetBytes } from "./config.ts"
export type { ConnectionStatus, NatsConnection } from "./connection.ts"
export { Nats } from "./connection.ts"
export type { DurabilityReport } from "./durability.ts"
export type { StreamsError } from "./errors.ts"
export {
  ConnectFailed,
  InvalidConfig,
  JetStreamDisabled,
  PartitionCountChanged,
  TopologyMismatch,
  UnsupportedByServer,
} from "./errors.ts"
export type { EventStart, EventStreamService, StoredEvent } from "./event-stream.ts"
export type { StreamsServices } from "./layers.ts"
export { Durability, LimitCounters, layer, MetricStream, TraceStream } from "./layers.ts"
export { metricsOfAll, metricsOfTenant, metricToken, tenantOfMetric } from "./metric-token.ts"
export { decodeToken, encodeToken } from "./token.ts"
