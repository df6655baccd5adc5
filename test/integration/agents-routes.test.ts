/** The registry of agents over HTTP: the seed's shapes, who sees and may do what, and what is refused with which words. */
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Tenancy } from "../../resources/index.ts"
import { errorOf } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

type Body = Readonly<Record<string, unknown>>
interface Agent {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly status: string
  readonly health_status: string
  readonly settings?: Body
}

let node: TestNode
let olga: string
let nam: string
let dora: string
let sten: string
let admin: string

beforeAll(async () => {
  node = await startTestNode({ MILLRACE_ADMINS: "root,acme/eve" })
  olga = await node.login("olga", { department: "AI팀" })
  nam = await node.login("nam")
  dora = await node.login("dora", { department: "CS팀" })
  sten = await node.login("sten", { department: "Sales" })
  admin = await node.login("root")
}, 60_000)
afterAll(() => node.stop())

const send = (method: string, path: string, token: string, body?: unknown, headers = {}) =>
  node.request(method, path, { token, headers, ...(body === undefined ? {} : { body }) })
const json = async <T>(response: Promise<Response> | Response): Promise<T> =>
  (await (await response).json()) as T
const register = async (body: Body, token = olga): Promise<Agent> => {
  const response = await send("POST", "/api/agents/", token, body)
  expect(response.status).toBe(201)
  return json<Agent>(response)
}
const llm = (name: string, more: Body = {}) => ({ name, framework: "LLM", ...more })
const statusOf = async (method: string, path: string, token: string, body?: unknown) =>
  (await send(method, path, token, body)).status
const list = (query: string, token: string) =>
  json<{ agents: ReadonlyArray<Agent>; total: number; page: number; limit: number }>(
    send("GET", `/api/agents/?${query}`, token),
  )
const names = async (query: string, token: string) =>
  (await list(query, token)).agents.map(({ name }) => name)

