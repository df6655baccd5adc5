/** An API key reaches through an agent's tools what it may reach itself, whichever way the agent is asked. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { json } from "../support/http-answers.ts"
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

it("offers all tools to a login", async () => {
  const from = upstream.asked.length
  upstream.behave(answers(["Well."]))
  await chat(ann)
  expect(callsSince(from).map(({ offered }) => offered)).toEqual([tools])
})
