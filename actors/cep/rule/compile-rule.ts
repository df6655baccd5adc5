/**
 * A rule's document → the program that runs, or everything that is wrong with it. The same document always gives the
 * same program: no clock is asked and nothing outside is looked at.
 */
import type {
  PatternDocument,
  PatternStage,
  Problem,
  RuleDocument,
  Severity,
} from "../../../schemas/index.ts"
import { compileCondition } from "../expression/compile.ts"
import type { Environment } from "../expression/expression.ts"
import { isTaken } from "../expression/language.ts"
import { compilePattern } from "../patterns/compile-pattern.ts"
import type { PatternPlan } from "../patterns/pattern.ts"
import { stageNamesOf } from "../patterns/pattern-stages.ts"
import { checkLabelNames, checkTrigger } from "./check-trigger.ts"
import { compileAggregates, inputOf, placeOf, triggerInput } from "./inputs.ts"
import { modeOf } from "./mode.ts"
import { limits, Problems } from "./problems.ts"
import type { Program, ProgramInput } from "./program.ts"
import { compileTextsOf } from "./texts.ts"

/** How long a match of a pattern fires when the rule says nothing else. */
const matchFiresMs = 300_000

const severities: ReadonlyArray<Severity> = ["critical", "warning", "info"]

const checkMode = (document: RuleDocument, problems: Problems): void => {
  if (modeOf(document) === "trigger") {
    const meaningless = ["for", "clear", "keep_firing_for", "repeat", "missing_data"] as const
    for (const field of meaningless) {
      if (document[field] === undefined) continue
      problems.add(
        field,
        "means nothing in mode trigger: it acts once and has no state",
        'leave it out, or set mode "alert"',
      )
    }
  }
  if (document.pattern !== undefined && document.for !== undefined) {
    problems.add(
      "for",
      "means nothing for a pattern: a match is there or not",
      "leave it out; see keep_firing_for",
    )
  }
  if (document.missing_data !== undefined && document.trigger.type === "schedule") {
    problems.add("missing_data", "means nothing for a schedule", "use a trigger of type metric or event")
  }
}

const stagesOf = ({ stages }: PatternDocument): ReadonlyArray<PatternStage> =>
  stages.flatMap((stage) => [stage, ...(stage.any_of ?? []), ...(stage.all_of ?? []), ...(stage.group ?? [])])

/** Adds to `inputs` what its stages name themselves. */
const compilePatternOf = (
  document: PatternDocument,
  inputs: Array<ProgramInput>,
  problems: Problems,
): PatternPlan | undefined => {
  const trigger = inputs[0]!
  for (const stage of stagesOf(document)) {
    if (stage.metric !== undefined || stage.event !== undefined) {
      placeOf(inputOf(stage, trigger), inputs)
    }
  }
  const { name, where, isEvent } = trigger
  const from = { where, ...(isEvent ? { event: name } : { metric: name }) }
  const compiled = compilePattern(document, from, compileCondition)
  if ("plan" in compiled) return compiled.plan
  for (const { field, problem, remedy } of compiled.problems) {
    problems.add(field.replaceAll(/\[([0-9]+)\]/gu, ".$1"), problem, remedy)
  }
  return undefined
}

const levelsOf = (
  document: RuleDocument,
  environment: Environment,
  problems: Problems,
): Program["levels"] => {
  const levels = document.levels ?? []
  problems.distinct(
    "levels",
    levels.map(({ severity }) => severity),
  )
  return levels
    .flatMap(({ severity, condition: source }, index) => {
      const condition = problems.condition(`levels.${index}.condition`, source, environment)
      return condition === undefined ? [] : [{ severity, condition }]
    })
    .toSorted((one, other) => severities.indexOf(one.severity) - severities.indexOf(other.severity))
}

const timesOf = (document: RuleDocument, problems: Problems) => {
  const { timing = {}, missing_data: missing } = document
  return {
    forMs: problems.duration("for", document.for, limits.for),
    keepFiringMs: problems.duration(
      "keep_firing_for",
      document.keep_firing_for,
      limits.keepFiringFor,
      document.pattern === undefined ? 0 : matchFiresMs,
    ),
    cooldownMs: problems.duration("cooldown", document.cooldown, limits.cooldown),
    repeatMs: problems.duration("repeat", document.repeat, limits.repeat),
    missingMs: problems.duration("missing_data.after", missing?.after, limits.missingAfter),
    outOfOrdernessMs: problems.duration(
      "timing.out_of_orderness",
      timing.out_of_orderness,
      limits.outOfOrderness,
    ),
    allowedLatenessMs: problems.duration(
      "timing.allowed_lateness",
      timing.allowed_lateness,
      limits.allowedLateness,
    ),
  }
}

