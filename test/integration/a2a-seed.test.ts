import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { questionsTo, registerStubAgent } from "../support/stub-agent.ts"
import { answers, fails, type StubModelServer, startStubModelServer } from "../support/stub-model-server.ts"

let node: TestNode
let upstream: StubModelServer
let ann: string
let bob: string

beforeAll(async () => {
  upstream = await startStubModelServer()
  node = await startTestNode({ EGRESS_ALLOW: `127.0.0.1:${upstream.port}` })
  ann = await node.login("ann")
  bob = await node.login("bob")
  await registerStubAgent(node, upstream, { id: "remote" }, ann)
  await registerStubAgent(node, upstream, { id: "own", access_level: "private" }, ann)
  await registerStubAgent(node, upstream, { id: "gone" }, ann)
  await registerStubAgent(node, upstream, { id: "7" }, ann)
  expect((await node.request("DELETE", "/api/agents/gone", { token: ann })).status).toBeLessThan(300)
}, 60_000)
afterAll(async () => {
  await node.stop()
  await upstream.stop()
})

const post = (body: unknown, token = ann, headers: Readonly<Record<string, string>> = {}) =>
  node.request("POST", "/a2a", { body, token, headers })

const call = async (method: string, params?: unknown, token = ann) => {
  const response = await post(
    { jsonrpc: "2.0", method, ...(params === undefined ? {} : { params }), id: "r-1" },
    token,
  )
  expect(response.status).toBe(200)
  return json(response)
}

const answered = (data: unknown, tokens: unknown = 0) => ({
  jsonrpc: "2.0",
  result: {
    status: "success",
    data,
    metadata: { execution_time: expect.any(Number), tokens_used: tokens },
  },
  id: "r-1",
})
const failed = (code: number, message: string, data: unknown) => ({
  jsonrpc: "2.0",
  error: { code, message, data },
  id: "r-1",
})
const missing = (field: string) =>
  failed(-32602, "Invalid params", { details: `Missing required field: ${field}` })

describe("what is wrong with a request is said exactly:", () => {
  it.each([
    ["agent.register", { framework: "Agno", endpoint: "http://a.example" }, "name"],
    ["agent.register", { name: "A", endpoint: "http://a.example" }, "framework"],
    ["agent.register", { name: "A", framework: "Agno" }, "endpoint"],
    ["agent.execute", { agent_id: "guide" }, "task"],
    ["agent.execute", { task: "hi" }, "agent_id"],
    ["agent.execute", { agent_id: "guide", task: "" }, "task"],
    ["agent.execute", undefined, "agent_id"],
    ["agent.status", {}, "agent_id"],
    ["agent.status", { agent_id: null }, "agent_id"],
    ["agent.capabilities", {}, "agent_id"],
    ["agent.transfer", { to_agent: "ops" }, "from_agent"],
    ["agent.transfer", { from_agent: "guide" }, "to_agent"],
    ["agent.transfer", { from_agent: "guide", to_agent: "ops" }, "context.session_id"],
    ["agent.transfer", { from_agent: "guide", to_agent: "ops", context: {} }, "context.session_id"],
  ])("%s %j", async (method, params, field) => {
    expect(await call(method, params)).toEqual(missing(field))
  })

  it("an unknown method, and parameters of another shape", async () => {
    expect(await call("agent.dance", {})).toEqual({
      jsonrpc: "2.0",
      error: { code: -32601, message: "Method not found" },
      id: "r-1",
    })
    expect(await call("agent.status", ["guide"])).toMatchObject({ error: { code: -32602 } })
    expect(await call("agent.status", { agent_id: { a: 1 } })).toMatchObject({
      error: { code: -32602, data: { details: expect.stringContaining("agent_id") } },
    })
    expect(
      await call("agent.register", { name: "A", framework: "Nope", endpoint: "http://a.example" }),
    ).toMatchObject({
      error: { code: -32602, data: { code: "GTW_BODY_006", field: "framework" } },
    })
  })

  it("an agent that answers here, with where to register it", async () => {
    for (const more of [{}, { endpoint: "http://a.example" }])
      expect(await call("agent.register", { name: "A", framework: "LLM", ...more })).toMatchObject({
        error: { code: -32602, data: { details: expect.stringContaining("POST /api/agents/") } },
      })
  })

  it("an agent that there is not, that one may not use, or that is archived", async () => {
    const run = (agent: string) => call("agent.execute", { agent_id: agent, task: "hi" }, bob)
    expect(await run("nobody")).toMatchObject(
      failed(-32001, "Not found", { code: "AGT_REG_001", details: expect.any(String) }),
    )
    expect(await run("own")).toMatchObject(
      failed(-32002, "Forbidden", { code: "AGT_AUTH_001", details: expect.any(String) }),
    )
    expect(await run("gone")).toMatchObject(
      failed(-32003, "Agent archived", { code: "AGT_REG_004", details: expect.any(String) }),
    )
    expect(await call("agent.status", { agent_id: "own" }, bob)).toMatchObject({ error: { code: -32002 } })
    expect(await call("agent.capabilities", { agent_id: "nobody" })).toMatchObject({
      error: { code: -32001 },
    })
  })
})

