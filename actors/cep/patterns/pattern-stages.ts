/** Stages as they are written → what the graph of a pattern is built from, with their conditions compiled. */
import type { PatternDocument, PatternStage, Problem } from "../../../schemas/index.ts"
import type { Condition, Environment } from "../expression/expression.ts"
import type { CompileCondition, PatternTrigger } from "./compile-pattern.ts"
import type { Alternative, Contiguity, Guard, Input, Leaf, Unit, Until } from "./pattern-graph.ts"

type InnerStage = NonNullable<PatternStage["group"]>[number]
type NamedInput = NonNullable<PatternStage["any_of"]>[number]
type AnyStage = PatternStage | InnerStage

const anyOf = (stage: AnyStage): ReadonlyArray<NamedInput> | undefined =>
  "any_of" in stage ? stage.any_of : undefined

/** Every name under which something can be matched, in the order of the document. */
export const stageNamesOf = (document: PatternDocument): ReadonlyArray<string> =>
  document.stages.flatMap((stage) => [
    ...(stage.not === true ? [] : [stage.name]),
    ...(stage.not === true ? [] : (stage.any_of ?? []).map((input) => input.name)),
    ...(stage.all_of ?? []).map((input) => input.name),
    ...(stage.group ?? []).filter((inner) => inner.not !== true).map((inner) => inner.name),
  ])

const repetitionOf = (stage: AnyStage): Contiguity =>
  stage.repetition === "consecutive"
    ? "next"
    : stage.repetition === "allow_combinations"
      ? "followed_by_any"
      : "followed_by"

/** `min: 0` is an optional stage that, if it comes, comes at least once. */
export const isOptional = (stage: AnyStage): boolean => stage.optional === true || stage.times?.min === 0

const timesOf = (stage: AnyStage) => ({
  min: Math.max(1, stage.times?.min ?? 1),
  max: stage.times === undefined ? 1 : (stage.times.max ?? Number.POSITIVE_INFINITY),
  optional: isOptional(stage),
})

const once = { min: 1, max: 1, optional: false } as const

class Stages {
  private readonly trigger: PatternTrigger
  private readonly stages: ReadonlyArray<string>
  private readonly compileCondition: CompileCondition
  private readonly problems: Array<Problem>
  private readonly environments = new Map<string, Environment>()

  constructor(
    trigger: PatternTrigger,
    stages: ReadonlyArray<string>,
    compileCondition: CompileCondition,
    problems: Array<Problem>,
  ) {
    this.trigger = trigger
    this.stages = stages
    this.compileCondition = compileCondition
    this.problems = problems
  }

  inputOf(input: NamedInput | AnyStage): Input {
    const isOwn = input.metric !== undefined || input.event !== undefined
    const from = isOwn ? input : this.trigger
    const where = { ...(isOwn ? {} : this.trigger.where), ...input.where }
    return {
      name: from.event ?? from.metric ?? "",
      isEvent: from.event !== undefined,
      where: Object.entries(where),
    }
  }

  /** The same object for what is the same: making a language of it costs more than reading a condition. */
  private environmentOf(inputs: ReadonlyArray<Input>): Environment {
    const hasValue = inputs.every((input) => !input.isEvent)
    const hasEvent = inputs.every((input) => input.isEvent)
    const key = `${hasValue} ${hasEvent}`
    const known = this.environments.get(key)
    if (known !== undefined) return known
    const environment = { aggregates: [], stages: this.stages, hasValue, hasEvent, hasPrevious: false }
    this.environments.set(key, environment)
    return environment
  }

  conditionOf(source: string, inputs: ReadonlyArray<Input>, field: string): Condition | undefined {
    const compiled = this.compileCondition(source, this.environmentOf(inputs))
    if ("evaluate" in compiled) return compiled
    this.problems.push({ field, problem: compiled.problem, remedy: compiled.remedy })
    return undefined
  }

  alternativeOf(input: NamedInput | AnyStage, names: ReadonlyArray<string>, field: string): Alternative {
    const looked = this.inputOf(input)
    const condition =
      input.condition === undefined
        ? undefined
        : this.conditionOf(input.condition, [looked], `${field}.condition`)
    return {
      input: looked,
      ...(condition === undefined ? {} : { condition }),
      needsMatched: condition?.usesMatched ?? false,
      names: names.map((name) => this.stages.indexOf(name)),
    }
  }

