/** The present stage: the blocks that people see, in the order text, table, chart, reference. */
import type { AnswerBlock, MetricQuery, Plan } from "../schemas/index.ts"
import type { Composition } from "./compose.ts"
import type { Findings, MetricFindings } from "./findings.ts"
import { formatTime } from "./number-text.ts"

/** A query as text that says all of it; not a language that can be run. */
export const queryText = (query: MetricQuery): string =>
  [
    `${query.aggregation}${query.percentile === undefined ? "" : ` ${query.percentile}`} of ${query.metric}`,
    `from ${formatTime(query.from)} to ${formatTime(query.to)}`,
    ...Object.entries(query.where).map(([label, value]) => `where ${label} = ${JSON.stringify(value)}`),
    ...(query.groupBy === undefined ? [] : [`group by ${query.groupBy}`]),
    `buckets ${query.buckets}, rows at most ${query.rowsMax}`,
  ].join("\n")

const table = (query: MetricQuery, found: MetricFindings, { title, unit }: Composition): AnswerBlock => ({
  type: "table",
  title,
  columns: [
    ...(query.groupBy === undefined ? [] : [{ name: query.groupBy }]),
    { name: query.aggregation, ...(unit === "" ? {} : { unit }) },
    { name: "samples" },
    { name: "newest" },
  ],
  rows: found.rows.map(({ group, value, at, samples }) => [
    ...(query.groupBy === undefined ? [] : [group]),
    value,
    samples,
    formatTime(at),
  ]),
})

const chart = (query: MetricQuery, found: MetricFindings, { title, unit }: Composition): AnswerBlock => ({
  type: "chart",
  title,
  unit,
  series: found.series.map(({ group, points }) => ({ name: group === "" ? query.metric : group, points })),
})

const reference = (query: MetricQuery, found: MetricFindings): AnswerBlock => ({
  type: "reference",
  title: "metric query",
  language: "metric-query",
  text: queryText(query),
  ...(found.stream === undefined ? {} : { stream: { name: "metric", ...found.stream } }),
})

export const present = (
  plan: Plan,
  findings: Findings,
  composition: Composition,
): ReadonlyArray<AnswerBlock> => {
  const text: AnswerBlock = { type: "text", text: composition.text }
  if (findings.of === "nothing" || !("query" in plan)) return [text]
  const { query } = plan
  return [
    text,
    ...(findings.rows.length === 0 ? [] : [table(query, findings, composition)]),
    ...(findings.series.some(({ points }) => points.length > 1) ? [chart(query, findings, composition)] : []),
    reference(query, findings),
  ]
}
