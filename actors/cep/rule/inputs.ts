/** What a rule looks at, and its aggregates: which items feed each of them, over which window. */
import {
  type Aggregate,
  aggregatesMax,
  type RuleDocument,
  scheduleEvent,
  type Window,
} from "../../../schemas/index.ts"
import { isTaken } from "../expression/language.ts"
import type { AggregateSpec, AggregatesPlan, WindowSpec } from "../windows/aggregates.ts"
import { planAggregates, windowProblem, windowsProblem } from "../windows/plan-aggregates.ts"
import { limits, type Problems } from "./problems.ts"
import type { ProgramInput } from "./program.ts"

/** A session that never pauses ends after this when the rule says nothing else. */
const sessionSizeMs = 86_400_000

export const triggerInput = (rule: string, { trigger }: RuleDocument): ProgramInput => {
  if (trigger.type === "schedule") {
    return { isEvent: true, name: scheduleEvent(rule), where: {}, isTrigger: true }
  }
  const isEvent = trigger.type === "event"
  return {
    isEvent,
    name: trigger.type === "event" ? trigger.event : trigger.metric,
    where: trigger.where ?? {},
    isTrigger: true,
  }
}

interface Named {
  readonly metric?: string
  readonly event?: string
  readonly where?: Readonly<Record<string, string>>
}

/** Of an aggregate or a stage: what it names, and else what the rule's trigger names, narrowed by its own `where`. */
export const inputOf = ({ metric, event, where = {} }: Named, trigger: ProgramInput): ProgramInput => {
  const name = metric ?? event
  if (name === undefined) return { ...trigger, where: { ...trigger.where, ...where } }
  return { isEvent: metric === undefined, name, where, isTrigger: false }
}

/** The place of an input among those of the rule; it is put there when it is new. */
export const placeOf = (input: ProgramInput, inputs: Array<ProgramInput>): number => {
  const keyOf = ({ isEvent, name, where, isTrigger, field }: ProgramInput) =>
    JSON.stringify([isEvent, name, Object.entries(where).toSorted(), isTrigger, field ?? null])
  const key = keyOf(input)
  const found = inputs.findIndex((other) => keyOf(other) === key)
  return found >= 0 ? found : inputs.push(input) - 1
}

const specOf = (window: Window, field: string, problems: Problems): WindowSpec => {
  const sizeOf = (text: string, name: string) => problems.duration(`${field}.${name}`, text, limits.window)
  switch (window.type) {
    case "tumbling":
    case "sliding":
      return { type: window.type, sizeMs: sizeOf(window.size, "size") }
    case "hopping":
      return { type: "hopping", sizeMs: sizeOf(window.size, "size"), slideMs: sizeOf(window.slide, "slide") }
    case "session": {
      const gapMs = sizeOf(window.gap, "gap")
      const sizeMaxMs =
        window.size === undefined ? Math.max(gapMs, sessionSizeMs) : sizeOf(window.size, "size")
      if (sizeMaxMs < gapMs) {
        problems.add(`${field}.size`, "is shorter than the gap", "give it at least the length of the gap")
      }
      return { type: "session", gapMs, sizeMaxMs }
    }
    case "count": {
      const slide = window.slide ?? 1
      if (slide > window.count) {
        problems.add(`${field}.slide`, "leaves samples between its windows out", "slide by at most its count")
      }
      return { type: "count", count: window.count, slide }
    }
  }
}

const windowOf = (window: Window, field: string, problems: Problems): WindowSpec => {
  const before = problems.found.length
  const spec = specOf(window, field, problems)
  const trouble = problems.found.length === before ? windowProblem(spec) : undefined
  if (trouble !== undefined) {
    problems.add(window.type === "hopping" ? `${field}.slide` : field, trouble.problem, trouble.remedy)
  }
  return spec
}

const checkField = (aggregate: Aggregate, isEvent: boolean, path: string, problems: Problems): void => {
  const { function: name, field } = aggregate
  if (isEvent && field === undefined && name !== "count") {
    problems.add(`${path}.field`, `${name} over events needs the attribute to take`, "name it in field")
  }
  if (!isEvent && name === "distinct" && field === undefined) {
    problems.add(
      `${path}.field`,
      "distinct over samples needs the label whose values it counts",
      "name it in field",
    )
  }
  if (!isEvent && name !== "distinct" && field !== undefined) {
    problems.add(`${path}.field`, `${name} over samples takes their values, not a field`, "leave field out")
  }
}

const quantileOf = ({ function: name, percentile }: Aggregate, path: string, problems: Problems) => {
  const field = `${path}.percentile`
  if (name !== "percentile") {
    if (percentile !== undefined)
      problems.add(field, `means nothing for ${name}`, "leave it out, or use percentile")
    return undefined
  }
  if (percentile === undefined) problems.add(field, "is missing", "give it, for example 99")
  else if (!(percentile > 0 && percentile < 100)) {
    problems.add(field, `${percentile} is not between 0 and 100`, "use for example 50, 95 or 99")
  }
  return (percentile ?? 50) / 100
}

/** Adds to `inputs` what they need. Undefined when something is wrong with them. */
export const compileAggregates = (
  aggregates: NonNullable<RuleDocument["aggregates"]>,
  allowedLatenessMs: number,
  inputs: Array<ProgramInput>,
  problems: Problems,
): AggregatesPlan | undefined => {
  const before = problems.found.length
  const entries = Object.entries(aggregates)
  if (entries.length > aggregatesMax) {
    problems.add("aggregates", `has ${entries.length}`, `use at most ${aggregatesMax}`)
  }
  const specs: Array<AggregateSpec> = []
  for (const [name, aggregate] of entries) {
    const path = `aggregates.${name}`
    if (isTaken(name))
      problems.add(path, `${name} means something else in conditions`, "give it another name")
    if (aggregate.metric !== undefined && aggregate.event !== undefined) {
      problems.add(path, "names a metric and an event", "name one of them")
    }
    const input = inputOf(aggregate, inputs[0]!)
    checkField(aggregate, input.isEvent, path, problems)
    const { field } = aggregate
    const quantile = quantileOf(aggregate, path, problems)
    const window = windowOf(aggregate.window, `${path}.window`, problems)
    specs.push({
      function: aggregate.function,
      window,
      ...(quantile === undefined ? {} : { quantile }),
      input: placeOf(field === undefined ? input : { ...input, field }, inputs),
    })
  }
  const together = problems.found.length === before ? windowsProblem(specs, allowedLatenessMs) : undefined
  if (together !== undefined) problems.add("aggregates", together.problem, together.remedy)
  return problems.found.length === before ? planAggregates(specs, allowedLatenessMs) : undefined
}
