/** Makes conditions and values of their source, or says what is wrong with it. */
import { adapt, checkOperands, checkShape, expressionProblem, isCostly } from "./bounds.ts"
import { withOneEffort } from "./effort.ts"
import { compileExplainers, type Explainer } from "./explain.ts"
import type { Condition, Environment, ExpressionProblem, Scope, Value } from "./expression.ts"
import { languageOf } from "./language.ts"
import { libraryOf } from "./library.ts"
import { type Compiling, compileAnything } from "./operand.ts"
import { type Node, typeOf } from "./tree.ts"
import { troubleOf } from "./trouble.ts"
import { compileTruth, isTruth } from "./truth.ts"

export const sourceCharactersMax = 2_000

interface Checked {
  readonly node: Node
  readonly compiling: Compiling
}

/** Parsed, its cost bounded, its types checked. */
const check = (source: string, environment: Environment): Checked | ExpressionProblem => {
  if (source.trim() === "") return { problem: "is empty", remedy: "write for example value > 80" }
  if (source.length > sourceCharactersMax) {
    return {
      problem: `has ${source.length} characters`,
      remedy: `use at most ${sourceCharactersMax}, or several rules`,
    }
  }
  const problems: Array<ExpressionProblem> = []
  const report = (node: Node, problem: string, remedy: string) => {
    problems.push(expressionProblem(node, problem, remedy))
  }
  const language = languageOf(environment)
  try {
    const parsed = language.parse(source)
    checkShape(parsed.ast, report)
    if (problems[0] !== undefined) return problems[0]
    adapt(parsed.ast)
    const checked = parsed.check()
    if (!checked.valid) return troubleOf(checked.error, source, environment)
    checkOperands(parsed.ast, report)
    if (problems[0] !== undefined) return problems[0]
    return { node: parsed.ast, compiling: { environment, library: libraryOf(language, environment) } }
  } catch (error) {
    return troubleOf(error, source, environment)
  }
}

export const isProblem = (made: object): made is ExpressionProblem => "problem" in made

export const compileCondition = (source: string, environment: Environment): Condition | ExpressionProblem => {
  const checked = check(source, environment)
  if (isProblem(checked)) return checked
  const { node, compiling } = checked
  if (!isTruth(node)) {
    return expressionProblem(
      node,
      `is a ${typeOf(node)}, not true or false`,
      "compare it with something, for example with > 80",
    )
  }
  const uses = compiling.library.uses(node)
  const truth = compileTruth(node, compiling)
  let explainers: ReadonlyArray<Explainer> | undefined
  return {
    source,
    uses: uses.slots,
    usesPrevious: uses.previous,
    usesMatched: uses.matched,
    evaluate: isCostly(node) ? (scope) => withOneEffort(() => truth(scope)) : truth,
    explain: (scope) => {
      explainers ??= compileExplainers(node, source, compiling)
      return withOneEffort(() => explainers!.map((explain) => explain(scope)))
    },
  }
}

/** Evaluates to undefined while a value that it uses is not there yet. */
export const compileValue = (source: string, environment: Environment): Value | ExpressionProblem => {
  const checked = check(source, environment)
  if (isProblem(checked)) return checked
  const { node, compiling } = checked
  const { get, unknown } = compileAnything(node, compiling)
  const value = (scope: Scope) => (unknown(scope) ? undefined : get(scope))
  return { source, evaluate: isCostly(node) ? (scope) => withOneEffort(() => value(scope)) : value }
}
