/** What the routes of a whole node answer. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errorOf, json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
let powerless: string

beforeAll(async () => {
  node = await startTestNode()
  powerless = await node.narrow(await node.login("guest"), ["agent:read"])
})
afterAll(() => node.stop())

describe("the routes", () => {
  it("say how every part of the node is, without a login", async () => {
    const response = await node.request("GET", "/health", { token: "" })
    const { components } = (await response.json()) as { components: Record<string, Record<string, unknown>> }
    expect(Object.keys(components).sort()).toEqual(
      ["database", "engine", "gateway", "host_collector", "lanes", "nats", "projections", "tracing"].sort(),
    )
    expect(components.nats).toMatchObject({ connected: true, durability: { replicas: 1 } })
    expect(components.engine).toMatchObject({ status: "healthy", live: 8, halted: 0 })
    expect(components.database).toMatchObject({ mode: "embedded" })
  })

  it("lock, extend and release under a fencing token", async () => {
    const lock = (verb: string, body: unknown) => node.request("POST", `/api/locks/build/${verb}`, { body })
    const granted = await json(await lock("acquire", { owner: "a", ttl_ms: 60_000 }))
    expect(granted).toMatchObject({ acquired: true, fence: 1 })
    expect(await json(await lock("acquire", { owner: "b", ttl_ms: 60_000 }))).toEqual({ acquired: false })
    expect((await lock("extend", { owner: "b", fence: 1, ttl_ms: 1 })).status).toBe(409)
    expect((await lock("extend", { owner: "a", fence: 1, ttl_ms: 60_000 })).status).toBe(200)
    expect(await json(await lock("release", { owner: "a", fence: 1 }))).toEqual({ released: true })
  })

  it("answer a question about infrastructure with blocks, and show its plan afterwards", async () => {
    const samples = [{ name: "host_cpu_usage_percent", labels: { host: "h1" }, value: 42 }]
    expect((await node.request("POST", "/api/cep/metrics", { body: { samples } })).status).toBe(202)
    const answer = await json(
      await node.request("POST", "/api/ops/questions", { body: { question: "what is the CPU usage now" } }),
    )
    expect(answer).toMatchObject({ status: "answered" })
    const types = (answer.blocks as ReadonlyArray<{ type: string }>).map(({ type }) => type)
    expect(types).toEqual(expect.arrayContaining(["text", "table", "reference"]))
    const plan = await json(await node.request("GET", `/api/ops/plans/${answer.plan_id}`))
    expect((plan.stages as ReadonlyArray<{ name: string }>).map(({ name }) => name)).toEqual([
      "route_plan",
      "validate",
      "execute",
      "compose",
      "present",
    ])
    const unknown = await errorOf(await node.request("GET", "/api/ops/plans/none"))
    expect(unknown).toMatchObject({ status: 404, code: "OPS_PLAN_001" })
  })

  it("give an agent a task, for those who may", async () => {
    const body = { task: "which alerts were there" }
    const done = await node.request("POST", "/api/agents/ops/execute", { body })
    expect(await json(done)).toMatchObject({ status: "success", data: { text: expect.any(String) } })
    const refused = await node.request("POST", "/api/agents/ops/execute", { body, token: powerless })
    expect(refused.status).toBe(403)
    expect((await node.request("POST", "/api/agents/nobody/execute", { body })).status).toBe(404)
  })

  it("keep rules, and say what is wrong with one", async () => {
    const trigger = { type: "metric", metric: "host_load1" }
    const rule = { rule_id: "r1", name: "r", trigger, condition: "value > 1e6" }
    expect((await node.request("POST", "/api/cep/rules", { body: rule })).status).toBe(201)
    const stored = await json(await node.request("GET", "/api/cep/rules/r1"))
    expect(stored).toMatchObject({ rule_id: "r1", document: { trigger, enabled: true } })
    const bad = { ...rule, trigger: { type: "schedule", cron: "never" } }
    expect(await errorOf(await node.request("POST", "/api/cep/rules", { body: bad }))).toMatchObject({
      status: 422,
      code: "CEP_RULE_002",
    })
    expect((await node.request("GET", "/api/cep/alerts?limit=0")).status).toBe(400)
    expect(await json(await node.request("GET", "/api/cep/alerts"))).toHaveProperty("alerts")
  })

  it("keep log lines of a trace for its tenant", async () => {
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    const record = {
      trace_id: trace,
      service_name: "shop",
      agent_id: 1,
      level: "INFO",
      message: "[Agent Transfer] agent-1 → agent-2",
    }
    const receipt = await node.request("POST", "/api/tracing/logs", { body: record })
    expect(receipt.status).toBe(201)
    expect(await json(receipt)).toMatchObject({ log_id: expect.any(Number), timestamp: expect.any(String) })
    await expect
      .poll(async () => json(await node.request("GET", `/api/tracing/logs/${trace}`)), { timeout: 20_000 })
      .toMatchObject({ trace_id: trace, total_logs: 1, logs: [{ service: "shop", is_transfer: true }] })
  })

  it("count requests for Prometheus", async () => {
    const text = await (await node.request("GET", "/metrics")).text()
    expect(text).toMatch(/millrace_http_requests_total\{method="GET",route="\/health",status="200"\} \d+/)
    expect(text).toContain('millrace_partitions{state="live"} 8')
  })
})
