/** What becomes of a rule's groups, alerts and numbers when it changes, goes, begins anew, or cannot run. */
import { describe, expect, it } from "vitest"
import type { RuleChange } from "../../../../../actors/cep/evaluator.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"
import { cpuRule, RuleLane, start, tenant } from "./rule-lane.ts"

const awaitedOf = ({ evaluator }: RuleLane) => [...(evaluator.awaiting().get(tenant)?.values() ?? [])]

describe("a rule that changes", () => {
  it("keeps what its groups have come to when that means the same", () => {
    const lane = new RuleLane().rule("r", cpuRule({ for: "60s" })).sample(95, 0)
    lane.rule("r", cpuRule({ for: "60s", condition: "value > 80", severity: "critical" }), 30).sample(85, 60)
    expect(lane.transitions).toMatchObject([
      { to: "pending", version: 1 },
      { to: "firing", version: 2, severity: "critical", at: start + 60_000 },
    ])
  })

  it("notices at once what it is told to wait for", () => {
    const lane = new RuleLane().rule("r", cpuRule({ group_by: ["host"] })).sample(10, 0, { host: "a" })
    lane.rule("r", cpuRule({ group_by: ["host"], missing_data: { after: "30s", state: "no_data" } }), 5)
    expect(lane.ticks(6, 40).said()).toEqual(["no_data:missing_data@30"])
  })

  it("goes on counting where its predecessor ended", () => {
    const lane = new RuleLane().rule("r", cpuRule()).sample(10, 1).sample(10, 2)
    lane.rule("r", cpuRule({ group_by: ["host"] })).sample(10, 3)
    expect(lane.evaluator.figures(tenant, "r")).toMatchObject({ version: 2, evaluations: 3 })
  })

  it("ends its alerts when it goes, and is not brought back by an older change", () => {
    const lane = new RuleLane().rule("r", cpuRule()).sample(95, 1).rule("r", undefined, 2)
    expect(lane.said()).toEqual(["firing@1", "resolved:rule_changed@2"])
    lane.evaluator.change(
      { tenant, rule: "r", number: 1, version: 1, document: cpuRule() },
      { sequence: 100, at: start + 3_000 },
    )
    expect(lane.reopen().evaluator.rules()).toEqual([])
  })

  it("begins anew when its groups are others, and takes what was made of its past", () => {
    const lane = new RuleLane().rule("r", cpuRule({ group_by: ["host"] }))
    lane.sample(95, 1, { host: "a", core: "0" }).sample(95, 1, { host: "b" })
    lane.outputs = []
    const windowed = cpuRule({
      group_by: ["host"],
      aggregates: { mean: { function: "avg", window: { type: "sliding", size: "1m" } } },
      condition: "mean > 90.0",
    })
    const past = new RuleLane().rule("r", windowed).rule("r", windowed)
    past.sample(95, 1, { host: "a", core: "0" }).sample(10, 1, { host: "b" })
    const change = { tenant, rule: "r", number: 2, version: 2, document: windowed }
    const place = { sequence: 50, at: start + 2_000 }
    lane.evaluator.announce(change, { sequence: 40, at: start + 1_500 })
    const awaited = awaitedOf(lane)
    expect(awaited).toMatchObject([{ change, place: { sequence: 40 }, names: ["cpu"] }])
    expect(awaited[0]!.reachMs).toBeGreaterThanOrEqual(60_000)
    expect(lane.evaluator.figures(tenant, "r")).toMatchObject({ version: 1, isFilling: true })
    expect(lane.evaluator.take()).toEqual([])
    lane.evaluator.adopt(awaited, place, past.evaluator)
    expect(lane.evaluator.figures(tenant, "r")).toMatchObject({ version: 2, isFilling: false })
    lane.outputs = [...lane.evaluator.take()]
    // What fires still fires and is not said again; what does not is taken back.
    expect(lane.transitions).toMatchObject([{ to: "resolved", cause: "rule_changed", labels: { host: "b" } }])
    lane.sequence = 60
    lane.outputs = []
    lane.sample(20, 3, { host: "a", core: "0" })
    expect(lane.transitions).toMatchObject([
      { to: "resolved", labels: { host: "a" }, values: { mean: 57.5 } },
    ])
    lane.evaluator.announce(change, { sequence: 90, at: start + 4_000 })
    expect(awaitedOf(lane)).toEqual([])
  })
})

