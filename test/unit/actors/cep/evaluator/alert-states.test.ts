/** The life of an alert, told as samples (`value` at second), ticks and what is said of them. */
import { describe, expect, it } from "vitest"
import type { RuleDocument } from "../../../../../schemas/index.ts"
import { cpuRule, RuleLane } from "./rule-lane.ts"

type Told = readonly [value: number | "tick", second: number]

const life = (more: Partial<RuleDocument>, ...told: ReadonlyArray<Told>): ReadonlyArray<string> => {
  const lane = new RuleLane().rule("r", cpuRule(more))
  for (const [value, second] of told) value === "tick" ? lane.tick(second) : lane.sample(value, second)
  return lane.said()
}

describe("an alert", () => {
  it.each<[string, Partial<RuleDocument>, ReadonlyArray<Told>, ReadonlyArray<string>]>([
    [
      "fires at once and resolves at once",
      {},
      [
        [95, 1],
        [96, 2],
        [10, 3],
        [10, 4],
      ],
      ["firing@1", "resolved@3"],
    ],
    [
      "fires again after it was resolved",
      {},
      [
        [95, 1],
        [10, 3],
        [95, 4],
      ],
      ["firing@1", "resolved@3", "firing@4"],
    ],
    [
      "pends until the condition held for long enough",
      { for: "60s" },
      [
        [95, 0],
        [95, 30],
        [95, 60],
      ],
      ["pending@0", "firing@60"],
    ],
    [
      "does not fire when the condition ends just at the end of `for`",
      { for: "60s" },
      [
        [95, 0],
        [10, 60],
        [10, 61],
      ],
      ["pending@0", "inactive@60"],
    ],
    [
      "fires at the time at which `for` was over, although the next sample came later",
      { for: "60s" },
      [
        [95, 0],
        [10, 90],
      ],
      ["pending@0", "firing@60", "resolved@90"],
    ],
    [
      "fires when `for` is over and no other sample comes",
      { for: "60s" },
      [
        [95, 0],
        ["tick", 64],
        ["tick", 65],
      ],
      ["pending@0", "firing@60"],
    ],
    [
      "begins `for` anew when the condition ended between",
      { for: "60s" },
      [
        [95, 0],
        [10, 30],
        [95, 40],
        [95, 70],
        [95, 100],
      ],
      ["pending@0", "inactive@30", "pending@40", "firing@100"],
    ],
    [
      "goes on between its condition and its clear condition",
      { clear: "value < 70" },
      [
        [95, 0],
        [80, 1],
        [71, 2],
        [69, 3],
      ],
      ["firing@0", "resolved@3"],
    ],
    [
      "goes on for keep_firing_for after its condition ended",
      { keep_firing_for: "60s" },
      [
        [95, 0],
        [10, 10],
        [10, 69],
        [10, 71],
      ],
      ["firing@0", "resolved@70"],
    ],
    [
      "goes on when the condition holds again within keep_firing_for",
      { keep_firing_for: "60s" },
      [
        [95, 0],
        [10, 10],
        [95, 60],
        [10, 100],
        ["tick", 165],
      ],
      ["firing@0", "resolved@160"],
    ],
    [
      "does not fire again before its cooldown is over",
      { cooldown: "60s" },
      [
        [95, 0],
        [10, 10],
        [95, 20],
        [10, 30],
        [95, 40],
        [95, 80],
      ],
      ["firing@0", "resolved@10", "pending@20", "inactive@30", "pending@40", "firing@70"],
    ],
  ])("%s", (_, document, told, said) => {
    expect(life(document, ...told)).toEqual(said)
  })

  it("changes its severity while it fires, without firing anew", () => {
    const levels = [
      { severity: "critical" as const, condition: "value > 99" },
      { severity: "warning" as const, condition: "value > 95" },
    ]
    expect(life({ severity: "info", levels }, [91, 0], [100, 1], [97, 2], [96, 3], [92, 4], [10, 5])).toEqual(
      ["firing@0", "firing:critical@1", "firing:warning@2", "firing:info@4", "resolved@5"],
    )
  })

  it("is one per combination of keys", () => {
    const lane = new RuleLane().rule("r", cpuRule({ group_by: ["host"] }))
    lane
      .sample(95, 1, { host: "a", core: "0" })
      .sample(95, 2, { host: "b" })
      .sample(10, 3, { host: "a", core: "1" })
    expect(lane.transitions.map(({ to, labels }) => [to, labels])).toEqual([
      ["firing", { host: "a" }],
      ["firing", { host: "b" }],
      ["resolved", { host: "a" }],
    ])
    expect(new Set(lane.transitions.map(({ fingerprint }) => fingerprint)).size).toBe(2)
  })

  it("has numbers that grow, and an id of its rule, its fingerprint and its number", () => {
    const lane = new RuleLane().rule("r", cpuRule()).sample(95, 1).sample(10, 2).sample(95, 3)
    const numbers = lane.transitions.map(({ number }) => number)
    expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other))
    for (const { id, fingerprint, number } of lane.transitions) expect(id).toBe(`r/${fingerprint}/${number}`)
  })
})
