/** A defect in what one rule does is that rule's end, until somebody changes it. */
import { describe, expect, it } from "vitest"
import type { LiveRule } from "../../../../../actors/cep/group/live-rule.ts"
import type { HeldBytes } from "../../../../../actors/cep/held-bytes.ts"
import type { Aggregates } from "../../../../../actors/cep/windows/aggregates.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"
import { cpuRule, RuleLane, tenant } from "./rule-lane.ts"

const mean: RuleDocument = cpuRule({
  group_by: ["host"],
  condition: "mean > 90.0",
  aggregates: { mean: { function: "avg", window: { type: "sliding", size: "1m" } } },
})

interface Insides {
  readonly tenants: ReadonlyMap<string, { readonly rules: ReadonlyMap<string, LiveRule> }>
}

/** From now on windows of the rule that begin have a defect that shows with values of 13 and with time. */
const sabotage = (lane: RuleLane, rule: string): void => {
  const { program } = (lane.evaluator as unknown as Insides).tenants.get(tenant)!.rules.get(rule)!
  const make = program.aggregates.make
  const broken = (held: HeldBytes): Aggregates => {
    const whole = make(held)
    return Object.assign(Object.create(whole) as Aggregates, {
      add: (...[input, at, value, text, closed]: Parameters<Aggregates["add"]>) => {
        if (value === 13) throw new TypeError("windows are broken")
        whole.add(input, at, value, text, closed)
      },
      advance: () => {
        throw new TypeError("time is broken")
      },
    })
  }
  Object.assign(program, { aggregates: { ...program.aggregates, make: broken } })
}

const twoRules = () => {
  const lane = new RuleLane()
  lane.rule("bad", mean).rule("good", mean)
  sabotage(lane, "bad")
  return lane.sample(95, 1, { host: "a" }).sample(50, 1, { host: "b" }).sample(50, 1, { host: "c" })
}

const saidBy = (lane: RuleLane, rule: string) =>
  lane.transitions
    .filter((transition) => transition.rule === rule)
    .map(({ to, labels, detail }) => [to, labels.host, detail])

const detail = "stopped until it is changed, by a defect in its evaluation: windows are broken"

describe("a rule with a defect", () => {
  it("stops, says so once for what it had said and where it happened, and the others go on", () => {
    const lane = twoRules()
    lane.sample(13, 2, { host: "b" }).sample(99, 3, { host: "b" }).sample(13, 4, { host: "a" })
    expect(saidBy(lane, "bad")).toEqual([
      ["firing", "a", undefined],
      ["error", "a", detail],
      ["error", "b", detail],
    ])
    expect(saidBy(lane, "good")).toEqual([
      ["firing", "a", undefined],
      ["resolved", "a", undefined],
    ])
    expect(lane.evaluator.defects()).toEqual([{ tenant, rule: "bad", detail }])
    expect(lane.evaluator.defects()).toEqual([])
    expect(lane.evaluator.figures(tenant, "bad")).toMatchObject({
      errors: 1,
      evaluations: 3,
      groups: 2,
      lastError: { detail },
    })
    expect(lane.evaluator.figures(tenant, "good")).toMatchObject({ errors: 0, evaluations: 6, groups: 3 })
  })

  it("does not take the other samples of its message with it", () => {
    const lane = twoRules()
    const series = ["a", "b", "c"].map((host) => JSON.stringify(["cpu", "host", host]))
    const at = 1_700_000_002_000
    lane.evaluator.samples(
      tenant,
      {
        series,
        seriesOf: new Uint32Array([0, 1, 2, 0]),
        values: new Float64Array([96, 13, 96, 97]),
        times: new Float64Array([at, at, at, at + 1]),
      },
      { sequence: 90, at },
    )
    expect(lane.evaluator.figures(tenant, "bad")).toMatchObject({ evaluations: 4, errors: 1 })
    expect(lane.evaluator.figures(tenant, "good")).toMatchObject({ evaluations: 7, errors: 0 })
  })

  it("stops when it shows as time passes, too", () => {
    const lane = twoRules().ticks(60, 80)
    expect(lane.evaluator.defects()).toMatchObject([
      { rule: "bad", detail: expect.stringContaining("time is broken") },
    ])
    expect(lane.evaluator.figures(tenant, "good")).toMatchObject({ errors: 0, groups: 3 })
  })

  it("stays stopped where the lane goes next, begins anew with its next change, and ends what it said", () => {
    const lane = twoRules().sample(13, 2, { host: "b" }).reopen()
    lane.sample(99, 3, { host: "c" })
    expect(lane.evaluator.figures(tenant, "bad")).toMatchObject({ evaluations: 3, groups: 2 })
    lane.outputs = []
    lane.rule("bad", { ...mean, description: "mended" }, 4).sample(99, 5, { host: "c" })
    expect(saidBy(lane, "bad")).toEqual([
      ["resolved", "a", undefined],
      ["resolved", "b", undefined],
      ["firing", "c", undefined],
    ])
    expect(lane.evaluator.figures(tenant, "bad")).toMatchObject({ groups: 1 })
  })

  it("says the same to whoever reads the same messages", () => {
    const runs = [1, 2].map(() => JSON.stringify(twoRules().sample(13, 2, { host: "c" }).tick(90).outputs))
    expect(runs[0]).toBe(runs[1])
  })
})
