import { describe, expect, it } from "@effect/vitest"
import { compatibility } from "../../../../../actors/cep/rule/compatibility.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"

const before: RuleDocument = {
  name: "cpu",
  trigger: { type: "metric", metric: "cpu", where: { env: "prod" } },
  group_by: ["host"],
  aggregates: {
    usual: { function: "avg", window: { type: "sliding", size: "5m" } },
    most: { function: "max", window: { type: "sliding", size: "5m" } },
  },
  pattern: {
    stages: [
      { name: "a", condition: "value > 3" },
      { name: "b", times: { min: 2 }, until: "value > 9" },
    ],
  },
  condition: "usual > 80",
}
const trigger = { type: "metric", metric: "cpu", where: { env: "prod" } } as const
const stages = before.pattern!.stages

describe("an edit of a live rule", () => {
  it("that changes nothing has no differences", () => {
    expect(compatibility(before, structuredClone(before))).toEqual({ keepsState: true, differences: [] })
    const turned = { ...before, trigger: { where: { env: "prod" }, metric: "cpu", type: "metric" } } as const
    expect(compatibility(before, turned).differences).toEqual([])
  })

  it.each<readonly [string, Partial<RuleDocument>]>([
    ["name", { name: "other" }],
    ["description", { description: "what it is for" }],
    ["condition", { condition: "usual > 90" }],
    ["for", { for: "5m" }],
    ["severity", { severity: "critical" }],
    ["actions", { actions: [{ type: "notify", channel: "ops" }] }],
    ["timing.late", { timing: { late: "publish" } }],
    [
      "trigger.poll",
      { trigger: { ...trigger, poll: { url: "http://a", every: "1m", format: "prometheus" } } },
    ],
    ["pattern.stages", { pattern: { stages: [{ name: "a", condition: "value > 4" }, stages[1]!] } }],
    ["pattern.stages", { pattern: { stages: [stages[0]!, { ...stages[1]!, until: "value > 8" }] } }],
  ])("keeps its state when %s changes", (field, change) => {
    const found = compatibility(before, { ...before, ...change })
    expect(found.keepsState).toBe(true)
    expect(found.differences.map((difference) => difference.field)).toEqual([field])
  })

  it.each<readonly [string, Partial<RuleDocument>]>([
    ["trigger", { trigger: { ...trigger, where: { env: "test" } } }],
    ["trigger", { trigger: { ...trigger, metric: "load" } }],
    ["mode", { mode: "trigger" }],
    ["filter", { filter: "value > 0" }],
    ["group_by", { group_by: ["host", "core"] }],
    [
      "aggregates",
      {
        aggregates: {
          ...before.aggregates,
          least: { function: "min", window: { type: "sliding", size: "5m" } },
        },
      },
    ],
    ["aggregates", { aggregates: { most: before.aggregates!.most!, usual: before.aggregates!.usual! } }],
    ["pattern", { pattern: { stages: [stages[1]!, stages[0]!] } }],
    ["pattern", { pattern: { stages, within: "1m" } }],
    ["pattern", { pattern: { stages: [{ name: "a" }, stages[1]!] } }],
    ["timing", { timing: { out_of_orderness: "5s" } }],
  ])("has its state made again when %s changes", (field, change) => {
    const found = compatibility(before, { ...before, ...change })
    expect(found.keepsState).toBe(false)
    expect(found.differences).toEqual([{ field, effect: expect.stringContaining("replaying the stream") }])
  })

  it("keeps its state when only its schedule changes", () => {
    const daily: RuleDocument = { name: "d", trigger: { type: "schedule", cron: "0 9 * * *" } }
    const found = compatibility(daily, { ...daily, trigger: { type: "schedule", cron: "0 8 * * *" } })
    expect(found.keepsState).toBe(true)
    expect(found.differences.map(({ field }) => field)).toEqual(["trigger"])
  })
})
