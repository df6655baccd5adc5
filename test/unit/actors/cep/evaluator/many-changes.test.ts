/** Thousands of changes of one lane that wait for their past at the same time. */
import { describe, expect, it } from "vitest"
import { rulesMax } from "../../../../../actors/cep/lane-changes.ts"
import { rememberedEventsMax } from "../../../../../actors/cep/tenant-rules.ts"
import type { CepEvent } from "../../../../../schemas/index.ts"
import { cpuRule, RuleLane, start, tenant } from "./rule-lane.ts"

const aggregates = { n: { function: "count", window: { type: "sliding", size: "1m" } } } as const
const place = { sequence: 50_000, at: start + 2_000 }
const awaitedOf = ({ evaluator }: RuleLane) => [...(evaluator.awaiting().get(tenant)?.values() ?? [])]

describe("rules that all change at once", () => {
  it("keep their places in a lane that is half full", { timeout: 60_000 }, () => {
    const lane = new RuleLane()
    const names = Array.from({ length: rulesMax / 2 + 1 }, (_, index) => `r${index}`)
    for (const name of names) lane.rule(name, cpuRule())
    const document = cpuRule({ aggregates, condition: "n > 1.0" })
    const change = { tenant, number: names.length + 1, version: 2, document }
    for (const rule of names) lane.evaluator.announce({ ...change, rule }, place)
    const [first] = awaitedOf(lane)
    const past = new RuleLane()
    past.evaluator.change(first!.change, { sequence: 1, at: start })
    lane.evaluator.adopt([first!], { ...place, sequence: 50_001 }, past.evaluator)
    const figures = lane.evaluator.figures(tenant, "r0")
    expect(figures).toMatchObject({ version: 2, isFilling: false })
    expect(figures?.lastError).toBeUndefined()
    lane.evaluator.announce({ ...change, rule: "new" }, place)
    expect(awaitedOf(lane)).toHaveLength(names.length)
  })

  it("do not make their lane take an event again that it has seen", () => {
    const onEvents = (event: string) =>
      cpuRule({ trigger: { type: "event", event }, aggregates, condition: "n > 1.0", group_by: [] })
    const events = (type: string, count: number): ReadonlyArray<CepEvent> =>
      Array.from({ length: count }, (_, index) => ({ id: `${index}`, type, at: start, attributes: {} }))
    const lane = new RuleLane().rule("old", onEvents("old"))
    lane.evaluator.events(tenant, events("old", 1), place)
    const change = { tenant, rule: "new", number: 1, version: 1, document: onEvents("new") }
    lane.evaluator.announce(change, place)
    const past = new RuleLane()
    past.evaluator.change(change, { sequence: 1, at: start })
    past.evaluator.events(tenant, events("new", rememberedEventsMax), place)
    lane.evaluator.adopt(awaitedOf(lane), place, past.evaluator)
    lane.evaluator.take()
    lane.evaluator.events(tenant, events("old", 1), place)
    expect(lane.evaluator.take()).toEqual([])
    // What was seen in its past was seen as well.
    const before = lane.evaluator.figures(tenant, "new")?.evaluations
    lane.evaluator.events(tenant, events("new", rememberedEventsMax).slice(-1), place)
    expect(lane.evaluator.figures(tenant, "new")?.evaluations).toBe(before)
  })
})

describe("the groups of a rule that begins anew", () => {
  it("tell what holds as fully as if each of them had changed alone", () => {
    const document = cpuRule({
      group_by: ["host"],
      annotations: { summary: '{{ labels.host.matches("x+y") }}' },
    })
    const change = { tenant, rule: "r", number: 1, version: 1, document, anew: "x" }
    const past = new RuleLane()
    past.evaluator.change(change, { sequence: 1, at: start })
    for (let host = 0; host < 500; host++) past.sample(95, 1, { host: `${"x".repeat(200)}${host}` })
    const lane = new RuleLane()
    lane.evaluator.announce(change, place)
    lane.evaluator.adopt(awaitedOf(lane), place, past.evaluator)
    const told = lane.evaluator.take().flatMap((one) => (one.type === "transition" ? [one.transition] : []))
    expect(told).toHaveLength(500)
    expect(new Set(told.map(({ policy }) => policy.annotations.summary))).toEqual(new Set(["false"]))
  })
})
