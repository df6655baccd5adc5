/** The Model Context Protocol as it is on the wire: sessions that are kept nowhere, what is refused, and by what. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { startTestNode, type TestNode } from "../support/node.ts"
import { questionsTo, registerStubAgent } from "../support/stub-agent.ts"
import { breaksAfter, type StubModelServer, startStubModelServer } from "../support/stub-model-server.ts"

let node: TestNode
let upstream: StubModelServer

beforeAll(async () => {
  upstream = await startStubModelServer()
  node = await startTestNode({ EGRESS_ALLOW: `127.0.0.1:${upstream.port}` })
  await registerStubAgent(node, upstream, { id: "remote" })
})
afterAll(async () => {
  await node.stop()
  await upstream.stop()
})

const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } },
}
const accept = { accept: "application/json, text/event-stream" }
const send = (body: unknown, headers: Readonly<Record<string, string>> = {}, token?: string) =>
  node.request("POST", "/mcp", { body, headers: { ...accept, ...headers }, token })

const asked = { name: "ask_remote", arguments: { message: "hello" } }

describe("a call", () => {
  it("that is cancelled in the name of another session goes on", async () => {
    upstream.behave(breaksAfter(["Thinking"], "silence"))
    const before = questionsTo(upstream).length
    const call = { jsonrpc: "2.0", id: 5, method: "tools/call", params: asked }
    const [own, other] = [{ "mcp-session-id": "own" }, { "mcp-session-id": "other" }]
    const calling = send(call, own)
    await vi.waitFor(() => expect(questionsTo(upstream).length).toBeGreaterThan(before), 10_000)
    const cancelled = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 5 } }
    expect((await send(cancelled, other)).status).toBe(202)
    let isClosed = false
    void questionsTo(upstream)
      .at(-1)!
      .closed.then(() => {
        isClosed = true
      })
    expect((await send({ jsonrpc: "2.0", id: 6, method: "ping" })).status).toBe(200)
    expect(isClosed).toBe(false)
    expect((await send(cancelled, own)).status).toBe(202)
    const answer = (await (await calling).json()) as { result: unknown }
    expect(answer.result).toMatchObject({ isError: true, structuredContent: { status: "canceled" } })
  })
})

describe("a notification", () => {
  it("that overtakes the call that it cancels is not lost", async () => {
    upstream.behave(breaksAfter(["Thinking"], "silence"))
    const own = { "mcp-session-id": "overtaken" }
    const params = { requestId: 7 }
    const canceling = send({ jsonrpc: "2.0", method: "notifications/cancelled", params }, own)
    const calling = send({ jsonrpc: "2.0", id: 7, method: "tools/call", params: asked }, own)
    expect((await canceling).status).toBe(202)
    const answer = (await (await calling).json()) as { result: unknown }
    expect(answer.result).toMatchObject({ isError: true, structuredContent: { status: "canceled" } })
  })
})

describe("over HTTP", () => {
  it("a message needs no session, and any node gives the same", async () => {
    const first = await send(initialize)
    expect(first.status).toBe(200)
    expect(first.headers.get("mcp-session-id")).toMatch(/^[0-9a-f-]{36}$/)
    expect(await first.json()).toMatchObject({
      id: 1,
      result: {
        protocolVersion: "2025-11-25",
        serverInfo: { name: "millrace" },
        capabilities: { tools: {} },
      },
    })
    const ping = await send({ jsonrpc: "2.0", id: "p", method: "ping" })
    expect(ping.headers.get("content-type")).toContain("application/json")
    expect(ping.headers.get("x-content-type-options")).toBe("nosniff")
    expect(await ping.json()).toEqual({ jsonrpc: "2.0", id: "p", result: {} })
  })

  it("takes notifications without an answer", async () => {
    const response = await send({ jsonrpc: "2.0", method: "notifications/initialized" })
    expect([response.status, await response.text()]).toEqual([202, ""])
    const cancelled = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 77 } }
    expect((await send(cancelled)).status).toBe(202)
  })

  it.each([
    ["what is no JSON", "{", 400, -32700],
    ["a batch", [initialize], 400, -32600],
    ["no object", "7", 400, -32600],
    ["another version of JSON-RPC", { ...initialize, jsonrpc: "1.0" }, 400, -32600],
    ["no method", { jsonrpc: "2.0", id: 1 }, 400, -32600],
    ["an unknown method", { jsonrpc: "2.0", id: 1, method: "no/such" }, 200, -32601],
    ["a call without a name", { jsonrpc: "2.0", id: 1, method: "tools/call", params: {} }, 200, -32602],
    [
      "a cursor of another type",
      { jsonrpc: "2.0", id: 1, method: "tools/list", params: { cursor: 5 } },
      200,
      -32602,
    ],
  ])("refuses %s", async (_, body, status, code) => {
    const response = await send(body)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ jsonrpc: "2.0", error: { code } })
  })

  it("refuses who is not logged in, and says with what one would be", async () => {
    const response = await send(initialize, {}, "")
    expect(response.status).toBe(401)
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/)
  })

  it("refuses pages of other sites, a protocol that it does not know, and who takes no stream", async () => {
    expect((await send(initialize, { origin: "https://evil.example" })).status).toBe(403)
    expect((await send(initialize, { origin: node.url })).status).toBe(200)
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" }
    expect((await send(ping, { "mcp-protocol-version": "1999-01-01" })).status).toBe(400)
    expect((await send(ping, { "mcp-protocol-version": "2025-06-18" })).status).toBe(200)
    expect((await send(ping, { accept: "application/json" })).status).toBe(406)
  })

  it.each(["GET", "DELETE"])("has no stream of its own and no session to end: %s", async (method) => {
    const response = await node.request(method, "/mcp", { headers: accept })
    expect(response.status).toBe(405)
    expect(response.headers.get("allow")).toContain("POST")
  })
})
