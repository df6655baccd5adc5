/** What an explanation of a rule tells of each evaluation, on a whole node. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
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

  const send = async (name: string, value: number, at: number) => {
    const samples = [{ name, labels: {}, value, at }]
    expect((await node.request("POST", "/api/cep/metrics", { body: { samples } })).status).toBe(202)
  }
  interface Explained {
    readonly version: number
    readonly summary: string
    readonly groups: ReadonlyArray<{ readonly state: string; readonly steps: ReadonlyArray<unknown> }>
  }
  const explain = async (rule: string, at: number) =>
    (await json(
      await node.request("POST", `${rules}/${rule}/explain`, { body: { at: new Date(at).toISOString() } }),
    )) as unknown as Explained
  const alertOf = async (rule: string) =>
    (
      (await json(await node.request("GET", `/api/cep/alerts?rule=${rule}`))) as {
        alerts: ReadonlyArray<{ fingerprint: string; state: string }>
      }
    ).alerts[0]
  const reaches = (rule: string, state: string) =>
    vi.waitFor(async () => expect((await alertOf(rule))?.state).toBe(state), { timeout: 15_000 })

  it("is explained as what became of its alert: resolved by the edit that could not go on with it", async () => {
    const trigger = { type: "metric", metric: "edited_length" }
    await put("edited", { name: "Edited", trigger, condition: "value > 3.0" })
    await send("edited_length", 5, Date.now())
    await reaches("edited", "firing")
    const mean = { function: "avg", window: { type: "sliding", size: "1m" } }
    await put("edited", { name: "Edited", trigger, aggregates: { mean }, condition: "mean > 300.0" })
    await reaches("edited", "resolved")
    const { version, summary, groups } = await explain("edited", Date.now() + 5_000)
    expect(version).toBe(2)
    expect(groups).toMatchObject([{ state: "resolved", desk: { cause: "rule_changed", agrees: true } }])
    expect(summary).toContain("when version 2 of the rule began to count")
  })

  it("is explained with what was measured long before it was stored", async () => {
    const yesterday = Date.now() - 26 * 60 * 60_000
    const trigger = { type: "metric", metric: "filled_length" }
    await put("filled", { name: "Filled", trigger, condition: "value > 3.0" })
    await send("filled_length", 5, yesterday)
    await reaches("filled", "firing")
    const { summary, groups } = await explain("filled", yesterday + 1_000)
    expect(groups).toMatchObject([{ state: "firing", steps: [{ findings: [{ left: 5 }] }] }])
    expect(summary).toContain("It fired")
  })

  it("is explained with who resolved its alert by hand", async () => {
    const trigger = { type: "metric", metric: "handled_length" }
    await put("handled", { name: "Handled", trigger, condition: "value > 3.0" })
    await send("handled_length", 5, Date.now() - 1_000)
    await reaches("handled", "firing")
    const { fingerprint } = (await alertOf("handled"))!
    await node.request("POST", `/api/cep/alerts/${fingerprint}/resolve`)
    await reaches("handled", "resolved")
    const { summary, groups } = await explain("handled", Date.now())
    expect(groups).toMatchObject([{ state: "firing", desk: { state: "resolved", agrees: false } }])
    expect(summary).toContain("resolved by hand by")
  })

  it("is tried, and each firing of its pattern tells what matched, each transition since when its state is", async () => {
    const stages = [
      { name: "high", condition: "value > 3.0" },
      { name: "low", condition: "value < 2.0" },
    ]
    const trigger = { type: "metric", metric: "tried_length" }
    await put("tried", { name: "Tried", trigger, pattern: { stages }, keep_firing_for: "1m" })
    const [began, name] = [1_767_225_600_000, "tried_length"]
    const body = {
      samples: [5, 1].map((value, index) => ({ name, labels: { a: "b" }, value, at: began + index * 1_000 })),
      wait: "5m",
    }
    const tried = await json(await node.request("POST", `${rules}/tried/test`, { body }))
    expect(tried).toMatchObject({
      firings: [
        {
          matched: {
            high: [{ name, at: "2026-01-01T00:00:00.000Z", value: 5, labels: { a: "b" } }],
            low: [{ name, at: "2026-01-01T00:00:01.000Z", value: 1 }],
          },
        },
      ],
      transitions: [
        { to: "firing", since: "2026-01-01T00:00:01.000Z" },
        { to: "resolved", since: "2026-01-01T00:01:01.000Z", at: "2026-01-01T00:01:01.000Z" },
      ],
    })
  })
})
