/** Reads back what came into the metric stream. */
import * as Effect from "effect/Effect"
import type { Sample } from "../../schemas/index.ts"
import { MetricStream, metricsOfTenant, SampleDecoder, samplesOfColumns } from "../../streams/index.ts"
import type { TestNode } from "./node.ts"

/** What the tenant's stream holds of one metric, in the stream's order. */
export const storedSamples = (node: TestNode, name: string, tenant = "default") =>
  node.run(
    Effect.gen(function* () {
      const stream = yield* MetricStream
      const decoder = new SampleDecoder()
      const samples: Array<Sample> = []
      yield* stream.read(metricsOfTenant(tenant), { sequence: 1 }, ({ data }) => {
        const columns = decoder.read(data)
        if (columns !== undefined) samples.push(...samplesOfColumns(columns))
      })
      return samples.filter((sample) => sample.name === name)
    }),
  )
