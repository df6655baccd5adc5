/** Conditions that differ in their numbers alone share what evaluates them, and keep their numbers. */
import { describe, expect, it } from "vitest"
import { compileCondition, isProblem } from "../../../../../actors/cep/expression/compile.ts"
import type { Condition, Environment, Scope } from "../../../../../actors/cep/expression/expression.ts"

const environment: Environment = { aggregates: ["mean", "peak"], stages: [], hasValue: true, hasEvent: false }

const compiled = (source: string, where = environment): Condition => {
  const made = compileCondition(source, where)
  if (isProblem(made)) throw new Error(JSON.stringify(made))
  return made
}

const shapeOf = (condition: Condition) => (condition as unknown as { readonly shape: object }).shape

const scope: Scope = {
  value: 50,
  previous: 40,
  at: 1_000,
  labels: { limit: "7", zone: "1" },
  event: {},
  matched: {},
  aggregates: new Float64Array([5, 10]),
}

describe("conditions of one shape", () => {
  it.each([
    ["value > 40", "value > 60"],
    ["value * 2 - 1 >= 99", "value * 3 - 51.5 >= 99"],
    ["mean > 4 && (peak < 11 || value == 0)", "mean > 4 && (peak < 9 || value == 0)"],
    ["-value < -49.5", "-value < -50.5"],
    ["abs(previous - 90) < max(mean, 51)", "abs(previous - 90) < max(mean, 49)"],
    ["!(value in [1, 2]) && value > 3", "!(value in [1, 2]) && value > 50"],
  ])("%s and %s share their closures and hold by their own numbers", (holds, fails) => {
    const [one, other] = [compiled(holds), compiled(fails)]
    expect(shapeOf(other)).toBe(shapeOf(one))
    expect([one, other, one].map((condition) => condition.evaluate(scope))).toEqual([true, false, true])
    expect([one.source, other.source]).toEqual([holds, fails])
    const told = other.explain(scope)
    expect(told.filter(({ result }) => result === false).every(({ source }) => fails.includes(source))).toBe(
      true,
    )
    expect(told.length).toBeGreaterThan(0)
  })

  it.each([
    ["value in [50, 2]", "value in [51, 2]"],
    ["round(mean / 3, 1) == 1.7", "round(mean / 3, 2) == 1.7"],
    ["double(labels.limit) < 8.0 ? value > 1 : false", "double(labels.limit) < 6.0 ? value > 1 : false"],
    ["labels.zone == '1'", "labels.zone == '2'"],
    ["labels.zone.matches('^[0-9]$')", "labels.zone.matches('^[2-9]$')"],
  ])("%s and %s are of two shapes or keep their numbers", (holds, fails) => {
    const [one, other] = [compiled(holds), compiled(fails)]
    expect([one, other, one].map((condition) => condition.evaluate(scope))).toEqual([true, false, true])
  })

  it("are those over aggregates in the same places, whatever their names", () => {
    const turned = { ...environment, aggregates: ["peak", "mean"] }
    const [here, there, renamed] = [
      compiled("mean > 7"),
      compiled("mean > 7", turned),
      compiled("peak > 7", turned),
    ]
    expect([here, there, renamed].map((condition) => condition.evaluate(scope))).toEqual([false, true, false])
    expect(shapeOf(renamed)).toBe(shapeOf(here))
  })

  it("hold by their numbers after thousands of other shapes made theirs be forgotten", () => {
    const first = compiled("value + 1 > 50")
    for (let zone = 0; zone < 1_200; zone++) compiled(`labels.zone == 'zone-${zone}'`)
    const again = compiled("value + 1 > 52")
    expect([first, again].map((condition) => condition.evaluate(scope))).toEqual([true, false])
  })
})
