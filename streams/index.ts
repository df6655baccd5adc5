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
export type {
  EventFilter,
  EventPages,
  EventStart,
  EventStreamService,
  EventTail,
  StoredEvent,
} from "./event-stream.ts"
export { matchesFilter } from "./event-stream.ts"
export type { MetricStreamService, StreamsServices } from "./layers.ts"
export { Durability, LimitCounters, layer, MetricStream, TraceStream } from "./layers.ts"
export type { SampleColumns } from "./metric-batch.ts"
export {
  columnsOf,
  encodeColumns,
  readSeriesText,
  SampleDecoder,
  samplesOfColumns,
  seriesText,
} from "./metric-batch.ts"
export {
  isRuleChange,
  laneOf,
  laneOfMetric,
  metricsOfAll,
  metricsOfLane,
  metricsOfTenant,
  metricsOfTenantInLane,
  metricToken,
  ruleChangesOfLane,
  ruleSource,
  tenantOfMetric,
  tickSource,
} from "./metric-token.ts"
export { appendSamples } from "./sample-writer.ts"
export { decodeToken, encodeToken } from "./token.ts"
