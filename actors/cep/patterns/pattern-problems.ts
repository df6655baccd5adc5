/** What is wrong with the shape of a pattern, whatever its conditions are: what Flink refuses, and what could never match. */
import {
  durationMs,
  durationText,
  type PatternDocument,
  type PatternStage,
  type Problem,
} from "../../../schemas/index.ts"
import type { PatternTrigger } from "./compile-pattern.ts"
import { isOptional } from "./pattern-stages.ts"

type InnerStage = NonNullable<PatternStage["group"]>[number]
type AnyStage = PatternStage | InnerStage
type NamedInput = NonNullable<PatternStage["any_of"]>[number]

class Problems {
  readonly found: Array<Problem> = []

  when(isWrong: boolean, field: string, problem: string, remedy: string): void {
    if (isWrong) this.found.push({ field, problem, remedy })
  }
}

const partsOf = (stage: AnyStage) => ({
  any: "any_of" in stage ? stage.any_of : undefined,
  all: "all_of" in stage ? stage.all_of : undefined,
  group: "group" in stage ? stage.group : undefined,
})

const checkInput = (
  input: NamedInput | AnyStage,
  trigger: PatternTrigger,
  field: string,
  problems: Problems,
): void => {
  const both = input.metric !== undefined && input.event !== undefined
  problems.when(both, `${field}.event`, "an input is either a metric or an event", "leave out one of the two")
  const none = input.metric === undefined && input.event === undefined
  const triggerHasNone = trigger.metric === undefined && trigger.event === undefined
  problems.when(
    none && triggerHasNone,
    `${field}.metric`,
    "a rule with a schedule has no input that a stage could look at",
    "name the metric or the event of this stage",
  )
}

const checkParts = (stage: AnyStage, trigger: PatternTrigger, field: string, problems: Problems): void => {
  const { any, all, group } = partsOf(stage)
  const named = [any, all, group].filter((part) => part !== undefined)
  const own = stage.metric ?? stage.event ?? stage.where ?? stage.condition
  problems.when(
    named.length > 1 || (named.length === 1 && own !== undefined),
    field,
    "a stage is one input, or one of any_of, all_of and group",
    "put what is in a row into stages of their own, and conditions into the inputs",
  )
  if (named.length === 0) checkInput(stage, trigger, field, problems)
  for (const [name, inputs] of [
    ["any_of", any],
    ["all_of", all],
  ] as const) {
    if (inputs === undefined) continue
    problems.when(
      inputs.length < 2,
      `${field}.${name}`,
      "it needs two inputs or more",
      "name the other inputs, or use a plain stage",
    )
    inputs.forEach((input, at) => {
      checkInput(input, trigger, `${field}.${name}[${at}]`, problems)
    })
  }
}

const checkRepetition = (stage: AnyStage, field: string, problems: Problems): void => {
  const { all, group } = partsOf(stage)
  const { times } = stage
  problems.when(
    times?.max !== undefined && times.max < times.min,
    `${field}.times`,
    "max is below min",
    "exchange the two, or leave out max for no end",
  )
  problems.when(
    stage.until !== undefined && (times === undefined || times.max !== undefined),
    `${field}.until`,
    "it ends a repetition that has no end of its own, and this stage has none",
    'add "times" with a min and no max, or leave out until',
  )
  problems.when(
    stage.repetition !== undefined && times === undefined && all === undefined,
    `${field}.repetition`,
    "this stage is not repeated",
    'add "times", or leave out repetition',
  )
  problems.when(
    all !== undefined && times !== undefined,
    `${field}.times`,
    "all_of is taken once, each of its inputs once",
    "put the stages into a group to repeat a sequence, or leave out times",
  )
  if (stage.greedy !== true) return
  problems.when(
    group !== undefined,
    `${field}.greedy`,
    "a group cannot be greedy",
    "make the stages in it greedy",
  )
  problems.when(
    group === undefined && times === undefined,
    `${field}.greedy`,
    "only what is repeated can be greedy",
    'add "times", or leave out greedy',
  )
  problems.when(
    stage.repetition === "allow_combinations",
    `${field}.greedy`,
    "greedy takes every item, allow_combinations leaves out any: they contradict each other",
    "leave out one of the two",
  )
}

const checkNot = (stage: AnyStage, field: string, problems: Problems): void => {
  const { all, group } = partsOf(stage)
  const options = ["times", "optional", "greedy", "until", "repetition"] as const
  for (const option of options) {
    problems.when(
      stage[option] !== undefined,
      `${field}.${option}`,
      "does not apply to what must not come",
      `leave out ${option}`,
    )
  }
  problems.when(
    all !== undefined || group !== undefined,
    field,
    "only single inputs and any_of can be refused",
    "name the one input that must not come, or use any_of",
  )
  problems.when(
    stage.contiguity === "followed_by_any",
    `${field}.contiguity`,
    'something must not come next, or not before the rest of the pattern: "followed_by_any" is neither',
    'choose "next" or "followed_by"',
  )
}