describe("agent.execute", () => {
  it("answers with what the agent said, the time and the tokens that it took", async () => {
    upstream.behave(answers(["Hello", " world"]))
    const params = {
      agent_id: "remote",
      task: "hi",
      context: { user_id: "ann", trace_id: "t" },
      parameters: {},
    }
    expect(await call("agent.execute", params)).toEqual(
      answered(
        {
          agent_id: "remote",
          task_id: expect.any(String),
          state: "completed",
          text: "Hello world",
          blocks: [],
          usage: { input: 11, output: 7, estimated: false },
        },
        18,
      ),
    )
  })

  it("takes an agent's number as well as its name", async () => {
    expect(await call("agent.execute", { agent_id: 7, task: "hi" })).toMatchObject({
      result: { data: { agent_id: "7" } },
    })
  })

  it("is answered by the agent that the task was handed to", async () => {
    const params = { agent_id: "guide", task: "which alerts were there" }
    expect(await call("agent.execute", params)).toMatchObject({ result: { data: { agent_id: "ops" } } })
  })

  it("tells that the agent failed", async () => {
    upstream.behave(fails(400))
    expect(await call("agent.execute", { agent_id: "remote", task: "hi" })).toMatchObject(
      failed(-32005, "Agent failed", { code: "AGT_ANS_001", details: expect.any(String) }),
    )
  })

  it("does a task once for one Idempotency-Key", async () => {
    upstream.behave(answers(["Once"]))
    const before = questionsTo(upstream).length
    const request = {
      jsonrpc: "2.0",
      method: "agent.execute",
      params: { agent_id: "remote", task: "hi" },
      id: 1,
    }
    const again = () => post(request, ann, { "idempotency-key": "same" }).then(json)
    const [first, second] = [await again(), await again()]
    expect(first).toMatchObject({ result: { data: { text: "Once" } } })
    expect(second).toEqual(first)
    expect(questionsTo(upstream).length).toBe(before + 1)
  })
})

describe("agent.register, agent.status and agent.capabilities", () => {
  it("register an agent once, and tell what it is and how it is", async () => {
    const params = {
      name: "Seeded",
      framework: "Agno",
      endpoint: `http://127.0.0.1:${upstream.port}/agent`,
      capabilities: { version: "1.2.0", skills: ["nlp", "search"], languages: ["ko", "en"] },
    }
    const first = await call("agent.register", params)
    expect(first).toEqual(
      answered({
        agent_id: expect.any(String),
        a2a_endpoint: expect.stringMatching(/^\/api\/agents\/a2a\/execute\//),
        status: "registered",
      }),
    )
    const id = (first.result as { data: { agent_id: string } }).data.agent_id
    expect(await call("agent.register", params)).toMatchObject({ result: { data: { agent_id: id } } })
    expect(await call("agent.status", { agent_id: id })).toMatchObject({
      result: {
        data: { agent_id: id, name: "Seeded", status: "DEVELOPMENT", is_archived: false, running: 0 },
      },
    })
    expect(await call("agent.capabilities", { agent_id: id })).toMatchObject({
      result: {
        data: {
          agent_id: id,
          framework: "Agno",
          streaming: true,
          capabilities: { version: "1.2.0", skills: ["nlp", "search"], languages: ["ko", "en"] },
        },
      },
    })
  })
})

describe("agent.transfer", () => {
  const open = async (agent: string) => {
    const body = { agent_id: agent, title: "T" }
    const opened = await json(await node.request("POST", "/api/chat/sessions/", { body, token: ann }))
    return String(opened.session_id)
  }

  it("moves a conversation to another agent", async () => {
    const session = await open("guide")
    const params = {
      from_agent: "guide",
      to_agent: "remote",
      context: { session_id: session },
      reason: "better",
    }
    expect(await call("agent.transfer", params)).toEqual(
      answered({
        session_id: session,
        from_agent: "guide",
        to_agent: "remote",
        reason: "better",
        context_policy: "full",
      }),
    )
    expect(await call("agent.transfer", params)).toMatchObject(
      failed(-32006, "Conflict", { code: "CHT_SES_006", details: expect.stringContaining("remote") }),
    )
  })

  it("is refused for a session of somebody else, for none, and to an agent that one may not use", async () => {
    const context = { session_id: await open("guide") }
    const params = { from_agent: "guide", to_agent: "ops", context }
    expect(await call("agent.transfer", params, bob)).toMatchObject({ error: { code: -32002 } })
    expect(await call("agent.transfer", { ...params, context: { session_id: "none" } }, ann)).toMatchObject({
      error: { code: -32001, data: { code: "CHT_SES_001" } },
    })
    const bobs = await json(
      await node.request("POST", "/api/chat/sessions/", { body: { agent_id: "guide" }, token: bob }),
    )
    const toOwn = { from_agent: "guide", to_agent: "own", context: { session_id: bobs.session_id } }
    expect(await call("agent.transfer", toOwn, bob)).toMatchObject({ error: { code: -32002 } })
  })
})
