/** Conditions of random shapes, held against the library that parses them. */
import { describe, expect, it } from "@effect/vitest"
import { Environment as Language } from "@marcbachmann/cel-js"
import * as fc from "fast-check"
import { compileCondition, isProblem } from "../../../../../actors/cep/expression/compile.ts"
import {
  type Environment,
  EvaluationError,
  type Scope,
} from "../../../../../actors/cep/expression/expression.ts"

const environment: Environment = {
  aggregates: ["avg_cpu", "total"],
  stages: [],
  hasValue: true,
  hasEvent: true,
}

const evaluated = (source: string, scope: Scope): unknown => {
  const made = compileCondition(source, environment)
  if (isProblem(made)) throw new Error(`${source}: ${JSON.stringify(made)}`)
  try {
    return made.evaluate(scope)
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
    return "error"
  }
}

/** The library by itself, with the same variables and without our closures. A condition is true or false, or an error. */
const language = new Language()
  .registerVariable("value", "double")
  .registerVariable("previous", "double")
  .registerVariable("avg_cpu", "double")
  .registerVariable("total", "double")
  .registerVariable("labels", "map<string, string>")
  .registerVariable("event", "map<string, dyn>")
  .registerFunction("abs(double): double", Math.abs)
  .registerFunction("min(double, double): double", Math.min)
  .registerFunction("max(double, double): double", Math.max)
  .registerOperator("double % double", (left, right) => left % right)

const byLibrary = (source: string, scope: Scope): unknown => {
  const { value, previous, labels, event, aggregates } = scope
  try {
    const result: unknown = language.evaluate(source, {
      value,
      previous,
      labels,
      event,
      avg_cpu: aggregates[0],
      total: aggregates[1],
    })
    return typeof result === "boolean" ? result : "error"
  } catch {
    return "error"
  }
}

const literals = fc.constantFrom("0.0", "1.0", "2.0", "3.5", "-1.0")
const texts = fc.constantFrom("'a'", "'b'", "'ab'", "labels.x", "labels.y", "labels['z']")
const attributes = fc.constantFrom("event.n", "event.t", "event.b", "event.nil", "event.none")
const order = fc.constantFrom("==", "!=", "<", "<=", ">", ">=")
const equality = fc.constantFrom("==", "!=")
const { truth: truths } = fc.letrec<{ readonly number: string; readonly truth: string }>((tie) => ({
  number: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    literals,
    fc.constantFrom("value", "previous", "avg_cpu", "total"),
    fc
      .tuple(tie("number"), fc.constantFrom("+", "-", "*", "/", "%"), tie("number"))
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    tie("number").map((inner) => `-(${inner})`),
    tie("number").map((inner) => `abs(${inner})`),
    fc
      .tuple(fc.constantFrom("min", "max"), tie("number"), tie("number"))
      .map(([name, left, right]) => `${name}(${left}, ${right})`),
    fc
      .tuple(tie("truth"), tie("number"), tie("number"))
      .map(([condition, left, right]) => `(${condition} ? ${left} : ${right})`),
  ),
  truth: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.tuple(tie("number"), order, tie("number")).map((parts) => parts.join(" ")),
    fc.tuple(texts, order, texts).map((parts) => parts.join(" ")),
    fc.tuple(attributes, order, fc.oneof(texts, literals, attributes)).map((parts) => parts.join(" ")),
    fc.tuple(attributes, equality, fc.constantFrom("true", "null")).map((parts) => parts.join(" ")),
    fc.constantFrom(
      "true",
      "false",
      "event.b",
      "event.n",
      "has(labels.x)",
      "has(event.none)",
      "'y' in labels",
      "'nil' in event",
      "labels.x in ['a', 'b']",
      "event.n in [1.0, 2.0]",
      "event.t in ['a']",
      "value in [1.0, 2.0]",
      "labels.x.startsWith('a')",
      "labels.x.contains(labels.y)",
      "event.t.endsWith('b')",
      "[1.0, 2.0].exists(i, i > value)",
    ),
    fc
      .tuple(tie("truth"), fc.constantFrom("&&", "||", "&&", "||", "=="), tie("truth"))
      .map(([left, operator, right]) => `((${left}) ${operator} (${right}))`),
    tie("truth").map((inner) => `!(${inner})`),
    fc
      .tuple(tie("truth"), tie("truth"), tie("truth"))
      .map(([condition, left, right]) => `((${condition}) ? (${left}) : (${right}))`),
  ),
}))

const numbers = fc.constantFrom(-1, 0, 0.5, 1, 2, 3.5, 1e300)
const scopes = fc
  .record({
    value: numbers,
    previous: numbers,
    avg_cpu: numbers,
    total: numbers,
    labels: fc.dictionary(fc.constantFrom("x", "y", "z"), fc.constantFrom("a", "b", "ab")),
    event: fc.record(
      {
        n: numbers,
        t: fc.constantFrom("a", "b"),
        b: fc.boolean(),
        nil: fc.constant(null),
        none: fc.constantFrom(1, "a", true),
      },
      { requiredKeys: ["n", "t", "b", "nil"] },
    ),
  })
  .map(
    ({ avg_cpu, total, ...seen }): Scope => ({
      ...seen,
      at: 1_000,
      aggregates: new Float64Array([avg_cpu, total]),
      matched: {},
    }),
  )

describe("conditions of any shape", () => {
  it("come to what the library comes to", () => {
    fc.assert(
      fc.property(truths, scopes, (source, scope) => {
        fc.pre(language.check(source).valid && source.length <= 2_000)
        const made = compileCondition(source, environment)
        fc.pre(!(isProblem(made) && /more than/u.test(made.problem)))
        expect(evaluated(source, scope)).toBe(byLibrary(source, scope))
      }),
      { numRuns: 1_500 },
    )
  })

  it("say of values that are not there yet only what holds whatever they will be", () => {
    fc.assert(
      fc.property(
        truths,
        scopes,
        fc.subarray(["value", "previous", "avg_cpu", "total"] as const, { minLength: 1 }),
        (source, scope, missing) => {
          fc.pre(language.check(source).valid && source.length <= 2_000)
          const made = compileCondition(source, environment)
          fc.pre(!(isProblem(made) && /more than/u.test(made.problem)))
          const nan = (name: (typeof missing)[number], value: number) =>
            missing.includes(name) ? Number.NaN : value
          const partial: Scope = {
            ...scope,
            value: nan("value", scope.value),
            previous: nan("previous", scope.previous),
            aggregates: new Float64Array([
              nan("avg_cpu", scope.aggregates[0]!),
              nan("total", scope.aggregates[1]!),
            ]),
          }
          const early = evaluated(source, partial)
          if (early !== undefined) expect(early).toBe(byLibrary(source, scope))
        },
      ),
      { numRuns: 1_500 },
    )
  })
})
