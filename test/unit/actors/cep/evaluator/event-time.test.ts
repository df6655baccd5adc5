/** Event time: what is in order, what waits, what is late, and what happens when nothing comes. */
import { describe, expect, it } from "vitest"
import { futureMaxMs } from "../../../../../actors/cep/group/live-rule.ts"
import { forgottenAfterMs, idleAfterMs } from "../../../../../actors/cep/group/waking.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"
import { cpuRule, RuleLane, tenant } from "./rule-lane.ts"

const count = (size: string): Partial<RuleDocument> => ({
  aggregates: { n: { function: "count", window: { type: "tumbling", size } } },
  condition: "n >= 3.0",
})
const figures = (lane: RuleLane) => lane.evaluator.figures(tenant, "r")

describe("an item that is older than the newest of its group", () => {
  it("is late, is not seen and is counted", () => {
    const lane = new RuleLane().rule("r", cpuRule()).sample(10, 10).sample(95, 9).sample(10, 11)
    expect(lane.said()).toEqual([])
    expect(figures(lane)).toMatchObject({ late: 1 })
  })

  it("is put in order when it is behind by no more than out_of_orderness", () => {
    const rule = cpuRule({ timing: { out_of_orderness: "5s" }, condition: "value < previous" })
    const lane = new RuleLane().rule("r", rule)
    lane.sample(1, 1).sample(3, 3).sample(2, 2).sample(4, 8).sample(5, 14)
    expect(lane.said()).toEqual([])
    expect(figures(lane)).toMatchObject({ late: 0, evaluations: 4 })
    lane.sample(2, 8.9)
    expect(figures(lane)).toMatchObject({ late: 1 })
  })

  it("is of no matter to other groups", () => {
    const lane = new RuleLane().rule("r", cpuRule({ group_by: ["host"] }))
    lane.sample(10, 10, { host: "a" }).sample(95, 9, { host: "b" })
    expect(lane.said()).toEqual(["firing@9"])
  })

  it("still counts in its window within the allowed lateness", () => {
    const rule = cpuRule({ ...count("10s"), timing: { allowed_lateness: "20s" } })
    const lane = new RuleLane().rule("r", rule)
    lane.sample(1, 1).sample(1, 2).sample(1, 12)
    expect(lane.said()).toEqual([])
    lane.sample(1, 3)
    expect(lane.said()).toEqual(["firing@12"])
  })

  it("is published when the rule says so and no window wants it", () => {
    const lane = new RuleLane().rule("r", cpuRule({ timing: { late: "publish" } }))
    lane.sample(10, 10, { host: "a" }).sample(95, 4, { host: "a" })
    expect(lane.published).toMatchObject([
      {
        type: "millrace.late",
        depth: 1,
        origin: { rule: "r", lane: 3 },
        attributes: { name: "cpu", host: "a", value: 95, behind_ms: 6_000 },
      },
    ])
  })
})

describe("an item from the future", () => {
  it("is refused and counted beyond what clocks differ by", () => {
    const seconds = futureMaxMs / 1_000
    const lane = new RuleLane().rule("r", cpuRule()).sample(95, seconds + 1, {}, 0)
    expect(lane.said()).toEqual([])
    expect(figures(lane)).toMatchObject({ refused: 1 })
    expect(lane.sample(95, seconds, {}, 0).said()).toEqual([`firing@${seconds}`])
  })
})

describe("without items, time", () => {
  const idle = idleAfterMs / 1_000

  it("closes windows, dated to their end however often somebody looks", () => {
    const often = new RuleLane().rule("r", cpuRule(count("10s")))
    often.sample(1, 1).sample(1, 2).sample(1, 3).ticks(4, 60)
    const seldom = new RuleLane().rule("r", cpuRule(count("10s")))
    seldom.sample(1, 1).sample(1, 2).sample(1, 3).tick(60)
    const said = often.said()
    expect(said[0]).toBe("firing@10")
    expect(seldom.said()).toEqual(said)
  })

  it("goes on only after the group was idle for a while, and by out_of_orderness later", () => {
    const lane = new RuleLane().rule("r", cpuRule({ for: "10s" })).sample(95, 0)
    expect(lane.tick(10 + idle - 1).said()).toEqual(["pending@0"])
    expect(lane.tick(10 + idle).said()).toEqual(["firing@10"])
    const patient = new RuleLane().rule("r", cpuRule({ for: "10s", timing: { out_of_orderness: "3s" } }))
    patient.sample(95, 0).tick(10 + idle + 2)
    expect(patient.said()).toEqual(["pending@0"])
    expect(patient.tick(10 + idle + 3).said()).toEqual(["firing@10"])
  })

  it("stays as far behind as the group's items were", () => {
    const lane = new RuleLane().rule("r", cpuRule({ for: "10s" })).sample(95, 0, {}, 100)
    expect(lane.tick(110 + idle - 1).said()).toEqual(["pending@0"])
    expect(lane.tick(110 + idle).said()).toEqual(["firing@10"])
  })

  it("brings out what waits to be put in order", () => {
    const lane = new RuleLane().rule("r", cpuRule({ timing: { out_of_orderness: "5s" } })).sample(95, 1)
    expect(lane.said()).toEqual([])
    expect(lane.ticks(2, 20).said()).toEqual(["firing@1"])
  })

  it("lets a group be forgotten, and what comes of it again has a higher number", () => {
    const lane = new RuleLane().rule("r", cpuRule()).sample(95, 1).sample(10, 2)
    const [, resolved] = lane.transitions
    lane.tick(3 + forgottenAfterMs / 1_000)
    expect(lane.evaluator.groups(tenant, "r")).toEqual([])
    lane.sample(95, 4_000)
    const again = lane.transitions.at(-1)!
    expect(again.fingerprint).toBe(resolved?.fingerprint)
    expect(again.number).toBeGreaterThan(resolved?.number ?? 0)
  })

  it("does not let a group be forgotten that fires", () => {
    const lane = new RuleLane().rule("r", cpuRule()).sample(95, 1).ticks(7_200, 7_210).sample(10, 7_220)
    expect(lane.said()).toEqual(["firing@1", "resolved@7220"])
  })
})

describe("missing data", () => {
  const missing = (state: "no_data" | "firing" | "resolved" | "keep", value: number) => {
    const lane = new RuleLane().rule("r", cpuRule({ missing_data: { after: "30s", state } }))
    return lane.sample(value, 1).ticks(2, 100).sample(10, 101).said()
  }

  it.each<["no_data" | "firing" | "resolved" | "keep", number, ReadonlyArray<string>]>([
    ["no_data", 10, ["no_data:missing_data@31", "resolved@101"]],
    ["no_data", 95, ["firing@1", "no_data:missing_data@31", "resolved@101"]],
    ["firing", 10, ["firing:missing_data@31", "resolved@101"]],
    ["firing", 95, ["firing@1", "resolved@101"]],
    ["resolved", 95, ["firing@1", "resolved:missing_data@31"]],
    ["resolved", 10, []],
    ["keep", 95, ["firing@1", "resolved@101"]],
  ])("becomes %s after a last value of %d", (state, value, said) => {
    expect(missing(state, value)).toEqual(said)
  })

  it("is noticed by a rule without keys that never saw anything", () => {
    const rule = cpuRule({ missing_data: { after: "30s", state: "no_data" } })
    expect(new RuleLane().rule("r", rule, 5).ticks(6, 60).said()).toEqual(["no_data:missing_data@35"])
  })
})