/** What conditions of a rule can see. `filter`: one item, before anything is known of its group. */
const environmentsOf = (document: RuleDocument, inputs: ReadonlyArray<ProgramInput>) => {
  const { pattern, aggregates = {} } = document
  const looked = pattern === undefined ? inputs.slice(0, 1) : inputs
  const isMetric = document.trigger.type === "metric"
  const filter: Environment = {
    aggregates: [],
    stages: [],
    hasValue: isMetric,
    hasPrevious: false,
    hasEvent: !isMetric,
  }
  const condition: Environment = {
    aggregates: Object.keys(aggregates).filter((name) => !isTaken(name)),
    stages: pattern === undefined ? [] : [...new Set(stageNamesOf(pattern))],
    hasValue: looked.some(({ isEvent }) => !isEvent),
    hasPrevious: isMetric,
    hasEvent: looked.some(({ isEvent }) => isEvent),
  }
  return { filter, condition }
}

/** Characters of a condition that people are told. */
const toldConditionMax = 300

const policyOf = (document: RuleDocument, repeatMs: number): Program["policy"] => ({
  name: document.name,
  actions: (document.actions ?? []).filter(({ type }) => type !== "publish_event"),
  annotations: {},
  ...(document.condition === undefined ? {} : { condition: document.condition.slice(0, toldConditionMax) }),
  ...(document.levels === undefined
    ? {}
    : {
        levels: document.levels.map(({ severity, condition }) => ({
          severity,
          condition: condition.slice(0, toldConditionMax),
        })),
      }),
  ...(document.notify_group_by === undefined ? {} : { groupBy: document.notify_group_by }),
  ...(document.repeat === undefined ? {} : { repeatMs }),
  ...(document.owner === undefined ? {} : { owner: document.owner }),
})

const checkNames = (document: RuleDocument, problems: Problems): void => {
  problems.distinct("group_by", document.group_by ?? [])
  problems.distinct("notify_group_by", document.notify_group_by ?? [])
  checkLabelNames(document.labels ?? {}, "labels", problems)
}

const optional = <K extends string, A>(key: K, value: A | undefined): { readonly [P in K]?: A } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: A }

export const compileRule = (
  rule: string,
  version: number,
  document: RuleDocument,
): { readonly program: Program } | { readonly problems: ReadonlyArray<Problem> } => {
  const problems = new Problems()
  const inputs: Array<ProgramInput> = [triggerInput(rule, document)]
  checkTrigger(document, problems)
  checkMode(document, problems)
  checkNames(document, problems)
  const times = timesOf(document, problems)
  const aggregates = compileAggregates(document.aggregates ?? {}, times.allowedLatenessMs, inputs, problems)
  const pattern =
    document.pattern === undefined ? undefined : compilePatternOf(document.pattern, inputs, problems)
  const environments = environmentsOf(document, inputs)
  const conditionOf = (field: "filter" | "condition" | "clear", environment: Environment) =>
    document[field] === undefined ? undefined : problems.condition(field, document[field], environment)
  const filter = conditionOf("filter", environments.filter)
  const condition = conditionOf("condition", environments.condition)
  const clear = conditionOf("clear", environments.condition)
  const levels = levelsOf(document, environments.condition, problems)
  const texts = compileTextsOf(document, inputs, environments.condition, problems)
  if (problems.found.length > 0 || aggregates === undefined) return { problems: problems.found }
  const { repeatMs, missingMs, allowedLatenessMs: _, ...known } = times
  const missing = document.missing_data && { afterMs: missingMs, state: document.missing_data.state }
  return {
    program: {
      rule,
      version,
      document,
      mode: modeOf(document),
      inputs,
      groupBy: document.group_by ?? [],
      ...optional("filter", filter),
      aggregates,
      ...optional("pattern", pattern),
      ...optional("condition", condition),
      ...optional("clear", clear),
      levels,
      severity: document.severity ?? "warning",
      ...known,
      ...optional("missing", missing),
      onError: document.on_error ?? "error",
      publishLate: document.timing?.late === "publish",
      ...texts,
      policy: policyOf(document, repeatMs),
      reachMs:
        aggregates.reachMs +
        (pattern?.withinMs ?? 0) +
        known.outOfOrdernessMs +
        Math.max(known.forMs, known.keepFiringMs, missingMs),
    },
  }
}