describe("the past of a rule without windows", () => {
  const hot = cpuRule({ condition: "value > 90", clear: "value < 50" })
  const edited = cpuRule({ ...hot, filter: "value > 0" })
  const change = { tenant, rule: "r", number: 2, version: 2, document: edited }
  const place = { sequence: 90, at: start + 9_000 }

  it("is read when something fires that was decided long ago", () => {
    const lane = new RuleLane().rule("r", hot).sample(95, 1).sample(70, 2)
    lane.evaluator.announce(change, place)
    const awaited = awaitedOf(lane)
    expect(awaited).toMatchObject([{ reachMs: 24 * 3_600_000 }])
    expect(awaitedOf(lane.reopen())).toEqual(awaited)
    const past = new RuleLane().rule("r", edited).rule("r", edited).sample(95, 1).sample(70, 2)
    lane.outputs = []
    lane.evaluator.adopt(awaited, place, past.evaluator)
    lane.outputs = [...lane.evaluator.take()]
    expect(lane.said()).toEqual([])
    expect(lane.sample(40, 10).said()).toEqual(["resolved@10"])
  })

  it("is not asked for when nothing fires", () => {
    const lane = new RuleLane().rule("r", hot).sample(70, 2)
    lane.evaluator.announce(change, place)
    expect(awaitedOf(lane)).toEqual([])
    expect(lane.evaluator.figures(tenant, "r")).toMatchObject({ version: 2 })
  })
})

describe("the events of a rule that begins anew", () => {
  it("have numbers of their own, whether they tell of what ends or of what begins", () => {
    const published: RuleDocument = {
      ...cpuRule({ group_by: ["host"] }),
      actions: [{ type: "publish_event", event: "said", on: ["firing", "resolved"] }],
    }
    const lane = new RuleLane().rule("r", published).sample(95, 1, { host: "a" })
    const other: RuleDocument = { ...published, group_by: ["core"] }
    const past = new RuleLane().rule("r", other).rule("r", other).sample(95, 1, { core: "0" })
    const change = { tenant, rule: "r", number: 2, version: 2, document: other }
    const place = { sequence: 50, at: start + 2_000 }
    const awaited = [{ change, place, reachMs: 0, names: ["cpu"] }]
    lane.evaluator.adopt(awaited, place, past.evaluator)
    const numbers = [...lane.outputs, ...lane.evaluator.take()].flatMap((output) =>
      output.type === "event" ? [output.event.origin?.number ?? 0] : [],
    )
    expect(numbers).toHaveLength(3)
    expect(numbers).toEqual([...new Set(numbers)].sort((one, another) => one - another))
  })
})

describe("a rule that is made to begin anew", () => {
  const change = {
    tenant,
    rule: "r",
    number: 1,
    version: 1,
    document: cpuRule({ group_by: ["host"] }),
    anew: "x",
  }
  const place = { sequence: 50, at: start + 2_000 }
  const made = (lane: RuleLane, given: RuleChange = change) => {
    const past = new RuleLane()
    past.evaluator.change(given, { sequence: 1, at: start })
    past.sample(95, 1, { host: "a" }).sample(10, 1, { host: "b" })
    lane.evaluator.announce(given, place)
    const awaited = awaitedOf(lane)
    lane.evaluator.adopt(awaited, { sequence: 60, at: start + 3_000 }, past.evaluator)
    return lane.evaluator.take().map((output) => {
      if (output.type === "began") return `began ${output.began.rule} ${output.began.number === 60 * 4_096}`
      return output.type === "event" ? "event" : `${output.transition.to} ${output.transition.labels.host}`
    })
  }

  it("says all that holds, and then that it began, by a number that parts it from what it said before", () => {
    expect(made(new RuleLane())).toEqual(["firing a", "began r true"])
    const known = new RuleLane()
      .rule("r", change.document)
      .sample(95, 1, { host: "a" })
      .sample(95, 1, { host: "b" })
    expect(made(known)).toEqual(["resolved b", "firing a", "began r true"])
  })

  it("looks for its past further back than its windows reach", () => {
    const lane = new RuleLane()
    lane.evaluator.announce(change, place)
    expect(awaitedOf(lane)).toMatchObject([{ reachMs: 24 * 60 * 60_000 }])
    expect(awaitedOf(new RuleLane().rule("r", change.document))).toEqual([])
  })

  it("says so of a rule that is gone, and nothing of one that was changed since", () => {
    const gone: RuleChange = { tenant, rule: "r", number: 7, version: 7, anew: "x" }
    const lane = new RuleLane()
    lane.evaluator.announce(gone, place)
    expect(lane.evaluator.take()).toMatchObject([{ type: "began", began: { rule: "r", number: 50 * 4_096 } }])
    const later = new RuleLane().rule("other", change.document).rule("r", change.document)
    later.evaluator.announce(change, place)
    expect(later.evaluator.take()).toEqual([])
    expect(awaitedOf(later)).toEqual([])
  })
})

describe("a rule that cannot run", () => {
  it("is shown with the reason, whoever reads the state, and the others go on", () => {
    const lane = new RuleLane()
      .rule("bad", cpuRule({ condition: "value >" }))
      .rule("r", cpuRule())
      .reopen()
    expect(lane.sample(95, 1).said()).toEqual(["firing@1"])
    expect(lane.evaluator.rules().map(({ rule }) => rule)).toEqual(["r", "bad"])
    expect(lane.evaluator.figures(tenant, "bad")?.lastError).toMatchObject({
      at: start,
      detail: expect.stringContaining("condition"),
    })
    lane.rule("bad", cpuRule()).sample(96, 2)
    expect(lane.transitions.map(({ rule }) => rule)).toEqual(["bad"])
  })
})
