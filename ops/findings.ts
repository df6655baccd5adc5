/** What executing a plan found, as it is journaled between the stages. */
import * as Schema from "effect/Schema"

export const MetricFindings = Schema.Struct({
  rows: Schema.Array(
    Schema.Struct({
      /** Value of the label it is grouped by; empty without one. */
      group: Schema.String,
      value: Schema.Finite,
      /** When the newest sample of the group was measured. */
      at: Schema.Finite,
      samples: Schema.Int,
    }),
  ),
  series: Schema.Array(
    Schema.Struct({
      group: Schema.String,
      points: Schema.Array(Schema.Struct({ t: Schema.Finite, v: Schema.Finite })),
    }),
  ),
  samples: Schema.Int,
  /** Something was left out because of a bound: rows, or messages of the stream. */
  truncated: Schema.Boolean,
  /** Sequences of the first and last stream message with a sample that counted. */
  stream: Schema.optionalKey(Schema.Struct({ first: Schema.Int, last: Schema.Int })),
})
export type MetricFindings = typeof MetricFindings.Type

export const Findings = Schema.Union([
  Schema.Struct({ of: Schema.Literal("metric"), ...MetricFindings.fields }),
  Schema.Struct({ of: Schema.Literal("nothing") }),
])
export type Findings = typeof Findings.Type
