/** The methods `agent.*` in JSON-RPC's envelope: in batches, as notifications, and in whatever else is sent. */
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode

beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node.stop())

const post = (body: unknown) => node.request("POST", "/a2a", { body })

describe("batches and notifications", () => {
  it("hold these methods like any others", async () => {
    const status = (id?: number) => ({
      jsonrpc: "2.0",
      method: "agent.status",
      params: { agent_id: "guide" },
      ...(id === undefined ? {} : { id }),
    })
    const batch = [status(1), status(), { jsonrpc: "2.0", method: "agent.none", id: 2 }, status(3)]
    const all = (await (await post(batch)).json()) as ReadonlyArray<{ id: number; error?: { code: number } }>
    expect(all.map(({ id }) => id)).toEqual([1, 2, 3])
    expect(all[1]!.error!.code).toBe(-32601)
    const silent = await post(status())
    expect([silent.status, await silent.text()]).toEqual([204, ""])
  })
})

/** Source: https://www.jsonrpc.org/specification#response_object */
const isAnswer = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false
  const { jsonrpc, id, result, error } = value as Record<string, unknown>
  if (jsonrpc !== "2.0" || !("id" in value)) return false
  if (id !== null && typeof id !== "string" && typeof id !== "number") return false
  if ("result" in value === "error" in value) return false
  if ("result" in value) return result !== undefined
  const { code, message } = error as Record<string, unknown>
  return Number.isInteger(code) && typeof message === "string"
}

const method = fc.oneof(
  fc.constantFrom(
    "agent.register",
    "agent.execute",
    "agent.status",
    "agent.capabilities",
    "agent.transfer",
    "agent.",
    "agent.__proto__",
    "agent.toString",
  ),
  fc.string(),
)
const params = fc.oneof(
  fc.record(
    {
      agent_id: fc.oneof(fc.constantFrom("guide", "nobody", 3, null), fc.jsonValue()),
      task: fc.oneof(fc.constant("hello"), fc.jsonValue()),
      from_agent: fc.jsonValue(),
      to_agent: fc.jsonValue(),
      name: fc.jsonValue(),
      framework: fc.oneof(fc.constant("Agno"), fc.jsonValue()),
      endpoint: fc.oneof(fc.constant("http://192.0.2.1/"), fc.jsonValue()),
      context: fc.oneof(fc.record({ session_id: fc.jsonValue() }), fc.jsonValue()),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
)
const request = fc.record(
  {
    jsonrpc: fc.oneof({ weight: 9, arbitrary: fc.constant("2.0") }, { weight: 1, arbitrary: fc.jsonValue() }),
    method: fc.oneof({ weight: 9, arbitrary: method }, { weight: 1, arbitrary: fc.jsonValue() }),
    params,
    id: fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.jsonValue()),
  },
  { requiredKeys: ["method"] },
)

describe("whatever is sent", () => {
  it("the answer is one of JSON-RPC, or none", { timeout: 120_000 }, async () => {
    const anything = fc.oneof(
      { weight: 8, arbitrary: request },
      { weight: 2, arbitrary: fc.array(request, { maxLength: 4 }) },
      { weight: 1, arbitrary: fc.jsonValue() },
    )
    const property = fc.asyncProperty(anything, async (body) => {
      const response = await post(JSON.stringify(body))
      const text = await response.text()
      expect([200, 204]).toContain(response.status)
      if (response.status === 204) {
        expect(text).toBe("")
        return
      }
      const answer: unknown = JSON.parse(text)
      const all = Array.isArray(answer) ? answer : [answer]
      expect(all.length).toBeGreaterThan(0)
      for (const one of all) expect(isAnswer(one), JSON.stringify(one)).toBe(true)
      for (const one of all) expect((one as { error?: { code: number } }).error?.code).not.toBe(-32603)
    })
    await fc.assert(property, { numRuns: 200, seed: 4_711 })
  })
})
