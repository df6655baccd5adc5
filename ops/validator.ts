/** Says what is wrong with a plan before anything is run: field by field, each with what to do about it. */
import type { MetricQuery, Plan, Problem } from "../schemas/index.ts"
import { catalogEntry, metricCatalog } from "./metric-catalog.ts"

/** How far back one query may read, and how much it may answer. */
export const rangeMsMax = 24 * 60 * 60_000
export const rowsMax = 100
export const bucketsMax = 120

const problem = (field: string, what: string, remedy: string): Problem => ({ field, problem: what, remedy })

const whole = (value: number, minimum: number, maximum: number): boolean =>
  Number.isInteger(value) && value >= minimum && value <= maximum

const hours = (ms: number): string => `${Math.round(ms / 360_000) / 10} h`

const metricProblems = ({ metric, groupBy, where }: MetricQuery): ReadonlyArray<Problem> => {
  const known = catalogEntry(metric)
  if (metric === "") return [problem("metric", "is missing", "name the metric to read")]
  if (known === undefined) {
    const names = metricCatalog.map(({ name }) => name).join(", ")
    return [problem("metric", `"${metric}" is not allowed`, `use one of ${names}`)]
  }
  const labels = known.labels.join(", ")
  const unknown = Object.keys(where).filter((label) => !known.labels.includes(label))
  return [
    ...(groupBy === undefined || known.labels.includes(groupBy)
      ? []
      : [problem("groupBy", `"${metric}" has no label "${groupBy}"`, `group by one of ${labels}`)]),
    ...unknown.map((label) =>
      problem("where", `"${metric}" has no label "${label}"`, `filter by one of ${labels}`),
    ),
  ]
}

const rangeProblems = ({ from, to }: MetricQuery, now: number): ReadonlyArray<Problem> => [
  ...(from < to
    ? []
    : [problem("from", "is not before the end of the range", "make `from` smaller than `to`")]),
  ...(from > now ? [problem("from", "lies in the future", "ask about a time that has passed")] : []),
  ...(to - from > rangeMsMax
    ? [
        problem(
          "from",
          `the range of ${hours(to - from)} is too long`,
          `ask for at most ${hours(rangeMsMax)}`,
        ),
      ]
    : []),
]

const limitProblems = (query: MetricQuery): ReadonlyArray<Problem> => {
  const { aggregation, percentile } = query
  return [
    ...(whole(query.rowsMax, 1, rowsMax)
      ? []
      : [problem("rowsMax", `${query.rowsMax} is not allowed`, `use a whole number from 1 to ${rowsMax}`)]),
    ...(whole(query.buckets, 0, bucketsMax)
      ? []
      : [
          problem("buckets", `${query.buckets} is not allowed`, `use a whole number from 0 to ${bucketsMax}`),
        ]),
    ...(aggregation === "percentile" && percentile === undefined
      ? [problem("percentile", "is missing", "say which one, from 0 to 100")]
      : []),
    ...(percentile !== undefined && !(percentile >= 0 && percentile <= 100)
      ? [problem("percentile", `${percentile} is none`, "use a number from 0 to 100")]
      : []),
  ]
}

/** No problems: the plan may run. `now`: milliseconds since the epoch. */
export const validatePlan = (plan: Plan, now: number): ReadonlyArray<Problem> => {
  switch (plan.route) {
    case "LOOKUP":
    case "AGGREGATE":
      return [...metricProblems(plan.query), ...rangeProblems(plan.query, now), ...limitProblems(plan.query)]
    case "GRAPH":
      return [
        problem(
          "route",
          "questions about dependencies are not available yet",
          "ask about a metric of a host, for example its CPU usage",
        ),
      ]
    case "REJECT":
      return [problem("question", plan.reason, plan.remedy)]
    case "DIRECT":
      return []
  }
}
