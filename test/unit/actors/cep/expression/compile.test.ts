import { describe, expect, it } from "@effect/vitest"
import { Environment as Language } from "@marcbachmann/cel-js"
import * as fc from "fast-check"
import { compileCondition, isProblem } from "../../../../../actors/cep/expression/compile.ts"
import {
  type Condition,
  type Environment,
  EvaluationError,
  type Scope,
} from "../../../../../actors/cep/expression/expression.ts"

const environment: Environment = {
  aggregates: ["avg_cpu", "total"],
  stages: ["start"],
  hasValue: true,
  hasEvent: true,
}

const item = (value: number) => ({
  name: "cpu",
  isEvent: false,
  labels: { host: "a" },
  attributes: {},
  value,
  at: 1,
})

const scopeOf = (
  changes: Partial<Scope> & { readonly avg_cpu?: number; readonly total?: number } = {},
): Scope => ({
  value: 81,
  previous: 60,
  at: 1_000,
  labels: { env: "prod", limit: "80" },
  event: { ok: true, amount: 3, kind: "x", nothing: null },
  matched: { start: [item(3), item(4)] },
  ...changes,
  aggregates: new Float64Array([changes.avg_cpu ?? 7, changes.total ?? Number.NaN]),
})

const compiled = (source: string): Condition => {
  const made = compileCondition(source, environment)
  if (isProblem(made)) throw new Error(`${source}: ${JSON.stringify(made)}`)
  return made
}

const outcome = (evaluate: () => unknown): unknown => {
  try {
    return evaluate()
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
    return "error"
  }
}
const evaluated = (source: string, scope = scopeOf()) => outcome(() => compiled(source).evaluate(scope))

describe("a condition", () => {
  it.each([
    ["value > 80", true],
    ["avg_cpu/2 > 3", true],
    ["previous * 2 > value && value == 81", true],
    ["value > 1/2 && 1/2 == 0.5", true],
    ["value % 10 == 1", true],
    ["value in [80, 81.0]", true],
    ["-value < -80", true],
    ["abs(avg_cpu - value) > max(3 * 2, 10) && min(1, 2) == 1", true],
    ["round(avg_cpu / 3, 1) == 2.3", true],
    ["labels.env == 'prod' && labels['env'] in ['prod', 'stage']", true],
    ["has(labels.zone) ? labels.zone == 'a' : value > 90", false],
    ["'env' in labels && !('zone' in labels)", true],
    ["double(labels.limit) < value", true],
    ["labels.env.startsWith('pr') && labels.env.endsWith('od') && labels.env.contains('ro')", true],
    ["labels.env.matches('^pro?d$')", true],
    ["event.ok && event.amount * 2 == 6 && event.kind != 'y'", true],
    ["event.nothing == null && event.amount in [1, 3]", true],
    ["event.kind == 3 || event.kind == 'x'", true],
    ["size(matched.start) == 2 && matched.start[0].value < matched.start[1].value", true],
    ["matched.start[size(matched.start) - 1].value == 4", true],
    ["matched.start.all(one, one.value > 2 && one.labels.host.matches('[ab]'))", true],
    ["size(matched.start.filter(one, one.value > value)) > 0", false],
    ["value / 0 > 1e300 && !(0.0 / 0.0 == 0.0 / 0.0)", true],
    ["true", true],
  ])("%s: %s", (source, result) => {
    expect(evaluated(source)).toBe(result)
  })

  it.each([
    ["total > 3", undefined],
    ["!(total > 3)", undefined],
    ["total != total", undefined],
    ["total > 3 && value > 90", false],
    ["value > 90 && total > 3", false],
    ["total > 3 || value > 80", true],
    ["total > 3 && value > 80", undefined],
    ["total > 3 || value > 90", undefined],
    ["total > 3 ? true : true", undefined],
    ["(value > 80 ? total : 1.0) > 3", undefined],
    ["max(total, 3) > 1", undefined],
    ["string(total) == '3'", undefined],
    ["total in [1, 2]", undefined],
    ["total > 3 && labels.zone == 'a'", undefined],
    ["labels.zone == 'a' || total > 3", undefined],
  ])("that uses a value which is not there yet, %s: %s", (source, result) => {
    expect(evaluated(source)).toBe(result)
  })

  it.each([
    ["labels.zone == 'a'", "error"],
    ["labels.toString == 'a'", "error"],
    ["event.constructor == 'a'", "error"],
    ["event.amount > event.kind", "error"],
    ["event.amount && true", "error"],
    ["labels.zone == 'a' || true", true],
    ["true || labels.zone == 'a'", true],
    ["false && labels.zone == 'a'", false],
    ["labels.zone == 'a' && false", false],
    ["labels.zone == 'a' && true", "error"],
    ["matched.start[5].value > 1", "error"],
    ["double(labels.env) > 1", "error"],
  ])("with an error, %s: %s", (source, result) => {
    expect(evaluated(source)).toBe(result)
  })

  it("says which aggregates it uses, and whether it uses the previous value and what was matched", () => {
    expect(compiled("total > 1 || value > 2").uses).toEqual(new Set([1]))
    expect(compiled("total > 1").usesPrevious).toBe(false)
    expect(compiled("previous > 1").usesPrevious).toBe(true)
    expect(compiled("size(matched.start) > 1").usesMatched).toBe(true)
  })
})

