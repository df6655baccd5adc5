/** What is said of rules that are legal and will not work as things are, on a whole node. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { RuleDocument } from "../../schemas/index.ts"
import { json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { rulesPath as rules } from "../support/rules.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
}, 120_000)
afterAll(() => node?.stop())

const works: RuleDocument = {
  name: "Queue is long",
  trigger: { type: "metric", metric: "nobody_sends_this" },
  condition: "value > 100.0",
  actions: [
    { type: "notify", channel: "default" },
    { type: "call_api", api: "https://restart.example/now" },
  ],
}
const doubtful: RuleDocument = {
  ...works,
  trigger: {
    type: "metric",
    metric: "polled_length",
    poll: { url: "http://169.254.169.254/metrics", every: "30s", format: "prometheus" },
  },
  actions: [
    { type: "notify", channel: "pagers" },
    { type: "execute_agent", agent: "nobody", message: "Look at it" },
    { type: "call_api", api: "http://[::1]:8080/restart" },
    { type: "notify", channel: "off" },
  ],
}
const warned = [
  { field: "trigger.poll.url", problem: expect.stringContaining("cloud metadata") },
  { field: "actions.0.channel", problem: 'there is no channel "pagers"' },
  { field: "actions.1.agent" },
  {
    field: "actions.2.api",
    problem: expect.stringContaining("not a public address"),
    remedy: expect.stringContaining("EGRESS_ALLOW"),
  },
  { field: "actions.3.channel", problem: 'the channel "off" is disabled' },
]
const answered = async (method: string, path: string, body: unknown) =>
  json(await node.request(method, path, { body }))

describe("a rule with states and without a condition", () => {
  it("is saved, and said to fire with its first sample, and that clear is never asked", async () => {
    const trigger = { type: "metric", metric: "nobody_sends_this" }
    const always = { field: "condition", problem: expect.stringContaining("fires with the first item") }
    const save = (more: object) => answered("PUT", `${rules}/always`, { name: "Always", trigger, ...more })
    expect(await save({})).toMatchObject({ warnings: [always] })
    expect(await save({ clear: "value < 1.0" })).toMatchObject({ warnings: [always, { field: "clear" }] })
    expect(await save({ mode: "trigger" })).toMatchObject({ warnings: [] })
    expect(await save({ condition: "value > 1.0", clear: "value < 1.0" })).toMatchObject({ warnings: [] })
    expect(await save({ pattern: { stages: [{ name: "a" }] } })).toMatchObject({ warnings: [] })
  })
})

describe("a rule that names what is not there, or may not be reached", () => {
  it("is saved, and each time answered with what will not work and what helps", async () => {
    const off = { name: "Off", settings: { type: "log" }, enabled: false }
    await node.request("PUT", "/api/cep/notifications/channels/off", { body: off })
    const made = await answered("POST", rules, { rule_id: "doubtful", ...doubtful })
    expect(made).toMatchObject({ rule_id: "doubtful", warnings: warned })
    expect(await answered("PUT", `${rules}/doubtful`, doubtful)).toMatchObject({ warnings: warned })
    expect(await answered("POST", `${rules}/doubtful/compare`, doubtful)).toMatchObject({
      changes: false,
      problems: [],
      warnings: warned,
    })
    const samples = [{ name: "polled_length", value: 1, at: 1_767_225_600_000 }]
    expect(await answered("POST", `${rules}/doubtful/test`, { samples })).toMatchObject({ warnings: warned })
    expect(await json(await node.request("GET", `${rules}/doubtful`))).not.toHaveProperty("warnings")
  })
})

describe("a rule of which everything is there", () => {
  it("is answered without a warning, also when nobody has sent its metric yet", async () => {
    expect(await answered("PUT", `${rules}/works`, works)).toMatchObject({ warnings: [] })
  })
})