describe("registering an agent", () => {
  it("takes the seed's request and gives its shape; the agent is in development and one's own", async () => {
    const made = await register({
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
    const first = await json<Agent>(send("POST", "/api/agents/", olga, llm("Keyed"), headers))
    const again = await json<Agent>(send("POST", "/api/agents/", olga, llm("Keyed"), headers))
    expect(again.id).toBe(first.id)
    await register(llm("Named", { id: "named" }))
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
      register({ ...llm(`list ${name}`), department: "목록팀", ...more })
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

describe("who may use an agent", () => {
  const tasks = { task: "hello" }
  const everybody = () => ({ olga, nam, dora, sten, admin })
  type Who = keyof ReturnType<typeof everybody>

  const cases: ReadonlyArray<readonly [level: string, more: Body, who: ReadonlyArray<Who>]> = [
    ["public", {}, ["olga", "nam", "dora", "sten", "admin"]],
    ["private", {}, ["olga", "admin"]],
    ["team", { allowed_teams: ["CS팀"] }, ["olga", "dora", "admin"]],
    ["user_specific", { allowed_users: ["nam"] }, ["olga", "nam", "admin"]],
  ]
  it.each(cases)("%s: in lists, when it is read, and when it is given a task", async (level, more, who) => {
    const name = `access ${level}`
    const { id } = await register(llm(name, { access_level: level, ...more }))
    const seen: Record<string, ReadonlyArray<unknown>> = {}
    for (const [user, token] of Object.entries(everybody())) {
      const own = await statusOf("POST", `/api/agents/${id}/execute`, token, tasks)
      const a2a = await statusOf("POST", `/api/agents/a2a/execute/${id}`, token, tasks)
      const read = await statusOf("GET", `/api/agents/${id}`, token)
      seen[user] = [(await names(`search=${encodeURIComponent(name)}`, token)).length, read, own, a2a]
    }
    for (const user of Object.keys(everybody()))
      expect([user, seen[user]]).toEqual([
        user,
        who.includes(user as Who) ? [1, 200, 200, 200] : [0, 403, 403, 403],
      ])
  })

  it("loses it with the next change, and keeps the settings from whoever may only use it", async () => {
    const { id } = await register(llm("for now", { llm: { prompt: "be terse" } }))
    expect(await statusOf("GET", `/api/agents/${id}`, sten)).toBe(200)
    const seen = await json<Agent>(send("GET", `/api/agents/${id}`, sten))
    expect(seen.settings).toBeUndefined()
    expect(JSON.stringify(seen)).not.toContain("terse")
    expect((await json<Agent>(send("GET", `/api/agents/${id}`, olga))).settings).toMatchObject({
      llm: { prompt: "be terse" },
    })
    await send("PATCH", `/api/agents/${id}`, olga, { is_public: false })
    expect(await errorOf(await send("GET", `/api/agents/${id}`, sten))).toMatchObject({
      status: 403,
      code: "AGT_AUTH_001",
      details: { agent_id: id, remedy: expect.any(String) },
    })
  })

  it("may change it only as its owner or an administrator", async () => {
    const { id } = await register(llm("mine"))
    const attempts = [
      ["PATCH", "", { name: "stolen" }],
      ["DELETE", "", undefined],
      ["POST", "/restore", {}],
      ["POST", "/status", { status: "STAGING" }],
      ["POST", "/health-check", {}],
    ] as const
    for (const [method, path, body] of attempts) {
      const refused = await send(method, `/api/agents/${id}${path}`, nam, body)
      expect(await errorOf(refused)).toMatchObject({ status: 403, code: "AGT_AUTH_001" })
    }
    const narrow = await node.narrow(olga, ["agent:read", "agent:execute"])
    expect(await statusOf("PATCH", `/api/agents/${id}`, narrow, { name: "x" })).toBe(403)
    expect(await statusOf("PATCH", `/api/agents/${id}`, admin, { name: "tidied" })).toBe(200)
    const after = await json<Agent & { owner_id: string }>(send("GET", `/api/agents/${id}`, nam))
    expect([after.name, after.owner_id]).toEqual(["tidied", "olga"])
  })

  it("is nobody of another tenant, which has the shipped agents and nothing else", async () => {
    await node.request("POST", "/api/admin/tenants/", { token: admin, body: { id: "acme", name: "acme" } })
    const eve = await node.login("eve", { tenant: "acme" })
    const { id } = await register(llm("of the default tenant"))
    expect(await statusOf("GET", `/api/agents/${id}`, eve)).toBe(404)
    expect(await statusOf("POST", `/api/agents/${id}/execute`, eve, tasks)).toBe(404)
    await expect.poll(() => names("", eve), { timeout: 20_000 }).toEqual(["Guide", "Operations"])
    expect(await names("archived=true", eve)).toEqual([])
  })
})

describe("changing an agent", () => {
  it("merges what is said, takes away what is null, and leaves the rest", async () => {
    const { id } = await register({
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
    expect(await statusOf("PATCH", "/api/agents/guide", admin, { name: "x" })).toBe(422)
  })

  it("goes by the version where one is named, and meets others' changes where none is", async () => {
    const made = await send("POST", "/api/agents/", olga, llm("Versioned"))
    const { id } = await json<Agent>(made)
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
    const { id } = await register(llm("Lively"))
    const move = (status: string) => send("POST", `/api/agents/${id}/status`, olga, { status })
    const refused = await move("PRODUCTION")
    expect(refused.headers.get("allow")).toBeNull()
    expect(await errorOf(refused)).toMatchObject({
      status: 422,
      code: "AGT_LIFE_001",
      details: { from: "DEVELOPMENT", allowed: ["STAGING"] },
    })
    expect((await json<Agent>(move("STAGING"))).status).toBe("STAGING")
    expect((await json<Agent>(move("PRODUCTION"))).status).toBe("PRODUCTION")
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

describe("A2A registration", () => {
  const body = {
    name: "A2A Compatible Agent",
    framework: "Agno",
    endpoint: "http://agno.example.com/my-agent/agent",
    capabilities: { version: "1.0.0", skills: ["nlp", "search"], languages: ["ko", "en"] },
  }

  it("gives where to execute; the same owner, name and address is the same agent, brought up to date", async () => {
    const again = () => json<Body>(send("POST", "/api/agents/a2a/register", olga, body))
    const first = await again()
    expect(first).toEqual({
      agent_id: expect.any(String),
      a2a_endpoint: `/api/agents/a2a/execute/${first.agent_id}`,
      status: "registered",
    })
    expect(await again()).toEqual(first)
    const newer = { ...body, capabilities: { version: "1.1.0" } }
    expect(await json(send("POST", "/api/agents/a2a/register", olga, newer))).toEqual(first)
    expect(await json(send("GET", `/api/agents/${first.agent_id}`, olga))).toMatchObject({
      capabilities: { version: "1.1.0", skills: ["nlp", "search"], languages: ["ko", "en"] },
      version: 2,
    })
    const others = await json<Body>(send("POST", "/api/agents/a2a/register", nam, body))
    expect(others.agent_id).not.toBe(first.agent_id)
  })

  it("takes over nobody's agent by its id", async () => {
    const { id } = await register(llm("taken"))
    const taking = await send("POST", "/api/agents/a2a/register", nam, { ...body, id })
    expect(await errorOf(taking)).toMatchObject({ status: 403, code: "AGT_AUTH_001" })
  })

  it("executes as the seed says, with the caller's parameters", async () => {
    const task = { task: "which alerts were there", context: { session_id: "s-1" }, parameters: { a: 1 } }
    const done = await json<Body>(send("POST", "/api/agents/a2a/execute/ops", nam, task))
    expect(done).toMatchObject({
      status: "success",
      data: { text: expect.any(String) },
      metadata: { execution_time: expect.any(Number), tokens_used: expect.any(Number) },
    })
  })
})

describe("health and credentials", () => {
  it("tells when nothing is there, how often and why, the reason only to who may change it", async () => {
    const { id } = await register({ name: "Nowhere", framework: "Custom", endpoint: "http://127.0.0.1:9/x" })
    const check = () => json<Body>(send("POST", `/api/agents/${id}/health-check`, olga, {}))
    await check()
    expect(await check()).toMatchObject({
      health_status: "unhealthy",
      health: { status: "unhealthy", last_check: expect.any(String), detail: expect.any(String) },
    })
    expect(await names("search=Nowhere&health_status=unhealthy", nam)).toEqual(["Nowhere"])
    const seen = await json<{ health: Body }>(send("GET", `/api/agents/${id}`, nam))
    expect(seen.health.detail).toBeUndefined()
    expect(Number(seen.health.consecutive_failures)).toBeGreaterThanOrEqual(2)
  })

  it("keeps a credential sealed, and tells nobody more than that there is one", async () => {
    const secret = "sk-agent-credential-0123456789"
    const { id, ...made } = await register({
      name: "Secretive",
      framework: "OpenAI",
      endpoint: "http://127.0.0.1:9/v1",
      credential: secret,
    })
    expect(made.settings).toMatchObject({ has_credential: true })
    expect(JSON.stringify(made)).not.toContain(secret)
    const rows = await node.run(
      Effect.flatMap(Tenancy, ({ within }) =>
        within("default", (sql) =>
          Effect.all([
            sql`SELECT to_jsonb(t)::text AS line FROM agent_credentials AS t`,
            sql`SELECT to_jsonb(t)::text AS line FROM agents AS t`,
            sql`SELECT to_jsonb(t)::text AS line FROM audit_log AS t`,
          ]),
        ),
      ),
    )
    expect(rows[0]).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(secret)
    expect(JSON.stringify(rows[2])).toContain("agent.credential-set")
    const without = await json<Agent>(send("PATCH", `/api/agents/${id}`, olga, { credential: null }))
    expect(without.settings).toMatchObject({ has_credential: false })
  })
})
