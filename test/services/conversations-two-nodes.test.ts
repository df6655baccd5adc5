/** That conversations and tasks are the same on two nodes, wherever they are answered, and outlive the one that leaves. */
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest"
import { chatClient, of, textOf } from "../support/chat-client.ts"
import type { TestNode } from "../support/node.ts"
import { resumingClient } from "../support/resuming-client.ts"
import { json as answerJson, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts"
import { type Frame, openSession, openSocket, readEvents } from "../support/session-client.ts"
import { questionsTo, registerStubAgent } from "../support/stub-agent.ts"
import {
  answers,
  type Behaviour,
  pausesAfter,
  raw,
  type StubModelServer,
  startStubModelServer,
} from "../support/stub-model-server.ts"
import { hasActor, startTwoNodes, type TwoNodes } from "./two-node-deployment.ts"

const waitMs = 10_000
const [, server] = inject("databases").at(-1)!
const said = "The mill stands by the river and turns all night.".split(/(?<= )/)
const heard = 4

let upstream: StubModelServer
let receiver: ScriptedServer
let both: TwoNodes
let a: TestNode
let b: TestNode
/** What the agent says from now on, and the rest of what it is in the middle of. */
let answering: Behaviour
let goOn: () => void

beforeAll(async () => {
  upstream = await startStubModelServer()
  receiver = await startScriptedServer()
  receiver.answer = (_, response) => answerJson(response, 200, {})
  // Checks of the agent take nothing of what it is to say.
  upstream.behave((one, response) =>
    "messages" in one.body ? answering(one, response) : raw('{"data":[]}')(one, response),
  )
  both = await startTwoNodes(server, { EGRESS_ALLOW: "127.0.0.1" })
  ;[a, b] = [both.a, both.b]
  await registerStubAgent(a, upstream, { id: "miller" })
}, 120_000)
beforeEach(() => {
  const { promise, resolve } = Promise.withResolvers<void>()
  goOn = resolve
  answering = pausesAfter(said.slice(0, heard), said.slice(heard), promise)
})
afterAll(async () => {
  await both?.stop()
  await upstream?.stop()
  await receiver?.stop()
})

const [chatA, chatB] = [chatClient(() => a), chatClient(() => b)]
const isEnd = ({ type }: Frame) => type === "stream_end" || type === "end" || type === "error"
const isLastHeard = ({ index }: Frame) => index === heard - 1

/** Sessions that are answered by each of the nodes. */
const sessionAt = async (node: TestNode, agent: string): Promise<string> => {
  for (;;) {
    const session = await openSession(a, agent)
    if (await hasActor(node, "chat-session", session)) return session
  }
}

describe.each(["a", "b"] as const)("a conversation whose actor is on node %s", (owner) => {
  it("is heard alike at both nodes, over sockets and event streams", async () => {
    const session = await sessionAt(both[owner], "miller")
    const sockets = await Promise.all(
      [a, b].map((node) => openSocket(node, session, `token=${node.token}&after=0`)),
    )
    const streams = await Promise.all(
      [a, b].map((node) => node.request("GET", `${of(session)}/events?after=0`)),
    )
    const reading = streams.map((stream) => readEvents(stream, ({ data }) => isEnd(data)))
    const answer = chatA.answered(session, "where is the mill")
    await Promise.all(sockets.map(({ until }) => until(isLastHeard)))
    goOn()
    await Promise.all(sockets.map(({ until }) => until(isEnd)))
    const [ofA, ofB] = await Promise.all(reading)
    expect(ofB).toEqual(ofA)
    expect((await answer).map(({ id }) => id)).toEqual(ofA!.slice(1).map(({ id }) => id))
    expect(sockets[1]!.frames).toEqual(sockets[0]!.frames)
    expect(sockets[1]!.frames.map(({ n }) => n)).toEqual(ofA!.map(({ id }) => id))
    expect(textOf(sockets[1]!.frames)).toBe(said.join(""))
    for (const { close } of sockets) await close()
    const histories = await Promise.all([chatA.history(session), chatB.history(session)])
    expect(histories[1]).toEqual(histories[0])
    expect(histories[1]!.messages[1]).toMatchObject({ content: said.join(""), status: "completed" })
  })

  it("is stopped, renamed and deleted at the other node", async () => {
    const session = await sessionAt(both[owner], "miller")
    const listed = async () =>
      (await chatA.list()).sessions.find(({ session_id }) => session_id === session)?.title
    const answer = chatA.answered(session, "where is the mill")
    const socket = await openSocket(b, session, `token=${b.token}&after=0`)
    await socket.until(isLastHeard)
    expect((await chatB.call("POST", `${of(session)}/stop`, {})).body).toEqual({ stopped: true })
    expect((await answer).at(-1)!.data).toMatchObject({ type: "end", stopped: true })
    await questionsTo(upstream).at(-1)!.closed
    expect((await chatB.call("PATCH", of(session), { title: "renamed" })).status).toBe(200)
    expect(await listed()).toBe("renamed")
    expect((await chatB.call("DELETE", of(session))).status).toBe(204)
    expect(await listed()).toBeUndefined()
    expect((await chatA.call("GET", of(session))).status).toBe(404)
    await socket.until(({ details }) => (details as Json | undefined)?.code === "CHT_SES_001")
    await socket.close()
  })
})

// biome-ignore lint/suspicious/noExplicitAny: answers are checked field by field
type Json = any

const rpc = (node: TestNode, method: string, params: object, headers = {}) =>
  node.request("POST", "/a2a/agents/miller", { body: { jsonrpc: "2.0", id: 1, method, params }, headers })
const result = async (...call: Parameters<typeof rpc>): Promise<Json> => {
  const body = (await (await rpc(...call)).json()) as Json
  expect(body.error).toBeUndefined()
  return body.result
}
const resultsOf = async (stream: Response): Promise<ReadonlyArray<Json>> =>
  (await readEvents(stream)).map(({ data }) => data.result)
/** A task that the agent is in the middle of, given at the first node. */
const begin = async (more: object = {}): Promise<Json> => {
  const message = { messageId: crypto.randomUUID(), role: "ROLE_USER", parts: [{ text: "the mill?" }] }
  const configuration = { returnImmediately: true, ...more }
  return (await result(a, "SendMessage", { message, configuration })).task
}
const statesOf = (told: ReadonlyArray<Json>) =>
  told.map((one) => (one.statusUpdate ?? one.task)?.status.state)
const asked = () => questionsTo(upstream).length

describe("a task that was given at one node", () => {
  // Each task has a place of its own: of several, both nodes have some.
  it.each([1, 2, 3, 4])("is followed, read and listed at the other: %i", async () => {
    const before = asked()
    const { id, contextId } = await begin()
    // Each has its first event when it answers.
    const streams = await Promise.all([a, b].map((node) => rpc(node, "SubscribeToTask", { id })))
    await vi.waitFor(() => expect(asked()).toBe(before + 1), waitMs)
    goOn()
    const [ofA, ofB] = await Promise.all(streams.map(resultsOf))
    const pieces = (told: ReadonlyArray<Json>) =>
      told.flatMap(({ artifactUpdate }) => artifactUpdate?.artifact.parts[0].text ?? []).join("")
    expect([pieces(ofA!), pieces(ofB!)]).toEqual([said.join(""), said.join("")])
    expect(statesOf(ofB!).at(-1)).toBe("TASK_STATE_COMPLETED")
    const read = await result(b, "GetTask", { id })
    expect(read).toEqual(await result(a, "GetTask", { id }))
    expect(read.artifacts[0].parts[0].text).toBe(said.join(""))
    const { tasks } = await result(b, "ListTasks", { contextId })
    expect(tasks.map((task: Json) => [task.id, task.status.state])).toEqual([[id, "TASK_STATE_COMPLETED"]])
    expect(asked()).toBe(before + 1)
  })

  it.each([1, 2, 3, 4])("is canceled at the other, which ends the work: %i", async () => {
    const before = asked()
    const { id } = await begin()
    await vi.waitFor(() => expect(asked()).toBe(before + 1), waitMs)
    expect((await result(b, "CancelTask", { id })).status.state).toBe("TASK_STATE_CANCELED")
    await questionsTo(upstream).at(-1)!.closed
    expect((await result(a, "GetTask", { id })).status.state).toBe("TASK_STATE_CANCELED")
  })

  it.each([1, 2, 3, 4])("tells its receiver of each change once: %i", async () => {
    const before = receiver.asked.length
    const { id } = await begin({ taskPushNotificationConfig: { url: `${receiver.url}/told` } })
    goOn()
    const deliveries = async () =>
      (await (await b.request("GET", `/api/agents/tasks/${id}/deliveries`)).json()) as Json
    const told = () => receiver.asked.slice(before).map(({ body }) => JSON.parse(body) as Json)
    await vi.waitFor(() => expect(statesOf(told())).toContain("TASK_STATE_COMPLETED"), waitMs)
    await vi.waitFor(async () => expect((await deliveries()).waiting).toBe(0), waitMs)
    const names = receiver.asked.slice(before).map(({ headers }) => headers["x-millrace-delivery"])
    expect(new Set(names).size).toBe(names.length)
    expect((await deliveries()).deliveries).toHaveLength(names.length)
    expect(statesOf(told()).at(-1)).toBe("TASK_STATE_COMPLETED")
  })

  it("is done once under one Idempotency-Key, at whichever node it is given again", async () => {
    const before = asked()
    const execute = (node: TestNode) =>
      result(node, "agent.execute", { task: "the mill?" }, { "idempotency-key": "two-nodes-task-1" })
    const first = execute(a)
    await vi.waitFor(() => expect(asked()).toBe(before + 1), waitMs)
    const second = execute(b)
    goOn()
    const [one, other] = await Promise.all([first, second])
    expect(other.data).toEqual(one.data)
    expect((await execute(b)).data).toEqual(one.data)
    expect(asked()).toBe(before + 1)
  })
})

describe("a call over MCP", () => {
  const headers = { accept: "application/json, text/event-stream", "mcp-session-id": "two-nodes" }
  const call = async (node: TestNode, id: number): Promise<Json> => {
    const params = { name: "ask_miller", arguments: { message: "the mill?" } }
    const body = { jsonrpc: "2.0", id, method: "tools/call", params }
    return (await (await node.request("POST", "/mcp", { body, headers })).json()) as Json
  }
  const cancel = (node: TestNode, requestId: number) => {
    const body = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } }
    return node.request("POST", "/mcp", { body, headers })
  }
  const canceled = { isError: true, structuredContent: { status: "canceled" } }

  it.each([1, 2, 3, 4])("is canceled by the other node: %i", async (id) => {
    const before = asked()
    const calling = call(a, id)
    await vi.waitFor(() => expect(asked()).toBe(before + 1), waitMs)
    expect((await cancel(b, id)).status).toBe(202)
    expect((await calling).result).toMatchObject(canceled)
    await questionsTo(upstream).at(-1)!.closed
  })

  it.each([11, 12, 13, 14])("is canceled by a notification that overtakes it: %i", async (id) => {
    const canceling = cancel(b, id)
    const { result } = await call(a, id)
    expect(result).toMatchObject(canceled)
    expect((await canceling).status).toBe(202)
  })

  it("that is over, or never was, is canceled without an effect", async () => {
    answering = answers(said)
    expect((await call(a, 21)).result.structuredContent.text).toBe(said.join(""))
    for (const id of [21, 22]) expect((await cancel(b, id)).status).toBe(202)
  })
})

