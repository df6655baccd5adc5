/** An API key reaches through an agent's tools what it may reach itself, whichever way the agent is asked. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errorOf, json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { openSession, openSocket, readEvents } from "../support/session-client.ts"
import {
  answers,
  callsTool,
  type StubModelServer,
  startStubModelServer,
} from "../support/stub-model-server.ts"

let node: TestNode
let upstream: StubModelServer
let ann: string

const tools = ["ask_agent", "recent_alerts", "ops_question", "recommend_agents"]

beforeAll(async () => {
  upstream = await startStubModelServer()
  node = await startTestNode({ EGRESS_ALLOW: `127.0.0.1:${upstream.port}` })
  const model = { name: "gpt-stub", provider: "Custom", endpoint: upstream.url, api_key: "sk-upstream" }
  const { id: modelId } = await json(await node.request("POST", "/api/admin/llm-models/", { body: model }))
  expect((await node.request("POST", `/api/admin/llm-models/${modelId}/activate`)).status).toBe(200)
  ann = await node.login("ann")
  const me = await json(await node.request("GET", "/api/users/me", { token: ann }))
  const grant = { grantee_type: "USER", grantee_id: me.id, rights: ["use"] }
  await node.request("POST", `/api/llm-models/${String(modelId)}/permissions`, { body: grant })
  for (const id of ["asker", "inner"]) {
    const body = { id, name: id, framework: "LLM", capabilities: { description: id }, llm: { tools } }
    const response = await node.request("POST", "/api/agents/", { body })
    expect(response.status, await response.clone().text()).toBe(201)
  }
})
afterAll(async () => {
  await node.stop()
  await upstream.stop()
})

/** What the model was offered, and what it was told last, in each call since `from`. */
const callsSince = (from: number) =>
  upstream.asked.slice(from).map(({ body }) => {
    const offered = (body.tools ?? []) as ReadonlyArray<{ readonly function: { readonly name: string } }>
    const told = (body.messages as ReadonlyArray<{ readonly content: string }>).at(-1)!.content
    return { offered: offered.map(({ function: { name } }) => name), told }
  })

const chat = async (token: string) => {
  const path = `/api/chat/sessions/${await openSession(node, "asker", token)}/messages/`
  await readEvents(await node.request("POST", path, { token, body: { content: "go" } }))
}
const rpc = (path: string, method: string, params: object) => async (token: string) => {
  const headers = { accept: "application/json, text/event-stream" }
  const body = { jsonrpc: "2.0", id: 1, method, params }
  await (await node.request("POST", path, { token, body, headers })).text()
}
const post = (path: string, body: object) => async (token: string) => {
  await (await node.request("POST", path, { token, body })).text()
}
let messages = 0
const message = { parts: [{ text: "go" }], role: "ROLE_USER" }

describe("an API key for conversations only", () => {
  it("talks to an agent with a model, whose tools it has no right to are none", async () => {
    const key = await node.narrow(ann, ["chat:use"])
    const from = upstream.asked.length
    upstream.behave(callsTool("ask_agent", { agent: "inner", task: "go" }), answers(["Alone, then."]))
    await chat(key)
    const calls = callsSince(from)
    expect(calls.map(({ offered }) => offered)).toEqual([[], []])
    expect(calls.at(-1)!.told).toMatch(/There is no such tool/)
    const inner = await json(await node.request("GET", "/api/agents/inner"))
    expect(inner).toMatchObject({ running: 0, answered: 0, failed: 0 })
  })
})

describe("an API key that may give agents tasks", () => {
  it.each<readonly [string, (token: string) => Promise<void>]>([
    ["a conversation", chat],
    [
      "a socket that was opened with a login",
      async (token) => {
        const session = await openSession(node, "asker", ann)
        const socket = await openSocket(node, session, `token=${ann}`)
        socket.send({ type: "auth", token })
        socket.send({ type: "message", content: "go" })
        await socket.until(({ type }) => type === "end" || type === "stream_end")
        await socket.close()
      },
    ],
    [
      "A2A",
      (token) =>
        rpc("/a2a/agents/asker", "SendMessage", { message: { ...message, messageId: `m${++messages}` } })(
          token,
        ),
    ],
    ["the seed's protocol", rpc("/a2a", "agent.execute", { agent_id: "asker", task: "go" })],
    [
      "MCP",
      rpc("/mcp", "tools/call", { name: "execute_agent", arguments: { agent_id: "asker", message: "go" } }),
    ],
    [
      "OpenAI's protocol",
      post("/v1/chat/completions", { model: "agent:asker", messages: [{ role: "user", content: "go" }] }),
    ],
    ["a task", post("/api/agents/asker/execute", { task: "go" })],
  ])("has it ask another one, with no more tools than that: over %s", async (_, asking) => {
    const key = await node.narrow(ann, ["chat:use", "agent:execute"])
    const from = upstream.asked.length
    upstream.behave(
      callsTool("ask_agent", { agent: "inner", task: "go" }),
      answers(["Inner", " speaks."]),
      answers(["So it is."]),
    )
    await asking(key)
    const calls = callsSince(from)
    expect(calls.map(({ offered }) => offered)).toEqual([["ask_agent"], ["ask_agent"], ["ask_agent"]])
    expect(calls.at(-1)!.told).toMatch(/Inner speaks\./)
  })

  it("cannot say itself that it may do more", async () => {
    const key = await node.narrow(ann, ["agent:execute"])
    const from = upstream.asked.length
    upstream.behave(answers(["Well."]))
    await post("/api/agents/asker/execute", { task: "go", scopes: ["*"] })(key)
    expect(
      callsSince(from)
        .flatMap(({ offered }) => offered)
        .filter((name) => name !== "ask_agent"),
    ).toEqual([])
  })
})

