/** Which rules see what, what they publish, and what becomes of it when they change. */
import { describe, expect, it } from "vitest"
import { groupsMax } from "../../../../../actors/cep/group/live-rule.ts"
import { derivationsMax, type RuleDocument, scheduleEvent } from "../../../../../schemas/index.ts"
import { cpuRule, RuleLane, start, tenant } from "./rule-lane.ts"

const eventRule = (more: Partial<RuleDocument> = {}): RuleDocument => ({
  name: "Deployed",
  trigger: { type: "event", event: "deploy" },
  ...more,
})

describe("an event", () => {
  it("acts once each time, and not twice when it comes again", () => {
    const lane = new RuleLane().rule("r", eventRule({ group_by: ["service"], condition: "event.n > 2" }))
    lane.event("deploy", 1, { service: "a", n: 3 }, { id: "x" }).event("deploy", 2, { service: "a", n: 4 })
    lane.event("deploy", 3, { service: "a", n: 3 }, { id: "x" }).event("deploy", 4, { service: "a", n: 1 })
    expect(lane.transitions).toMatchObject([
      { to: "firing", cause: "matched", labels: { service: "a" }, at: start + 1_000 },
      { to: "firing", cause: "matched", at: start + 2_000 },
    ])
  })

  it("acts again only after the cooldown", () => {
    const lane = new RuleLane().rule("r", eventRule({ cooldown: "10s" }))
    for (const second of [1, 5, 11, 12]) lane.event("deploy", second)
    expect(lane.said()).toEqual(["firing:matched@1", "firing:matched@11"])
  })

  it("of a schedule reaches its own rule", () => {
    const every = (name: string): RuleDocument => ({ name, trigger: { type: "schedule", every: "1m" } })
    const lane = new RuleLane().rule("one", every("one")).rule("two", every("two"))
    lane.event(scheduleEvent("two"), 60)
    expect(lane.transitions.map(({ rule }) => rule)).toEqual(["two"])
  })

  it("must have the attributes that the rule asks for", () => {
    const trigger = { type: "event", event: "deploy", where: { stage: "live" } } as const
    const lane = new RuleLane().rule("r", eventRule({ trigger }))
    lane
      .event("deploy", 1, { stage: "test" })
      .event("deploy", 2, { stage: "live" })
      .event("other", 3, { stage: "live" })
    expect(lane.said()).toEqual(["firing:matched@2"])
  })
})

describe("a metric in mode trigger", () => {
  it("acts when the condition begins to hold, not as long as it does", () => {
    const lane = new RuleLane().rule("r", cpuRule({ mode: "trigger" }))
    lane.sample(95, 1).sample(96, 2).sample(10, 3).sample(95, 4)
    expect(lane.said()).toEqual(["firing:matched@1", "firing:matched@4"])
  })
})

describe("an event that a rule publishes", () => {
  const publishing: Partial<RuleDocument> = {
    group_by: ["host"],
    actions: [
      {
        type: "publish_event",
        event: "host.hot",
        on: ["firing"],
        attributes: { much: "{{ value }}", text: "{{ labels.host }} at {{ value }}" },
      },
    ],
  }

  it("has what the rule says of it, a number of its own, and is one deeper", () => {
    const lane = new RuleLane().rule("r", cpuRule(publishing)).sample(95, 1, { host: "a" })
    expect(lane.published).toMatchObject([
      {
        type: "host.hot",
        at: start + 1_000,
        depth: 1,
        attributes: { host: "a", rule: "r", state: "firing", much: 95, text: "a at 95" },
        origin: { rule: "r", lane: 3 },
      },
    ])
  })

  it("is taken once by the rules that wait for it, whatever comes again after a crash", () => {
    const lane = new RuleLane().rule("r", eventRule())
    const origin = (number: number) => ({
      id: `p${number}`,
      depth: 1,
      origin: { rule: "p", lane: 9, number },
    })
    lane.event("deploy", 1, {}, origin(5)).event("deploy", 2, {}, origin(6))
    lane
      .reopen()
      .event("deploy", 3, {}, origin(5))
      .event("deploy", 4, {}, origin(6))
      .event("deploy", 5, {}, origin(9))
    expect(lane.said()).toEqual(["firing:matched@1", "firing:matched@2", "firing:matched@5"])
  })

  it("is not published when it came through too many rules", () => {
    const actions = publishing.actions!
    const lane = new RuleLane().rule(
      "r",
      eventRule({ actions: [{ ...actions[0]!, attributes: {} } as never] }),
    )
    lane
      .event("deploy", 1, {}, { depth: derivationsMax - 1 })
      .event("deploy", 2, {}, { depth: derivationsMax })
    expect(lane.published.map(({ depth }) => depth)).toEqual([derivationsMax])
    expect(lane.evaluator.figures(tenant, "r")).toMatchObject({ errors: 1 })
  })
})

