/**
 * The way of samples into the metric stream: divided by the lanes of their names, packed, a bounded number per message.
 * The samples of one lane keep their order.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { LogFull, Unavailable } from "../engine/index.ts"
import { batchSamplesMax, type Sample } from "../schemas/index.ts"
import type { MetricStreamService } from "./layers.ts"
import { columnsOf, encodeColumns } from "./metric-batch.ts"
import { laneOf, metricToken } from "./metric-token.ts"

/** Lanes that are written to at the same time. */
const lanesAtOnce = 16
const retries = 3
const retryMs = 100

const byLane = (tenant: string, samples: ReadonlyArray<Sample>, lanes: number) => {
  const divided = new Map<number, Array<Sample>>()
  const known = new Map<string, Array<Sample>>()
  for (const sample of samples) {
    let lane = known.get(sample.name)
    if (lane === undefined) {
      const number = laneOf(tenant, sample.name, lanes)
      lane = divided.get(number) ?? []
      divided.set(number, lane)
      known.set(sample.name, lane)
    }
    lane.push(sample)
  }
  return divided
}

/**
 * Done once all are durable. Atomicity: per lane and message, not of the whole. `source` keeps the messages of different
 * senders apart. Errors: after `Unavailable` any part may have been stored; `LogFull` for a message beyond the server's
 * max_payload.
 */
export const appendSamples = Effect.fnUntraced(function* (
  stream: MetricStreamService,
  tenant: string,
  samples: ReadonlyArray<Sample>,
  source: ReadonlyArray<string>,
): Effect.fn.Return<void, Unavailable | LogFull> {
  const append = (lane: number, some: ReadonlyArray<Sample>) => {
    const id = crypto.randomUUID()
    // The id makes a retry after a lost acknowledgement store nothing twice.
    return Effect.retry(
      stream.append(metricToken(tenant, lane, ...source), encodeColumns(columnsOf(some)), id),
      {
        while: ({ _tag }) => _tag === "Unavailable",
        schedule: Schedule.spaced(retryMs),
        times: retries,
      },
    )
  }
  yield* Effect.forEach(
    byLane(tenant, samples, stream.lanes),
    ([lane, divided]) =>
      Effect.gen(function* () {
        for (let from = 0; from < divided.length; from += batchSamplesMax)
          yield* append(lane, divided.slice(from, from + batchSamplesMax))
      }),
    { concurrency: lanesAtOnce, discard: true },
  )
})