  alternativesOf(stage: AnyStage, within: ReadonlyArray<string>, field: string): ReadonlyArray<Alternative> {
    const own = [...within, stage.name]
    return (
      anyOf(stage)?.map((input, at) =>
        this.alternativeOf(input, [...own, input.name], `${field}.any_of[${at}]`),
      ) ?? [this.alternativeOf(stage, own, field)]
    )
  }

  untilOf(stage: AnyStage, inputs: ReadonlyArray<Input>, field: string): { until?: Until } {
    if (stage.until === undefined) return {}
    const condition = this.conditionOf(stage.until, inputs, `${field}.until`)
    if (condition === undefined) return {}
    return { until: { inputs, condition, needsMatched: condition.usesMatched } }
  }

  leafOf(stage: AnyStage, within: ReadonlyArray<string>, nots: ReadonlyArray<Guard>, field: string): Leaf {
    const alternatives = this.alternativesOf(stage, within, field)
    const inputs = alternatives.map((alternative) => alternative.input)
    return {
      name: stage.name,
      alternatives,
      ...timesOf(stage),
      greedy: stage.greedy === true,
      contiguity: stage.contiguity ?? "followed_by",
      repetition: repetitionOf(stage),
      ...this.untilOf(stage, inputs, field),
      nots,
    }
  }

  memberOf(input: NamedInput, stage: PatternStage, field: string): Leaf {
    const alternatives = [this.alternativeOf(input, [stage.name, input.name], field)]
    const contiguity = stage.contiguity ?? "followed_by"
    const repetition = "followed_by"
    return { name: input.name, alternatives, ...once, greedy: false, contiguity, repetition, nots: [] }
  }

  unitOf(stage: PatternStage, nots: ReadonlyArray<Guard>, field: string): Unit {
    const shape = {
      contiguity: stage.contiguity ?? "followed_by",
      repetition: repetitionOf(stage),
      nots,
    } as const
    if (stage.all_of !== undefined) {
      const leaves = stage.all_of.map((input, at) => this.memberOf(input, stage, `${field}.all_of[${at}]`))
      return { type: "all", leaves, ...shape, ...once, optional: isOptional(stage) }
    }
    if (stage.group !== undefined) {
      const leaves = this.sequence(stage.group, `${field}.group`, (inner, own, place) =>
        this.leafOf(inner, [stage.name], own, place),
      )
      const inputs = leaves.flatMap((leaf) => leaf.alternatives.map((alternative) => alternative.input))
      return { type: "group", leaves, ...shape, ...timesOf(stage), ...this.untilOf(stage, inputs, field) }
    }
    const leaf = this.leafOf(stage, [], [], field)
    return { type: "single", leaves: [leaf], ...shape, ...once, optional: leaf.optional }
  }

  /** What must not come belongs to the stage before it. */
  sequence<Stage extends AnyStage, Made>(
    stages: ReadonlyArray<Stage>,
    field: string,
    make: (stage: Stage, nots: ReadonlyArray<Guard>, field: string) => Made,
  ): ReadonlyArray<Made> {
    const made: Array<Made> = []
    let nots: Array<Guard> = []
    stages.forEach((stage, at) => {
      const place = `${field}[${at}]`
      if (stage.not === true) {
        const atOnce = stage.contiguity === "next"
        nots.push({ name: stage.name, atOnce, alternatives: this.alternativesOf(stage, [], place) })
        return
      }
      nots = []
      made.push(make(stage, nots, place))
    })
    return made
  }
}

/** Adds to `problems` what is wrong with conditions. */
export const unitsOf = (
  document: PatternDocument,
  trigger: PatternTrigger,
  names: ReadonlyArray<string>,
  compileCondition: CompileCondition,
  problems: Array<Problem>,
): ReadonlyArray<Unit> => {
  const stages = new Stages(trigger, names, compileCondition, problems)
  return stages.sequence(document.stages, "pattern.stages", (stage, nots, field) =>
    stages.unitOf(stage, nots, field),
  )
}