const checkSequence = (
  stages: ReadonlyArray<AnyStage>,
  field: string,
  isGroup: boolean,
  problems: Problems,
): void => {
  const where = isGroup ? "a group" : "a pattern"
  const first = stages[0]
  problems.when(
    first?.not === true,
    `${field}[0].not`,
    `${where} cannot begin with what must not come`,
    "begin with the input after which it must not come",
  )
  problems.when(
    !isGroup && first?.contiguity !== undefined && first.contiguity !== "followed_by",
    `${field}[0].contiguity`,
    "nothing comes before the first stage",
    "leave out contiguity there",
  )
  problems.when(
    stages.every((stage) => stage.not === true || isOptional(stage)),
    field,
    `every stage of ${where} is optional: it would match nothing at all`,
    "make at least one stage required",
  )
  stages.forEach((stage, at) => {
    if (stage.not !== true) return
    const before = stages[at - 1]
    problems.when(
      before !== undefined && before.not !== true && isOptional(before),
      `${field}[${at}].not`,
      "what must not come cannot follow an optional stage",
      "make two rules, one with and one without the optional stage",
    )
    const after = stages.slice(at + 1).filter((later) => later.not !== true)
    problems.when(
      after.length > 0 && after.every(isOptional),
      `${field}[${at}].not`,
      "only optional stages follow: the pattern would be complete before the absence is sure",
      "make a later stage required, or end the pattern here",
    )
    problems.when(
      isGroup && after.length === 0,
      `${field}[${at}].not`,
      "a group cannot end with what must not come",
      "put it after the group",
    )
  })
}

const checkStage = (stage: AnyStage, trigger: PatternTrigger, field: string, problems: Problems): void => {
  checkParts(stage, trigger, field, problems)
  if (stage.not === true) {
    checkNot(stage, field, problems)
    return
  }
  checkRepetition(stage, field, problems)
  const { group } = partsOf(stage)
  if (group === undefined) return
  problems.when(
    group.length === 0,
    `${field}.group`,
    "there is nothing in it",
    "put stages into it, or leave it out",
  )
  if (group.length > 0) checkSequence(group, `${field}.group`, true, problems)
  group.forEach((inner, at) => {
    checkStage(inner, trigger, `${field}.group[${at}]`, problems)
  })
}

/** Names with the fields that give them. */
const namesOf = (document: PatternDocument): ReadonlyArray<readonly [string, string]> =>
  document.stages.flatMap((stage, at) => {
    const field = `pattern.stages[${at}]`
    const inner = (["any_of", "all_of", "group"] as const).flatMap((part) =>
      (stage[part] ?? []).map((one, place) => [one.name, `${field}.${part}[${place}].name`] as const),
    )
    return [[stage.name, `${field}.name`] as const, ...inner]
  })

const checkNames = (document: PatternDocument, taken: ReadonlyArray<string>, problems: Problems): void => {
  const seen = new Set<string>()
  for (const [name, field] of namesOf(document)) {
    problems.when(
      seen.has(name),
      field,
      `another stage is called "${name}" too`,
      "give each stage a name of its own",
    )
    seen.add(name)
  }
  const skip = document.after_match
  if (skip === undefined || !("stage" in skip)) return
  problems.when(
    !taken.includes(skip.stage),
    "pattern.after_match.stage",
    `no stage that can be matched is called "${skip.stage}"`,
    `name one of: ${taken.join(", ")}`,
  )
}

const checkWithin = (document: PatternDocument, withinMaxMs: number, problems: Problems): void => {
  const field = "pattern.within"
  const last = document.stages.at(-1)
  problems.when(
    document.within === undefined && last?.not === true && last.contiguity !== "next",
    field,
    "the pattern ends with what must not come, and nothing says until when",
    'add "within", such as "10m"',
  )
  if (document.within === undefined) return
  const within = durationMs(document.within)
  problems.when(
    within === 0,
    field,
    "in no time there is room for one item at most",
    'choose a longer time, such as "10m"',
  )
  problems.when(
    within > withinMaxMs,
    field,
    `a pattern can take ${durationText(withinMaxMs)} at most`,
    "choose a shorter time, or let a rule publish an event that another rule waits for",
  )
}

export const problemsOf = (
  document: PatternDocument,
  trigger: PatternTrigger,
  taken: ReadonlyArray<string>,
  withinMaxMs: number,
): ReadonlyArray<Problem> => {
  const problems = new Problems()
  checkSequence(document.stages, "pattern.stages", false, problems)
  document.stages.forEach((stage, at) => {
    checkStage(stage, trigger, `pattern.stages[${at}]`, problems)
  })
  checkNames(document, taken, problems)
  checkWithin(document, withinMaxMs, problems)
  return problems.found
}
