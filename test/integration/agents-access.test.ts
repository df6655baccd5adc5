/** Who sees which agent over HTTP and may do what with it; registration by address, health and credentials. */
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { builtinAgents } from "../../actors/index.ts"
import { ownedAgentsMax } from "../../gateway/agents/owned.ts"
import { Tenancy } from "../../resources/index.ts"
import { agentsOver, type Body, json, type ListedAgent, llm } from "../support/agents-over-http.ts"
import { errorOf } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

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

const { send, register, names, statusOf } = agentsOver(() => node)

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
    const { id } = await register(olga, llm(name, { access_level: level, ...more }))
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
    const { id } = await register(olga, llm("for now", { llm: { prompt: "be terse" } }))
    expect(await statusOf("GET", `/api/agents/${id}`, sten)).toBe(200)
    const seen = await json<ListedAgent>(send("GET", `/api/agents/${id}`, sten))
    expect(seen.settings).toBeUndefined()
    expect(JSON.stringify(seen)).not.toContain("terse")
    expect((await json<ListedAgent>(send("GET", `/api/agents/${id}`, olga))).settings).toMatchObject({
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
    const { id } = await register(olga, llm("mine"))
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
    const after = await json<ListedAgent & { owner_id: string }>(send("GET", `/api/agents/${id}`, nam))
    expect([after.name, after.owner_id]).toEqual(["tidied", "olga"])
  })

  it("is nobody of another tenant, which has the shipped agents and nothing else", async () => {
    await node.request("POST", "/api/admin/tenants/", { token: admin, body: { id: "acme", name: "acme" } })
    const eve = await node.login("eve", { tenant: "acme" })
    const { id } = await register(olga, llm("of the default tenant"))
    const shipped = Object.values(builtinAgents)
      .map(({ name }) => name)
      .sort()
    expect(await statusOf("GET", `/api/agents/${id}`, eve)).toBe(404)
    expect(await statusOf("POST", `/api/agents/${id}/execute`, eve, tasks)).toBe(404)
    await expect.poll(() => names("", eve), { timeout: 20_000 }).toEqual(shipped)
    expect(await names("archived=true", eve)).toEqual([])
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

  it("goes by the name alone where there is no address, and leaves what is shipped", async () => {
    const here = () => json<Body>(send("POST", "/api/agents/a2a/register", olga, llm("By name")))
    expect(await here()).toEqual(await here())
    const shipped = await send("POST", "/api/agents/a2a/register", admin, llm("Mine", { id: "assistant" }))
    expect(await errorOf(shipped)).toMatchObject({ status: 409, code: "AGT_REG_003" })
  })

  it("takes over nobody's agent by its id", async () => {
    const { id } = await register(olga, llm("taken"))
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

describe("the number of one user's agents", () => {
  it("is bounded: one more is neither registered nor restored, and what there is is registered again", async () => {
    const hoarder = await node.login("hoarder")
    const address = { name: "By address", framework: "Custom", a2a_endpoint: "http://127.0.0.1:9/x" }
    const again = () => statusOf("POST", "/api/agents/a2a/register", hoarder, address)
    expect(await again()).toBe(200)
    const { id } = await register(hoarder, llm("archived"))
    await send("DELETE", `/api/agents/${id}`, hoarder)
    await node.run(
      Effect.flatMap(Tenancy, ({ within }) =>
        within(
          "default",
          (sql) => sql`
            INSERT INTO agents SELECT (jsonb_populate_record(a, jsonb_build_object('id', 'hoard-' || n, 'archived', false))).*
            FROM agents a, generate_series(1, ${ownedAgentsMax - 1}::int) n
            WHERE a.tenant = 'default' AND a.id = ${id}`,
        ),
      ),
    )
    expect(await errorOf(await send("POST", "/api/agents/", hoarder, llm("one more")))).toMatchObject({
      status: 409,
      code: "AGT_REG_009",
      details: { limit: "ownedAgentsMax", remedy: expect.any(String) },
    })
    expect(await statusOf("POST", `/api/agents/${id}/restore`, hoarder)).toBe(409)
    expect(await again()).toBe(200)
    expect(await statusOf("POST", "/api/agents/", nam, llm("of another"))).toBe(201)
  })
})

describe("health and credentials", () => {
  it("tells when nothing is there, how often and why, the reason only to who may change it", async () => {
    const { id } = await register(olga, {
      name: "Nowhere",
      framework: "Custom",
      endpoint: "http://127.0.0.1:9/x",
    })
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
    const { id, ...made } = await register(olga, {
      name: "Secretive",
      framework: "OpenAI",
      endpoint: "http://127.0.0.1:9/v1",
      connection: { target: "m" },
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
    const without = await json<ListedAgent>(send("PATCH", `/api/agents/${id}`, olga, { credential: null }))
    expect(without.settings).toMatchObject({ has_credential: false })
  })

  it("sends no credential to another service than the one that it was given for", async () => {
    const [endpoint, elsewhere] = ["http://127.0.0.1:9/v1", "http://127.0.0.1:10/v1"]
    const { id } = await register(olga, {
      name: "Moving",
      framework: "Custom",
      endpoint,
      credential: "sk-first-service-0123456789",
    })
    const change = (token: string, body: Body) => send("PATCH", `/api/agents/${id}`, token, body)
    expect(await errorOf(await change(admin, { endpoint: elsewhere }))).toMatchObject({
      status: 422,
      code: "AGT_REG_006",
      details: { field: "credential" },
    })
    expect((await change(olga, { endpoint: "http://127.0.0.1:9/v2" })).status).toBe(200)
    const stale = await send(
      "PATCH",
      `/api/agents/${id}`,
      olga,
      { endpoint: elsewhere, credential: "x" },
      {
        "if-match": '"1"',
      },
    )
    expect(stale.status).toBe(412)
    const kept = await json<ListedAgent>(send("GET", `/api/agents/${id}`, olga))
    expect(kept.settings).toMatchObject({ has_credential: true, a2a_endpoint: "http://127.0.0.1:9/v2" })
    const moved = await json<ListedAgent>(change(olga, { endpoint: elsewhere, credential: "sk-second" }))
    expect(moved.settings).toMatchObject({ has_credential: true, a2a_endpoint: elsewhere })
    const left = await json<ListedAgent>(change(olga, { endpoint, credential: null }))
    expect(left.settings).toMatchObject({ has_credential: false, a2a_endpoint: endpoint })
  })
})
