/** Says what is wrong with a rule before it is taken: field by field, each with what to do about it. */
import * as Schema from "effect/Schema"
import { Id, LabelName, MetricName, type Problem, type Rule } from "../../schemas/index.ts"

/** The longest time that a condition can be asked to hold. */
export const forMsMax = 24 * 60 * 60_000
export const groupByMax = 8

const isMetricName = Schema.is(MetricName)
const isLabelName = Schema.is(LabelName)
const isId = Schema.is(Id)

const clearProblem = ({ operator, threshold, clear }: Rule): Problem | undefined => {
  if (clear === undefined) return undefined
  const above = operator === ">" || operator === ">="
  if (above ? clear <= threshold : clear >= threshold) return undefined
  return {
    field: "clear",
    problem: `${clear} is ${above ? "above" : "below"} the threshold ${threshold}, so an alert would resolve at once`,
    remedy: `use a level ${above ? "at or below" : "at or above"} the threshold, or leave it out`,
  }
}

export const ruleProblems = (rule: Rule): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  const check = (holds: boolean, field: string, problem: string, remedy: string) => {
    if (!holds) problems.push({ field, problem, remedy })
  }
  check(rule.name.trim() !== "", "name", "is empty", "give the rule a name that people recognise")
  check(
    isMetricName(rule.metric),
    "metric",
    `"${rule.metric}" is no metric name`,
    "use letters, digits, _ and :, for example host_cpu_usage_percent",
  )
  for (const label of [...rule.group_by, ...Object.keys(rule.where ?? {})]) {
    const field = rule.group_by.includes(label) ? "group_by" : "where"
    check(isLabelName(label), field, `"${label}" is no label name`, "use letters, digits and _")
  }
  check(
    rule.group_by.length <= groupByMax && new Set(rule.group_by).size === rule.group_by.length,
    "group_by",
    "names a label twice, or too many",
    `name each label once, at most ${groupByMax}`,
  )
  check(
    Number.isInteger(rule.for_ms) && rule.for_ms >= 0 && rule.for_ms <= forMsMax,
    "for_ms",
    `${rule.for_ms} is no duration in milliseconds that is allowed`,
    `use a whole number from 0 to ${forMsMax}`,
  )
  check(
    isId(rule.notify),
    "notify",
    `"${rule.notify}" is no agent id`,
    'name a registered agent, for example "ops"',
  )
  const clear = clearProblem(rule)
  return clear === undefined ? problems : [...problems, clear]
}
