/** Collects everything that is wrong with a rule, each with the path of its field: an author wants to hear it at once. */
import { type DurationText, durationMs, durationText, type Problem } from "../../../schemas/index.ts"
import { compileCondition, isProblem } from "../expression/compile.ts"
import type { Condition, Environment, ExpressionProblem } from "../expression/expression.ts"
import { compileTemplate, type Template } from "../expression/template.ts"

const secondMs = 1_000
const dayMs = 86_400_000

/** Shortest and longest, in milliseconds. */
export const limits = {
  for: [0, 7 * dayMs],
  keepFiringFor: [0, 7 * dayMs],
  cooldown: [0, 31 * dayMs],
  repeat: [60 * secondMs, 31 * dayMs],
  missingAfter: [secondMs, 31 * dayMs],
  outOfOrderness: [0, dayMs],
  allowedLateness: [0, dayMs],
  window: [secondMs, 31 * dayMs],
  pollEvery: [secondMs, dayMs],
  pollTimeout: [100, 60 * secondMs],
} as const satisfies Readonly<Record<string, readonly [number, number]>>

const isTemplate = (made: Template | ReadonlyArray<ExpressionProblem>): made is Template =>
  made.every((part) => typeof part === "string" || !isProblem(part))

export class Problems {
  readonly found: Array<Problem> = []

  add(field: string, problem: string, remedy: string): void {
    this.found.push({ field, problem, remedy })
  }

  private addExpression(field: string, { problem, remedy, start, end }: ExpressionProblem): void {
    const place = start === undefined ? "" : ` (characters ${start + 1} to ${Math.max(start + 1, end ?? 0)})`
    this.add(field, `${problem}${place}`, remedy)
  }

  /** Milliseconds; `otherwise` when it is absent. */
  duration(
    field: string,
    text: DurationText | undefined,
    [least, most]: readonly [number, number],
    otherwise = 0,
  ): number {
    if (text === undefined) return otherwise
    const ms = durationMs(text)
    if (ms < least) this.add(field, `${text} is too short`, `use at least ${durationText(least)}`)
    else if (ms > most) this.add(field, `${text} is too long`, `use at most ${durationText(most)}`)
    return ms
  }

  condition(field: string, source: string, environment: Environment): Condition | undefined {
    const made = compileCondition(source, environment)
    if (!isProblem(made)) return made
    this.addExpression(field, made)
    return undefined
  }

  template(field: string, text: string, environment: Environment): Template {
    const made = compileTemplate(text, environment)
    if (isTemplate(made)) return made
    for (const problem of made) this.addExpression(field, problem)
    return []
  }

  /** Names that must each be there once. */
  distinct(field: string, names: ReadonlyArray<string>): void {
    const twice = names.filter((name, index) => names.indexOf(name) < index)
    if (twice.length > 0) this.add(field, `names ${[...new Set(twice)].join(", ")} twice`, "name each once")
  }
}
