/** Tasks of the public protocol outlive the node that began them, are one from every node, and are told of elsewhere. */

import { createHmac } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type StreamResponse, type Task, TaskState } from "@a2a-js/sdk"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { a2aClient, gather, heard, request, userMessage } from "../support/a2a-client.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts"
import { registerStubAgent } from "../support/stub-agent.ts"
import {
  answers,
  breaksAfter,
  pausesAfter,
  type StubModelServer,
  startStubModelServer,
} from "../support/stub-model-server.ts"

let nats: TestNatsServer
let upstream: StubModelServer
let receiver: ScriptedServer
let home: string
let node: TestNode

/** Under the same home and on the same streams, as the one before or beside it. */
const start = (database: string) =>
  startTestNode({
    MILLRACE_HOME: home,
    NATS_URL: nats.url,
    NATS_USER: String(nats.connection.user),
    NATS_PASSWORD: String(nats.connection.pass),
    DATABASE_DIRECTORY: join(home, database),
    EGRESS_ALLOW: `127.0.0.1:${upstream.port},${new URL(receiver.url).host}`,
  })

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "millrace-a2a-"))
  ;[nats, upstream, receiver] = await Promise.all([
    testNatsServer(),
    startStubModelServer(),
    startScriptedServer(),
  ])
  node = await start("database")
  await registerStubAgent(node, upstream, { id: "remote" })
})
afterAll(async () => {
  await node.stop()
  await Promise.all([nats.stop(), upstream.stop(), receiver.stop()])
  await rm(home, { recursive: true, force: true })
})

const asTask = (result: unknown): Task => result as Task
const textOf = ({ artifacts }: Task): string =>
  artifacts
    .flatMap(({ parts }) => parts.map(({ content }) => (content?.$case === "text" ? content.value : "")))
    .join("")
const idIn = (events: ReadonlyArray<StreamResponse>): string => {
  const first = events[0]?.payload
  return first?.$case === "task" ? first.value.id : ""
}

describe.each(["1.0", "0.3"] as const)("a node that ends in the middle of a task of %s", (version) => {
  it("leaves it to the next one: its clients find it, follow it, and get the whole answer", async () => {
    const speaking = { version, binding: "JSONRPC", agent: "remote" } as const
    const client = await a2aClient(node, speaking)
    upstream.behave(breaksAfter(["one", " two"], "silence"), answers(["one", " two", " three"]))
    const before: Array<StreamResponse> = []
    const streaming = (async () => {
      for await (const event of client.sendMessageStream(request(userMessage(`restart-${version}`, "go"))))
        before.push(event)
    })().catch(() => "cut off")
    await vi.waitFor(() => expect(heard(before).text).toBe("one two"), { timeout: 10_000 })
    const task = idIn(before)
    await node.stop()
    await streaming
    node = await start("database")

    const again = await a2aClient(node, speaking)
    const found = await again.getTask({ tenant: "", id: task })
    const after =
      found.status?.state === TaskState.TASK_STATE_COMPLETED
        ? []
        : await gather(again.resubscribeTask({ tenant: "", id: task })).catch(() => [])
    await vi.waitFor(
      async () => {
        const ended = await again.getTask({ tenant: "", id: task })
        expect(ended.status?.state).toBe(TaskState.TASK_STATE_COMPLETED)
        expect(textOf(ended)).toBe("one two three")
      },
      { timeout: 30_000 },
    )
    if (after.length > 0) expect(heard(after).text).toBe("one two three")
    const same = asTask(await again.sendMessage(request(userMessage(`restart-${version}`, "go"))))
    expect(same.id).toBe(task)
  })
})

