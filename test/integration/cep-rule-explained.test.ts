/** What an explanation of a rule tells of each evaluation, on a whole node. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { rulesPath as rules, rulesOn } from "../support/rules.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
}, 120_000)
afterAll(() => node?.stop())

const { put } = rulesOn(() => node)

describe("a rule", () => {
  it("is explained with what is not known yet, and with the times of what died as texts", async () => {
    const began = Date.now() - 10_000
    const sent = [5, 1].map((value, index) => ({
      name: "steps_length",
      labels: {},
      value,
      at: began + index * 1_000,
    }))
    expect((await node.request("POST", "/api/cep/metrics", { body: { samples: sent } })).status).toBe(202)
    const trigger = { type: "metric", metric: "steps_length" }
    const condition = "value > 3.0"
    const stages = [
      { name: "high", condition },
      { name: "again", contiguity: "next", condition },
    ]
    await put("steps", { name: "Steps", trigger, condition: "previous > 3.0" })
    await put("dying", { name: "Dying", trigger, pattern: { stages } })
    const stepsOf = async (rule: string) => {
      const body = { at: new Date(began + 5_000).toISOString() }
      const why = await json(await node.request("POST", `${rules}/${rule}/explain`, { body }))
      return (why as { groups: ReadonlyArray<{ steps: ReadonlyArray<unknown> }> }).groups[0]!.steps
    }
    expect(await stepsOf("steps")).toMatchObject([
      { findings: [{ result: "unknown" }] },
      { findings: [{ result: true, left: 5 }] },
    ])
    const [first, second] = sent.map(({ at }) => new Date(at).toISOString())
    expect(await stepsOf("dying")).toMatchObject([
      { deaths: [] },
      {
        deaths: [{ reason: "strict", stage: "high", started_at: first, at: second }],
      },
    ])
  })
})
