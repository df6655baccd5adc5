/**
 * Measures this machine every second and publishes the samples on the metric stream. What the platform does not tell is
 * left out; what cannot be stored is dropped, because the next is newer. The machines are the platform's: other tenants
 * do not see them.
 */
import * as OperatingSystem from "node:os"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { hostMetrics, type MetricDescription, type Sample } from "../../schemas/index.ts"
import { appendSamples, MetricStream } from "../../streams/index.ts"
import { platformTenant } from "../tenants/migrations.ts"
import { type Counters, type Gauges, readCounters, readGauges } from "./readings.ts"

export interface HostMetricsOptions {
  /** Value of the label `host`; the machine's name when absent. */
  readonly host?: string
  /** Its file system is the one whose use is reported; the working directory when absent. */
  readonly directory?: string
  readonly everyMs?: number
}

const defaultEveryMs = 1_000

/** Per second; undefined when not told, or when the counter began anew. */
const rate = (before: number | undefined, now: number | undefined, elapsedMs: number): number | undefined =>
  before === undefined || now === undefined || now < before ? undefined : ((now - before) * 1_000) / elapsedMs

/** The samples of one moment. `elapsedMs` lies between the two readings and is positive. */
export const samplesOf = (
  host: string,
  at: number,
  { memoryUsedPercent, load, diskUsedPercent }: Gauges,
  before: Counters,
  now: Counters,
  elapsedMs: number,
): ReadonlyArray<Sample> => {
  const cpuMs = now.cpuTotalMs - before.cpuTotalMs
  const cpu = cpuMs > 0 ? (100 * (now.cpuBusyMs - before.cpuBusyMs)) / cpuMs : undefined
  const told: ReadonlyArray<readonly [MetricDescription, number | undefined]> = [
    [hostMetrics.cpu, cpu === undefined ? undefined : Math.min(100, Math.max(0, cpu))],
    [hostMetrics.memory, memoryUsedPercent],
    [hostMetrics.load1, load?.[0]],
    [hostMetrics.load5, load?.[1]],
    [hostMetrics.load15, load?.[2]],
    [hostMetrics.disk, diskUsedPercent],
    [hostMetrics.diskRead, rate(before.diskReadBytes, now.diskReadBytes, elapsedMs)],
    [hostMetrics.diskWrite, rate(before.diskWrittenBytes, now.diskWrittenBytes, elapsedMs)],
    [hostMetrics.networkIn, rate(before.networkInBytes, now.networkInBytes, elapsedMs)],
    [hostMetrics.networkOut, rate(before.networkOutBytes, now.networkOutBytes, elapsedMs)],
  ]
  return told.flatMap(([{ name }, value]) =>
    value === undefined ? [] : [{ name, labels: { host }, value, at }],
  )
}

/** Measures and publishes until it is interrupted. */
export const collectHostMetrics = Effect.fnUntraced(function* (
  options: HostMetricsOptions = {},
): Effect.fn.Return<never, never, MetricStream> {
  const stream = yield* MetricStream
  const host = options.host ?? OperatingSystem.hostname()
  let before = yield* Effect.promise(readCounters)
  let beforeAt = yield* Clock.currentTimeMillis
  for (;;) {
    yield* Effect.sleep(options.everyMs ?? defaultEveryMs)
    const now = yield* Effect.promise(readCounters)
    const gauges = yield* Effect.promise(() => readGauges(options.directory ?? process.cwd()))
    const at = yield* Clock.currentTimeMillis
    const samples = samplesOf(host, at, gauges, before, now, Math.max(1, at - beforeAt))
    before = now
    beforeAt = at
    yield* appendSamples(stream, platformTenant, samples, ["host", host]).pipe(
      Effect.catch((error) => Effect.logDebug(`host metrics of one moment are lost: ${error.detail}`)),
    )
  }
})