describe("a second node", () => {
  it("gets, follows and cancels what the first one began", async () => {
    const other = await start("other")
    try {
      const speaking = { version: "1.0", binding: "JSONRPC" } as const
      const [here, there] = [
        await a2aClient(node, { ...speaking, agent: "remote" }),
        // At the address of no agent all tasks of the caller are found.
        await a2aClient(other, speaking),
      ]
      upstream.behave(pausesAfter(["begun"], [], new Promise(() => {})))
      const begun = asTask(
        await here.sendMessage(request(userMessage("elsewhere", "go"), { returnImmediately: true })),
      )
      const following = here.resubscribeTask({ tenant: "", id: begun.id })
      const first = (await following.next()).value as StreamResponse
      await vi.waitFor(
        async () => expect(textOf(await there.getTask({ tenant: "", id: begun.id }))).toBe("begun"),
        { timeout: 10_000 },
      )
      const canceled = await there.cancelTask({ tenant: "", id: begun.id, metadata: undefined })
      expect(canceled.status?.state).toBe(TaskState.TASK_STATE_CANCELED)
      expect(heard([first, ...(await gather(following))]).states.at(-1)).toBe("CANCELED")
    } finally {
      await other.stop()
    }
  })
})

describe("a receiver of a task's changes", () => {
  it("is told of each in order, again after it failed, with its token and a signature", async () => {
    const speaking = { version: "1.0", binding: "JSONRPC", agent: "remote" } as const
    const client = await a2aClient(node, speaking)
    let failures = 2
    receiver.answer = (_, response) => void response.writeHead(failures-- > 0 ? 503 : 204).end()
    const before = receiver.asked.length
    upstream.behave(answers(["told"]))
    const config = {
      tenant: "",
      id: "hook",
      taskId: "",
      url: `${receiver.url}/hook`,
      token: "hush",
      authentication: { scheme: "Bearer", credentials: "secret" },
    }
    const message = userMessage("receiver", "go")
    const task = asTask(await client.sendMessage(request(message, { taskPushNotificationConfig: config })))
    const log = async () => {
      const response = await node.request("GET", `/api/agents/tasks/${task.id}/deliveries`)
      return (await response.json()) as {
        readonly waiting: number
        readonly deliveries: ReadonlyArray<{
          readonly n: number
          readonly outcome: string
          readonly status: number
        }>
      }
    }
    await vi.waitFor(async () => expect((await log()).waiting).toBe(0), { timeout: 30_000, interval: 200 })
    const { deliveries } = await log()
    const inOrder = [...deliveries].reverse().map(({ outcome, status }) => `${outcome} ${status}`)
    expect(inOrder).toEqual(["failed 503", "failed 503", "delivered 204", "delivered 204", "delivered 204"])
    const told = receiver.asked.slice(before)
    expect(told).toHaveLength(5)
    const last = told.at(-1)!
    expect(last.headers).toMatchObject({
      authorization: "Bearer secret",
      "x-a2a-notification-token": "hush",
      "content-type": "application/a2a+json",
    })
    const [, seconds, signature] = /^t=(\d+),v1=([0-9a-f]+)$/.exec(
      String(last.headers["x-millrace-signature"]),
    )!
    expect(createHmac("sha256", "hush").update(`${seconds}.${last.body}`).digest("hex")).toBe(signature)
    expect(JSON.parse(last.body)).toMatchObject({
      task: { id: task.id, status: { state: "TASK_STATE_COMPLETED" } },
    })
  })

  it("that is no public address is refused, and the log says so without its address", async () => {
    const client = await a2aClient(node, { version: "0.3", binding: "JSONRPC", agent: "remote" })
    upstream.behave(answers(["told"]))
    const { id: taskId } = asTask(await client.sendMessage(request(userMessage("private", "go"))))
    const url = "http://10.0.0.1/secret-path"
    await client.createTaskPushNotificationConfig({
      tenant: "",
      id: "",
      taskId,
      url,
      token: "",
      authentication: undefined,
    })
    await vi.waitFor(
      async () => {
        const response = await node.request("GET", `/api/agents/tasks/${taskId}/deliveries`)
        const text = await response.text()
        expect(JSON.parse(text)).toMatchObject({
          waiting: 0,
          deliveries: [{ outcome: "given-up", attempt: 1 }],
        })
        expect(text).not.toContain("secret-path")
      },
      { timeout: 10_000 },
    )
  })
})
