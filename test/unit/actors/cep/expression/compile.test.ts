import { describe, expect, it } from "@effect/vitest"
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
    ["matched.start[1].labels.host == 'a' && matched.start[0].labels['host'] == 'a'", true],
    ["at - matched.start[0].at == 999", true],
    ["matched.start[0].value * 10 < value", true],
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
    ["matched.start[0].labels.zone == 'a'", "error"],
    ["matched.start[0].event.x == 'a'", "error"],
    ["double(labels.env) > 1", "error"],
  ])("with an error, %s: %s", (source, result) => {
    expect(evaluated(source)).toBe(result)
  })

  it("says of previous in a filter that filters have none, and where it is", () => {
    const filter = { aggregates: [], stages: [], hasValue: true, hasPrevious: false, hasEvent: false }
    expect(compileCondition("previous > 1.0", filter)).toMatchObject({
      problem: "there is no previous",
      remedy: expect.stringMatching(/^a filter .* compare with previous in condition; here there are value/),
    })
    const ofEvents = { ...filter, hasValue: false, hasEvent: true }
    expect(compileCondition("previous > 1.0", ofEvents)).toMatchObject({
      remedy: expect.stringContaining("conditions over metrics only"),
    })
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
