/** Makes conditions and values of their source, or says what is wrong with it. */
import { adapt, checkOperands, checkShape, expressionProblem, isCostly } from "./bounds.ts"
import { spend, withOneEffort, withOwnEffort } from "./effort.ts"
import { compileExplainers, type Explainer } from "./explain.ts"
import type { Condition, Environment, ExpressionProblem, Finding, Scope, Truth, Value } from "./expression.ts"
import { languageOf } from "./language.ts"
import { libraryOf, type Uses } from "./library.ts"
import { type Compiling, compileAnything } from "./operand.ts"
import { Parameters, useNumbers } from "./parameters.ts"
import { countOf, type Node, print, typeOf } from "./tree.ts"
import { troubleOf } from "./trouble.ts"
import { compileTruth, isTruth, type Truths } from "./truth.ts"

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

/** Parts of a condition that are evaluated in one step; one with fewer than `countedParts` costs too little to be counted. */
const partsInStep = 2
const countedParts = 50

const counted = (node: Node, truth: Truths): Truths => {
  const parts = countOf(node)
  if (parts < countedParts && !isCostly(node)) return truth
  const steps = Math.ceil(parts / partsInStep)
  return (scope) =>
    withOneEffort(() => {
      spend(steps)
      return truth(scope)
    })
}

/** What conditions share that differ in their numbers and the names of their aggregates alone. */
interface Shape {
  readonly uses: Uses
  readonly truth: Truths
}

/** Shapes that are kept to be shared; conditions go on with theirs when it is forgotten. */
const shapesMax = 1_000
const shapes = new Map<string, Shape>()

const shapeOf = (node: Node, compiling: Compiling, parameters: Parameters): Shape => {
  const truth = compileTruth(node, { ...compiling, parameters })
  const { aggregates, stages } = compiling.environment
  const printed = print(node, (one) => {
    if (one.op !== "id") return parameters.has(one) ? "?" : undefined
    const slot = aggregates.indexOf(one.args)
    return slot < 0 ? undefined : `$${slot}`
  })
  const key = `${stages.join()} ${printed}`
  const known = shapes.get(key)
  if (known !== undefined) return known
  const shape: Shape = {
    uses: compiling.library.uses(node),
    truth: counted(node, truth),
  }
  shapes.set(key, shape)
  if (shapes.size > shapesMax) shapes.delete(shapes.keys().next().value!)
  return shape
}

/** Keeps its source and its numbers. What explains it is made of its source when somebody asks. */
class SharedCondition implements Condition {
  private readonly shape: Shape
  private readonly numbers: ReadonlyArray<number>
  readonly source: string
  private readonly environment: Environment
  private explainers: ReadonlyArray<Explainer> | undefined

  constructor(source: string, environment: Environment, shape: Shape, numbers: ReadonlyArray<number>) {
    this.shape = shape
    this.numbers = numbers
    this.source = source
    this.environment = environment
  }

  get uses(): ReadonlySet<number> {
    return this.shape.uses.slots
  }

  get usesPrevious(): boolean {
    return this.shape.uses.previous
  }

  get usesMatched(): boolean {
    return this.shape.uses.matched
  }

  evaluate(scope: Scope): Truth {
    useNumbers(this.numbers)
    return this.shape.truth(scope)
  }

  explain(scope: Scope): ReadonlyArray<Finding> {
    this.explainers ??= explainersOf(this.source, this.environment)
    const { explainers } = this
    return withOwnEffort(() => explainers.map((explain) => explain(scope)))
  }
}

const explainersOf = (source: string, environment: Environment): ReadonlyArray<Explainer> => {
  const checked = check(source, environment)
  return isProblem(checked) ? [] : compileExplainers(checked.node, source, checked.compiling)
}

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
  const parameters = new Parameters()
  const shape = shapeOf(node, compiling, parameters)
  return new SharedCondition(source, environment, shape, parameters.values())
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
