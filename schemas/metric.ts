/** Metric samples as they travel: one message, many samples. Also which metrics a host collector publishes. */
import * as Schema from "effect/Schema"
import { Time, textOf } from "./text.ts"

/** Samples in one message of the metric stream. */
export const batchSamplesMax = 1_000

/** Prometheus' rules for names, shortened. Source: https://prometheus.io/docs/concepts/data_model/ */
export const MetricName = Schema.String.check(Schema.isPattern(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,127}$/u))
export const LabelName = Schema.String.check(Schema.isPattern(/^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/u))
export const Labels = Schema.Record(Schema.String, textOf(256))
export type Labels = typeof Labels.Type

export const Sample = Schema.Struct({
  name: MetricName,
  labels: Labels,
  value: Schema.Finite,
  /** Event time: when it was measured. */
  at: Time,
})
export type Sample = typeof Sample.Type

export const SampleBatch = Schema.Struct({
  samples: Schema.Array(Sample).check(Schema.isMaxLength(batchSamplesMax)),
})
export type SampleBatch = typeof SampleBatch.Type

export type Unit = "%" | "B/s" | ""

export interface MetricDescription {
  readonly name: string
  readonly unit: Unit
  readonly description: string
}

const describe = (name: string, unit: Unit, description: string): MetricDescription => ({
  name,
  unit,
  description,
})

/** What a host collector measures; every sample has the label `host`. */
export const hostMetrics = {
  cpu: describe("host_cpu_usage_percent", "%", "CPU time not idle, of all cores"),
  memory: describe("host_memory_used_percent", "%", "Memory in use"),
  load1: describe("host_load1", "", "Runnable processes, mean of 1 minute"),
  load5: describe("host_load5", "", "Runnable processes, mean of 5 minutes"),
  load15: describe("host_load15", "", "Runnable processes, mean of 15 minutes"),
  disk: describe("host_disk_used_percent", "%", "Space used on the file system of the working directory"),
  diskRead: describe("host_disk_read_bytes_per_second", "B/s", "Bytes read from all disks"),
  diskWrite: describe("host_disk_write_bytes_per_second", "B/s", "Bytes written to all disks"),
  networkIn: describe("host_network_receive_bytes_per_second", "B/s", "Bytes received, without loopback"),
  networkOut: describe("host_network_transmit_bytes_per_second", "B/s", "Bytes sent, without loopback"),
} as const