describe("a pattern", () => {
  const pattern: RuleDocument = {
    name: "Failed, then in",
    trigger: { type: "event", event: "login" },
    group_by: ["user"],
    pattern: {
      stages: [
        { name: "failed", times: { min: 3, max: 3 }, condition: "!event.ok" },
        { name: "entered", condition: "event.ok" },
      ],
      within: "1m",
    },
    annotations: { summary: "{{ labels.user }} came in" },
  }
  const attempt = (lane: RuleLane, second: number, ok: boolean, user = "eve") =>
    lane.event("login", second, { user, ok })

  it("fires at its match, and until no match came for keep_firing_for", () => {
    const lane = new RuleLane().rule("r", { ...pattern, keep_firing_for: "30s" })
    for (const second of [1, 2, 3]) attempt(lane, second, false)
    attempt(lane, 3.5, false, "bob")
    attempt(lane, 4, true)
    attempt(lane, 4, true, "bob")
    expect(lane.transitions).toMatchObject([
      {
        to: "firing",
        labels: { user: "eve" },
        at: start + 4_000,
        policy: { annotations: { summary: "eve came in" } },
      },
    ])
    expect(Object.keys(lane.transitions[0]?.matched ?? {})).toEqual(["failed", "entered"])
    lane.outputs = []
    lane.ticks(5, 60)
    expect(lane.transitions).toMatchObject([
      { to: "resolved", at: start + 34_000, policy: { annotations: { summary: "eve came in" } } },
    ])
  })

  it("is sure of an absence when its time is over, without an item", () => {
    const absence: RuleDocument = {
      ...pattern,
      pattern: {
        stages: [
          { name: "began", condition: 'event.step == "begin"' },
          { name: "ended", not: true, condition: 'event.step == "end"' },
        ],
        within: "20s",
      },
      annotations: {},
    }
    const lane = new RuleLane().rule("r", absence)
    lane.event("login", 1, { user: "a", step: "begin" }).event("login", 1, { user: "b", step: "begin" })
    lane.event("login", 5, { user: "a", step: "end" }).ticks(6, 40)
    expect(lane.transitions).toMatchObject([{ to: "firing", labels: { user: "b" }, at: start + 21_000 }])
  })

  it("keeps its partial matches when a condition of it changes", () => {
    const lane = new RuleLane().rule("r", pattern)
    for (const second of [1, 2, 3]) attempt(lane, second, false)
    lane.rule("r", {
      ...pattern,
      pattern: {
        ...pattern.pattern!,
        stages: [pattern.pattern!.stages[0]!, { name: "entered", condition: 'event.user == "eve"' }],
      },
    })
    expect(attempt(lane, 4, false).said()).toEqual(["firing@4"])
  })
})

describe("an error of a condition", () => {
  const broken = (on_error?: "error" | "keep" | "firing") => {
    const rule = cpuRule({
      condition: 'labels.zone == "x" && value > 90',
      ...(on_error === undefined ? {} : { on_error }),
    })
    const lane = new RuleLane()
      .rule("r", rule)
      .sample(95, 1, { zone: "x" })
      .sample(95, 2)
      .sample(10, 3, { zone: "x" })
    return lane.said()
  }

  it("is a state of its own until the next evaluation that works", () => {
    expect(broken()).toEqual(["firing@1", "error:error@2", "resolved@3"])
    expect(broken("keep")).toEqual(["firing@1", "resolved@3"])
    expect(broken("firing")).toEqual(["firing@1", "resolved@3"])
  })
})

describe("bounds", () => {
  it("groups beyond the most that a rule has are refused and counted", () => {
    const lane = new RuleLane().rule("r", cpuRule({ group_by: ["host"] }))
    for (let host = 0; host < groupsMax + 5; host++) lane.sample(10, 1, { host: String(host) })
    expect(lane.evaluator.figures(tenant, "r")).toMatchObject({ groups: groupsMax, refused: 5 })
  })
})
