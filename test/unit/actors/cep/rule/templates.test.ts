import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Backtest } from "../../../../../actors/cep/replay/backtest.ts"
import { compileRule } from "../../../../../actors/cep/rule/compile-rule.ts"
import { ruleTemplates } from "../../../../../actors/cep/rule/templates.ts"
import { messagesOf } from "../../../../../actors/cep-rule/past.ts"
import { RuleDocument } from "../../../../../schemas/index.ts"

const template = (id: string) => {
  const found = ruleTemplates.find((one) => one.id === id)
  if (found === undefined) throw new Error(id)
  return found
}

describe("a template of rules", () => {
  it.each(ruleTemplates.map(({ id }) => id))("%s makes a rule of its defaults that can be taken", (id) => {
    const document = Schema.decodeUnknownSync(RuleDocument)(template(id).make({}))
    const made = compileRule("r1", 1, document)
    expect("problems" in made ? made.problems : []).toEqual([])
  })

  it("uses the values that it is given", () => {
    const document = template("static-threshold").make({
      metric: "load",
      threshold: 3,
      clear: "2",
      group_by: "",
    })
    expect(document).toMatchObject({
      trigger: { metric: "load" },
      condition: "value > 3",
      clear: "value <= 2",
    })
    expect(document.group_by).toBeUndefined()
    expect(template("absence").make({ group_by: "host, core" }).group_by).toEqual(["host", "core"])
  })

  it("of an error budget has the burn rate of the workbook", () => {
    expect(template("error-budget-burn").make({}).condition).toBe(
      "errors_long / total_long > 0.0144 && errors_short / total_short > 0.0144",
    )
  })
})

describe("a template of an error budget", () => {
  const minute = 60_000
  /** From one minute until another. */
  type Span = readonly [from: number, until: number]
  const within = (at: number, [from, until]: Span) => at >= from && at < until

  /** Requests and failed ones each minute of eight hours, and when it fires, in minutes. */
  const firings = (samples: "increase" | "total", requests: Span, errors: Span | undefined) => {
    const document = template("error-budget-burn").make({ samples })
    const labels = { service: "shop" }
    const amount = (each: number, at: number, [from]: Span) =>
      samples === "total" ? each * (at - from + 1) : each
    const measured = Array.from({ length: 480 }, (_, at) => [
      ...(within(at, requests)
        ? [{ name: "http_requests", labels, value: amount(1_000, at, requests), at: at * minute }]
        : []),
      ...(errors !== undefined && within(at, errors)
        ? [{ name: "http_errors", labels, value: amount(100, at, errors), at: at * minute }]
        : []),
    ]).flat()
    const backtest = new Backtest(
      { tenant: "t", rule: "burn", version: 1, document },
      { from: 0, until: 480 * minute },
    )
    for (const message of messagesOf(measured, [])) backtest.offer(message)
    return backtest
      .finish()
      .firings.map(({ firedAt, resolvedAt }) =>
        [firedAt, resolvedAt].map((at) => Math.floor((at ?? 0) / minute)),
      )
  }

  it.each(["increase", "total"] as const)("resolves when no %s of errors comes any more", (samples) => {
    const [[firedAt, resolvedAt] = [], ...more] = firings(samples, [0, 480], [60, 120])
    expect(more).toEqual([])
    expect(firedAt).toBeGreaterThanOrEqual(60)
    expect(firedAt).toBeLessThan(70)
    expect(resolvedAt).toBeGreaterThanOrEqual(120)
    expect(resolvedAt).toBeLessThanOrEqual(126)
  })

  it.each(["increase", "total"] as const)("resolves when no %s of requests comes either", (samples) => {
    const found = firings(samples, [0, 120], [60, 120])
    expect(found).toHaveLength(1)
    expect(found[0]![1]).toBeLessThanOrEqual(126)
  })

  it.each(["increase", "total"] as const)("says nothing while no %s of errors ever came", (samples) => {
    expect(firings(samples, [0, 480], undefined)).toEqual([])
  })
})