describe("an explanation", () => {
  const explained = (source: string, scope = scopeOf()) => compiled(source).explain(scope)

  it("has each comparison with both sides and by how much it failed", () => {
    expect(explained("(value + 4) * 2 > 200 && !(labels.env == 'test') || has(labels.zone)")).toEqual([
      { source: "(value + 4) * 2 > 200", result: false, left: 170, right: 200, short: 30 },
      { source: "labels.env == 'test'", result: false, left: "prod", right: "test" },
      { source: "has(labels.zone)", result: false },
    ])
  })

  it("names the values that are not there yet, and the errors", () => {
    expect(
      explained("total + previous > 3 && labels.zone == 'a'", scopeOf({ previous: Number.NaN })),
    ).toEqual([
      {
        source: "total + previous > 3",
        result: undefined,
        right: 3,
        detail: "no value yet: previous, total",
      },
      { source: "labels.zone == 'a'", result: "error", right: "a", detail: 'there is no label "zone"' },
    ])
  })
})

describe("a condition that cannot be taken says where, what, and what to do:", () => {
  it.each([
    ["vlaue > 3", "there is no vlaue", "did you mean value?", 0, 5],
    ["value > 3 && totl > 1", "there is no totl", "did you mean total?", 13, 17],
    ["value > labels.limit", "cannot do double > string", "double(labels.x)", 0, 20],
    ["value = 3", "Unexpected character: =", "write ==", 6, 7],
    ["value > 3 and true", "Unexpected character", "&& for and", 10, 13],
    ["value", "is a double, not true or false", "compare it", 0, 5],
    ["value >", "ends too early", "value > 80", 7, 7],
    ["1 < value < 3", "cannot do bool < double", "1 < value && value < 3", 0, 13],
    ["value && true", "Logical operator requires bool", "compare", 0, 13],
    ["matched.strat[0].value > 3", "there is no strat", "the stages are start", 8, 13],
    ["now() > 3", "there is no function now()", "abs, min, max", 0, 5],
    ["labels.env.split(',')[0] == 'a'", "there is no method split()", "startsWith", 0, 21],
    ["cel.bind(x, 1, x) > 2", "there is no method bind()", "startsWith", 0, 17],
    ["{'a': 1}.a == 1", "has a map", "shorter", 1, 1],
    ["labels == labels", "whole lists and maps", "single values", 0, 16],
    ["[1] + [2] == [3]", "whole lists and maps", "single values", 0, 16],
    ["matched.start == matched.start", "whole lists and maps", "single values", 0, 30],
    ["matched.start.all(a, matched.start.all(b, a.at < b.at))", "inside another loop", "one loop", 21, 54],
    ["labels.all(l, l == 'a')", "can go over matched.<stage>", "matched.start.all", 0, 6],
    ["labels.env.matches(labels.limit)", "needs a text in quotes", "^web-", 0, 32],
    ["labels.env.matches('(?=a)')", "looking ahead", "literals, classes", 19, 26],
    [`${"(".repeat(40)}1${")".repeat(40)} > value`, "nested more than 32 deep", "shorter", 32, 32],
    [`value in [${"1,".repeat(100)}1]`, "more than 100 values", "shorter", 210, 210],
    [Array.from({ length: 200 }, () => "at>1").join("||"), "more than 500 parts", "shorter", 753, 753],
  ])("%s", (source, problem, remedy, start, end) => {
    const made = compileCondition(source, environment)
    if (!isProblem(made)) throw new Error("it was taken")
    expect(made.problem).toContain(problem)
    expect(made.remedy).toContain(remedy)
    expect({ start: made.start, end: made.end }).toEqual({ start, end })
  })

  it("too long", () => {
    const made = compileCondition(`value > 1${" ".repeat(2_000)}`, environment)
    expect(isProblem(made) && made.problem).toBe("has 2009 characters")
  })

  it("a variable that is not there for this rule", () => {
    const made = compileCondition("value > 1", { ...environment, hasValue: false })
    expect(isProblem(made) && made.remedy).toContain("samples of metrics only")
  })
})

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
  .map((record) => scopeOf(record))

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
