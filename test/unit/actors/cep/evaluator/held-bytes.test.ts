/** A rule that holds as much as one may, in a lane. */
import { describe, expect, it } from "vitest"
import { heldBytesMax } from "../../../../../actors/cep/held-bytes.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"
import { RuleLane, stateOf, tenant } from "./rule-lane.ts"

const windows = Array.from({ length: 16 }, (_, index) => [
  `d${index}`,
  { function: "distinct", field: "text", window: { type: "sliding", size: `${10 + index}h` } },
])

/** Every event has a text of its own, which each of its windows keeps. */
const greedy = (condition: string): RuleDocument =>
  ({
    name: "Greedy",
    trigger: { type: "event", event: "said" },
    group_by: ["who"],
    aggregates: Object.fromEntries(windows),
    condition,
  }) as RuleDocument

const filler = "x".repeat(260)
const events = 12_000

const run = (isStored: (event: number) => boolean) => {
  const lane = new RuleLane().rule("r", greedy("d0 % 10.0 < 5.0"))
  for (let event = 0; event < events; event++) {
    const who = event < 3_000 ? "early" : event % 3 === 0 ? "often" : "late"
    lane.event("said", event, { who, text: `${event}${filler}` })
    // Edits that keep what the rule holds.
    if (event === 10_500) lane.rule("r", greedy("d15 % 10.0 < 5.0"), event)
    if (isStored(event)) lane.reopen()
  }
  return lane
}

describe("a rule that holds as much as one may", () => {
  it("lets what it held longest go, says how much, and does the same after restarts and edits", () => {
    const whole = run(() => false)
    const figures = whole.evaluator.figures(tenant, "r")!
    expect(figures.crowdedOut).toBeGreaterThan(10_000)
    expect(figures.stateBytes).toBeLessThan(1.2 * heldBytesMax)
    expect(whole.transitions.length).toBeGreaterThan(1_000)
    const cut = run((event) => event === 9_400 || event === 10_501)
    expect(cut.outputs).toEqual(whole.outputs)
    expect(cut.evaluator.figures(tenant, "r")).toMatchObject({ crowdedOut: figures.crowdedOut })
    expect(Buffer.compare(stateOf(cut.evaluator), stateOf(whole.evaluator))).toBe(0)
  })

  it("has no more items waiting for older ones than it has room for", () => {
    const lane = new RuleLane().rule("r", {
      name: "Waits",
      trigger: { type: "event", event: "said" },
      timing: { out_of_orderness: "1h" },
      aggregates: { n: { function: "count", window: { type: "count", count: 1 } } },
      condition: "true",
    })
    const attributes = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`a${index}`, "y".repeat(4_096)]),
    )
    const bytes = 60 * 4_096 * 2 * 2
    const most = Math.ceil(heldBytesMax / bytes)
    for (let event = 0; event < most - 3; event++) lane.event("said", event, attributes)
    expect(lane.evaluator.figures(tenant, "r")!.evaluations).toBe(0)
    for (let event = most; event < most + 20; event++) lane.event("said", event, attributes)
    expect(lane.evaluator.figures(tenant, "r")!.evaluations).toBeGreaterThan(10)
    lane.reopen().event("said", 2 * most, attributes)
    expect(lane.evaluator.figures(tenant, "r")!.evaluations).toBeGreaterThan(11)
  })
})
