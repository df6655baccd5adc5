/** Registering, listing and changing agents over HTTP: the seed's shapes, and what is refused with which words. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { agentsOver, type Body, json, type ListedAgent, llm } from "../support/agents-over-http.ts"
import { errorOf } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
let olga: string
let nam: string
let admin: string

beforeAll(async () => {
  node = await startTestNode({ MILLRACE_ADMINS: "root,acme/eve" })
  olga = await node.login("olga", { department: "AI팀" })
  nam = await node.login("nam")
  admin = await node.login("root")
}, 60_000)
afterAll(() => node.stop())

const { send, register, list, names, statusOf } = agentsOver(() => node)

const custom = { framework: "Custom", endpoint: "http://a.example" }
const openai = { framework: "OpenAI", endpoint: "http://a.example/v1" }
const nested = (depth: number, inner: unknown): unknown => (depth === 0 ? inner : [nested(depth - 1, inner)])

describe("registering an agent", () => {
  it("takes the seed's request and gives its shape; the agent is in development and one's own", async () => {
    const made = await register(olga, {
      name: "New Agent",
      framework: "Langchain-agent",
      a2a_endpoint: "http://localhost:8100/a2a",
      capabilities: { skills: ["chat", "고객 지원"], description: "고객 지원 전문 에이전트" },
      is_public: true,
    })
    expect(made).toMatchObject({ name: "New Agent", status: "DEVELOPMENT", created_at: expect.any(String) })
    const { agents, total, page, limit } = await list("search=고객%20지원", olga)
    expect({ total, page, limit }).toEqual({ total: 1, page: 1, limit: 20 })
    expect(agents[0]).toMatchObject({
      id: made.id,
      name: "New Agent",
      framework: "Langchain-agent",
      status: "DEVELOPMENT",
      capabilities: { skills: ["chat", "고객 지원"], description: "고객 지원 전문 에이전트" },
      owner_id: "olga",
      department: "AI팀",
      is_public: true,
      access_level: "public",
      created_at: expect.any(String),
    })
  })

  it("once per key, and once per id", async () => {
    const headers = { "idempotency-key": "once" }
    const first = await json<ListedAgent>(send("POST", "/api/agents/", olga, llm("Keyed"), headers))
    const again = await json<ListedAgent>(send("POST", "/api/agents/", olga, llm("Keyed"), headers))
    expect(again.id).toBe(first.id)
    await register(olga, llm("Named", { id: "named" }))
    for (const id of ["named", "guide"]) {
      const refused = await send("POST", "/api/agents/", nam, llm("Other", { id }))
      expect(await errorOf(refused)).toMatchObject({ status: 409, code: "AGT_REG_003" })
    }
  })

  it.each([
    ["no address", { framework: "Agno" }, "a2a_endpoint"],
    ["an address for what answers here", llm("x", { endpoint: "http://a.example" }), "a2a_endpoint"],
    [
      "two addresses",
      { framework: "ADK", endpoint: "http://a.example", a2a_endpoint: "http://b.example" },
      "endpoint",
    ],
    ["no team", llm("x", { access_level: "team" }), "allowed_teams"],
    ["no user", llm("x", { access_level: "user_specific" }), "allowed_users"],
    ["two levels", llm("x", { access_level: "team", is_public: true, allowed_teams: ["a"] }), "is_public"],
    ["a skill twice", llm("x", { capabilities: { skills: ["a", "a"] } }), "capabilities.skills.1"],
    ["a credential for what answers here", llm("x", { credential: "s" }), "credential"],
    ["a model for what runs elsewhere", { framework: "A2A", endpoint: "http://a.example", llm: {} }, "llm"],
    [
      "a template for a fixed protocol",
      { framework: "Agno", endpoint: "http://a.example", connection: { response_path: "a.b" } },
      "connection.response_path",
    ],
    [
      "a template without the question",
      { framework: "Custom", endpoint: "http://a.example", connection: { request: { q: "{{user_id}}" } } },
      "connection.request",
    ],
    [
      "a template with what nothing fills in",
      {
        framework: "Custom",
        endpoint: "http://a.example",
        connection: { request: ["{{question}} {{secret}}"] },
      },
      "connection.request",
    ],
    [
      "a template that is nested too deep to be filled in",
      { ...custom, connection: { request: nested(17, "{{question}}") } },
      "connection.request",
    ],
    ["a service of many models without the one that answers", openai, "connection.target"],
    ["a model without a name there", { ...openai, connection: { target: " " } }, "connection.target"],
    ["a model without a name here", llm("x", { llm: { model: "" } }), "llm.model"],
    [
      "a header that carries no credentials",
      { ...custom, credential: "s", connection: { credential_header: "Host" } },
      "connection.credential_header",
    ],
    ["a credential that no header carries", { ...custom, credential: "first\nsecond" }, "credential"],
  ] as const)("refuses %s, naming the field and the remedy", async (_, body, field) => {
    const refused = await errorOf(await send("POST", "/api/agents/", olga, { name: "x", ...body }))
    expect(refused).toMatchObject({
      status: 422,
      code: "AGT_REG_006",
      details: { field, remedy: expect.any(String) },
    })
  })

  it("refuses what is shipped with the product, and what no framework is called", async () => {
    const shipped = await send("POST", "/api/agents/", admin, { name: "x", framework: "Builtin" })
    expect(await errorOf(shipped)).toMatchObject({ status: 422, code: "AGT_REG_007" })
    const unknown = await send("POST", "/api/agents/", olga, { name: "x", framework: "Rasa" })
    expect(await errorOf(unknown)).toMatchObject({
      status: 400,
      details: { field: "framework", reason: expect.stringContaining("Langchain-agent") },
    })
  })

  it.each([
    "ftp://a.example",
    "not an address",
    "http://user:secret@a.example",
    "//a.example",
    "file:///etc/passwd",
  ])("refuses the address %s without repeating it", async (endpoint) => {
    const response = await send("POST", "/api/agents/", olga, { name: "x", framework: "Custom", endpoint })
    const text = await response.clone().text()
    expect(await errorOf(response)).toMatchObject({ status: 400, details: { field: "endpoint" } })
    expect(text).not.toContain("secret@")
  })
})

describe("a list of agents", () => {
  it("is filtered by each of its fields, in any spelling of a framework, and paged by name", async () => {
    const marked = (name: string, more: Body) =>
      register(olga, { ...llm(`list ${name}`), department: "목록팀", ...more })
    const remote = { framework: "adk", endpoint: "http://adk.example/x" }
    await marked("C", remote)
    await marked("a", {})
    const staged = await marked("B", { capabilities: { skills: [{ name: "Refunds", tags: ["Geld"] }] } })
    await send("POST", `/api/agents/${staged.id}/status`, olga, { status: "STAGING" })
    const archived = await marked("D", {})
    await send("DELETE", `/api/agents/${archived.id}`, olga)
    const of = (query: string) => names(`department=목록팀&${query}`, nam)
    expect(await of("")).toEqual(["list a", "list B", "list C"])
    expect(await of("status=STAGING")).toEqual(["list B"])
    for (const framework of ["ADK", "adk", "Adk", "adk-agent"])
      expect(await of(`framework=${framework}`)).toEqual(["list C"])
    expect(await of("search=gELD")).toEqual(["list B"])
    expect(await of("search=%25")).toEqual([])
    expect(await of("owner=olga&health_status=healthy")).toEqual(["list a", "list B"])
    expect(await of("owner=nam")).toEqual([])
    expect(await of("archived=true")).toEqual(["list D"])
    const second = await list("department=목록팀&limit=2&page=2", nam)
    expect([second.agents.map(({ name }) => name), second.total, second.page, second.limit]).toEqual([
      ["list C"],
      3,
      2,
      2,
    ])
    expect(await statusOf("GET", "/api/agents/?limit=101", nam)).toBe(400)
    expect(await statusOf("GET", "/api/agents/?framework=Rasa", nam)).toBe(400)
  })
})

describe("changing an agent", () => {
  it("merges what is said, takes away what is null, and leaves the rest", async () => {
    const { id } = await register(olga, {
      name: "Merge",
      framework: "Custom",
      endpoint: "http://custom.example/x",
      capabilities: { skills: ["a"], description: "d", version: "1", languages: ["ko"] },
      connection: { timeout_ms: 5_000, request: { q: "{{question}}" }, response_path: "results.0.text" },
      examples: ["why"],
      access_level: "team",
      allowed_teams: ["CS팀"],
    })
    const change = {
      capabilities: { description: "new", version: null },
      connection: { timeout_ms: null, request: { ask: ["{{question}}"] } },
      examples: null,
      endpoint: "http://custom.example/y",
    }
    const changed = await json<Body>(send("PATCH", `/api/agents/${id}`, olga, change))
    expect(changed).toMatchObject({
      name: "Merge",
      version: 2,
      capabilities: { skills: ["a"], description: "new", languages: ["ko"] },
      examples: [],
      access_level: "team",
      settings: {
        a2a_endpoint: "http://custom.example/y",
        allowed_teams: ["CS팀"],
        connection: { request: { ask: ["{{question}}"] }, response_path: "results.0.text" },
      },
    })
    expect(JSON.stringify(changed)).not.toContain("timeout_ms")
    const emptied = await errorOf(await send("PATCH", `/api/agents/${id}`, olga, { endpoint: null }))
    expect(emptied).toMatchObject({ status: 422, details: { field: "a2a_endpoint" } })
  })

  it("is for nobody where the product ships it: conversations that name no agent count on it", async () => {
    for (const [method, path, body] of [
      ["PATCH", "guide", { name: "x" }],
      ["DELETE", "guide", undefined],
      ["POST", "ops/status", { status: "STAGING" }],
    ] as const) {
      const refused = await errorOf(await send(method, `/api/agents/${path}`, admin, body))
      expect(refused).toMatchObject({
        status: 422,
        code: "AGT_REG_008",
        details: { remedy: expect.any(String) },
      })
    }
    const { is_archived } = await json<Body>(send("GET", "/api/agents/guide", nam))
    expect(is_archived).toBe(false)
  })

  it("goes by the version where one is named, and meets others' changes where none is", async () => {
    const made = await send("POST", "/api/agents/", olga, llm("Versioned"))
    const { id } = await json<ListedAgent>(made)
    expect(made.headers.get("etag")).toBe('"1"')
    const at = (version: string, body: Body) =>
      send("PATCH", `/api/agents/${id}`, olga, body, { "if-match": version })
    const first = await at('"1"', { name: "Second" })
    expect([first.status, first.headers.get("etag")]).toEqual([200, '"2"'])
    const stale = await errorOf(await at('"1"', { name: "Third" }))
    expect(stale).toMatchObject({ status: 412, code: "AGT_REG_005", details: { version: 2 } })
    const both = await Promise.all(
      [{ examples: ["x"] }, { department: "D" }, { is_public: false }].map((body) =>
        send("PATCH", `/api/agents/${id}`, olga, body),
      ),
    )
    expect(both.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await json(send("GET", `/api/agents/${id}`, olga))).toMatchObject({
      version: 5,
      examples: ["x"],
      department: "D",
      access_level: "private",
    })
  })

  it("moves it one step at a time, and archives and restores it", async () => {
    const { id } = await register(olga, llm("Lively"))
    const move = (status: string) => send("POST", `/api/agents/${id}/status`, olga, { status })
    const refused = await move("PRODUCTION")
    expect(refused.headers.get("allow")).toBeNull()
    expect(await errorOf(refused)).toMatchObject({
      status: 422,
      code: "AGT_LIFE_001",
      details: { from: "DEVELOPMENT", allowed: ["STAGING"] },
    })
    expect((await json<ListedAgent>(move("STAGING"))).status).toBe("STAGING")
    expect((await json<ListedAgent>(move("PRODUCTION"))).status).toBe("PRODUCTION")
    expect(await statusOf("DELETE", `/api/agents/${id}`, olga)).toBe(204)
    const task = { task: "hello" }
    const archived = await errorOf(await send("POST", `/api/agents/${id}/execute`, olga, task))
    expect(archived).toMatchObject({ status: 422, code: "AGT_REG_004" })
    expect(await names("search=Lively", olga)).toEqual([])
    expect(await json(send("GET", `/api/agents/${id}`, olga))).toMatchObject({ is_archived: true })
    expect(await json(send("POST", `/api/agents/${id}/restore`, olga, {}))).toMatchObject({
      is_archived: false,
      status: "PRODUCTION",
    })
    expect(await names("search=Lively", olga)).toEqual(["Lively"])
  })
})
