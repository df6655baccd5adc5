/** What the public A2A protocol is no way around: rights, limits and the borders between users and tenants. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { anonymous } from "../../gateway/auth/identity.ts"
import { conversationOf } from "../../gateway/tasks/task-id.ts"
import { json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { registerStubAgent } from "../support/stub-agent.ts"
import {
  answers,
  breaksAfter,
  type StubModelServer,
  startStubModelServer,
} from "../support/stub-model-server.ts"

let node: TestNode
let upstream: StubModelServer
beforeAll(async () => {
  upstream = await startStubModelServer()
  node = await startTestNode({
    EGRESS_ALLOW: `127.0.0.1:${upstream.port}`,
    MILLRACE_RATE_LIMITS: "model-call=20/600",
  })
  await registerStubAgent(node, upstream, { id: "remote" })
})
afterAll(async () => {
  await node.stop()
  await upstream.stop()
})

const call = (method: string, params: unknown, id: unknown = 1) => ({ jsonrpc: "2.0", id, method, params })
const post = (body: unknown, token: string, path = "/a2a") => node.request("POST", path, { body, token })
const message = (messageId: string, more: object = {}) => ({
  message: { messageId, role: "ROLE_USER", parts: [{ text: "hello" }], ...more },
})

describe("the public protocol", () => {
  it("ends a stream when the right to agents is lost, at the address that asks for a login only too", async () => {
    upstream.behave(breaksAfter(["begun"], "silence"))
    const token = await node.login("ann")
    const given = { ...message("long"), configuration: { returnImmediately: true } }
    const sent = await json(await post(call("SendMessage", given), token, "/a2a/agents/remote"))
    const { id } = (sent.result as { task: { id: string } }).task
    const stream = await post(call("SubscribeToTask", { id }), token)
    expect(stream.headers.get("content-type")).toContain("text/event-stream")
    const me = await json(await node.request("GET", "/api/users/me", { token }))
    expect((await node.request("DELETE", `/api/admin/users/${me.id}/roles/USER`)).status).toBe(200)
    expect(await stream.text()).toContain("USR_AUTH_003")
  })

  it("counts each call of a batch", async () => {
    const token = await node.login("bob")
    const batch = (calls: number) =>
      Array.from({ length: calls }, (_, index) => call("agent.status", { agent_id: "guide" }, index))
    expect((await post(batch(18), token)).status).toBe(200)
    expect((await post(batch(3), token)).status).toBe(429)
  })

  it("takes no name for a task's that no task can have", async () => {
    const token = await node.login("cleo")
    const pageToken = Buffer.from(JSON.stringify([1, "\u0000"])).toString("base64url")
    const listed = await json(await post(call("ListTasks", { pageToken }), token))
    expect(listed.error).toMatchObject({ code: -32602 })
    const referenceTaskIds = ["", ">", "a b", "x".repeat(5_000)]
    const sent = await json(await post(call("SendMessage", message("m", { referenceTaskIds })), token))
    expect(sent.result).toMatchObject({ task: { status: { state: "TASK_STATE_COMPLETED" } } })
  })

  it("refuses over REST with the status that a refusal has everywhere", async () => {
    const token = await node.login("dora")
    const closed = { id: "closed", name: "Closed", framework: "LLM", access_level: "private" }
    expect((await node.request("POST", "/api/agents/", { body: closed })).status).toBe(201)
    const statusOf = async (method: string, path: string, body?: unknown) =>
      (await node.request(method, path, { token, ...(body === undefined ? {} : { body }) })).status
    expect(await statusOf("GET", "/a2a/agents/closed/rest/extendedAgentCard")).toBe(403)
    expect(await statusOf("GET", "/a2a/agents/none/rest/v1/card")).toBe(404)
    expect(await statusOf("GET", "/a2a/agents/closed/v1/card")).toBe(403)
    expect(await statusOf("GET", "/a2a/agents/remote/v1/card")).toBe(200)
    upstream.behave(answers(["done"]))
    await registerStubAgent(node, upstream, { id: "fickle" })
    const sent = await json(await post(call("SendMessage", message("f")), token, "/a2a/agents/fickle"))
    const { id } = (sent.result as { task: { id: string } }).task
    await node.request("PATCH", "/api/agents/fickle", { body: { access_level: "private" } })
    expect(await statusOf("POST", "/message:send", message("g", { taskId: id }))).toBe(403)
  })

  it("gives a service that tenants share no name of a conversation twice", () => {
    const of = (tenant: string, user: string) => conversationOf({ ...anonymous, tenant, user }, "c")
    expect(new Set([of("a", "ann"), of("b", "ann"), of("a", "bob")]).size).toBe(3)
    expect(of("a", "ann")).toBe(of("a", "ann"))
  })
})