describe("an API key that may not ask about the machines", () => {
  const refusal = { code: "AGT_AUTH_001", details: { agent_id: "ops", permission: "ops:ask" } }
  let key: string
  const post = (path: string, body: object, token = key) => node.request("POST", path, { token, body })
  beforeAll(async () => {
    key = await node.narrow(ann, ["chat:use", "agent:read", "agent:execute"])
  })

  it.each<readonly [string, () => Promise<Response>]>([
    ["read", () => node.request("GET", "/api/agents/ops", { token: key })],
    ["a conversation", () => post("/api/chat/sessions/", { agent_id: "ops", title: "" })],
    ["a task", () => post("/api/agents/ops/execute", { task: "what is the CPU usage now" })],
    ["A2A's card", () => node.request("GET", "/a2a/agents/ops/.well-known/agent-card.json", { token: key })],
    [
      "a hand-over",
      async () =>
        post(`/api/chat/sessions/${await openSession(node, "guide", key)}/transfer`, { to_agent: "ops" }),
    ],
    [
      "a question in a conversation that a login began",
      async () =>
        post(`/api/chat/sessions/${await openSession(node, "ops", ann)}/messages/`, { content: "CPU usage" }),
    ],
  ])("does not reach the agent that answers about them: %s", async (_, reaching) => {
    expect(await errorOf(await reaching())).toMatchObject({ status: 403, ...refusal })
  })

  it("is neither shown nor recommended that agent", async () => {
    const shown = async (token: string) => {
      const { agents } = await json(await node.request("GET", "/api/agents/?limit=100", { token }))
      const asked = { query: "CPU usage of hosts, measured", k: 5 }
      const recommended = await json(await post("/api/agents/recommend", asked, token))
      const listed = (agents as ReadonlyArray<{ readonly id: string }>).some(({ id }) => id === "ops")
      return [listed, /"ops"/.test(JSON.stringify(recommended))]
    }
    expect(await shown(ann)).toEqual([true, true])
    expect(await shown(key)).toEqual([false, false])
    expect(await shown(await node.narrow(ann, ["agent:read", "agent:execute", "ops:ask"]))).toEqual([
      true,
      true,
    ])
  })

  it("is told by the guide why it hands nothing over, and keeps the conversation with the guide", async () => {
    const session = await openSession(node, "guide", key)
    const said = await post(`/api/chat/sessions/${session}/messages/`, {
      content: "what is the CPU usage now",
    })
    const events = await readEvents(said)
    expect(JSON.stringify(events.at(-1))).toMatch(/AgentForbidden.*ops:ask/)
    const { agent_id } = await json(
      await node.request("GET", `/api/chat/sessions/${session}`, { token: key }),
    )
    expect(agent_id).toBe("guide")
  })

  it("is refused that agent over the public protocol, which a login is not", async () => {
    const message = { messageId: `m${++messages}`, role: "ROLE_USER", parts: [{ text: "CPU usage" }] }
    const send = { jsonrpc: "2.0", id: 1, method: "SendMessage", params: { message } }
    const asked = (token: string) =>
      node.request("POST", "/a2a/agents/ops", { token, body: send, headers: { "A2A-Version": "1.0" } })
    expect((await asked(key)).status).toBe(403)
    expect((await asked(ann)).status).toBe(200)
  })
})

it("offers all tools to a login", async () => {
  const from = upstream.asked.length
  upstream.behave(answers(["Well."]))
  await chat(ann)
  expect(callsSince(from).map(({ offered }) => offered)).toEqual([tools])
})