// The last one: it takes a node away.
describe("a node that leaves in the middle of answers", () => {
  it("hands them to the other one, where their clients see each token once", async () => {
    const sessions = await Promise.all([
      sessionAt(b, "guide"),
      sessionAt(b, "miller"),
      sessionAt(a, "miller"),
    ])
    let isThere = true
    const clients = sessions.flatMap((session) => [
      resumingClient(() => (isThere ? b : { url: a.url, token: b.token }), session),
      resumingClient(() => a, session),
    ])
    for (const client of clients) await expect.poll(client.connections, { timeout: waitMs }).toBe(1)
    const before = asked()
    const headers = { "idempotency-key": "two-nodes-task-2" }
    const execute = (node: TestNode, token: string) =>
      node.request("POST", "/a2a", {
        token,
        headers,
        body: { jsonrpc: "2.0", id: 1, method: "agent.execute", params: { agent_id: "miller", task: "?" } },
      })
    const cutOff = execute(b, b.token).then(
      () => "answered",
      () => "cut off",
    )
    for (const client of [clients[2]!, clients[4]!]) client.say("where is the mill", "question-1")
    for (const client of clients.slice(2)) await client.until(isLastHeard)
    await vi.waitFor(() => expect(asked()).toBe(before + 3), waitMs)
    clients[0]!.say("what can you do", "question-1")
    await clients[0]!.until(({ type }) => type === "token")
    answering = answers(said)
    const leaving = b.stop()
    isThere = false
    const talking = clients.map((client) => client.until(isEnd))
    await Promise.all(talking.slice(0, 2))
    await leaving
    goOn()
    const ends = await Promise.all(talking)
    expect(ends.map(({ type }) => type)).toEqual(ends.map(() => "stream_end"))
    for (const client of clients.slice(0, 2))
      expect(client.text()).toMatch(/^I am the guide .*language model\.$/s)
    for (const client of clients.slice(2)) expect(client.text()).toBe(said.join(""))
    for (const client of clients) {
      expect(client.events.filter(({ type }) => type === "stream_restart")).toEqual([])
      client.close()
    }
    expect(await cutOff).toBe("cut off")
    const again = (await (await execute(a, a.token)).json()) as Json
    expect(again.result.data.text).toBe(said.join(""))
  }, 60_000)
})
