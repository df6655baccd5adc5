/** The public A2A protocol as its own client speaks it: whole conversations in both versions and bindings. */
import { type StreamResponse, type Task, TaskState } from "@a2a-js/sdk"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { a2aClient, gather, heard, request, userMessage } from "../support/a2a-client.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { questionsTo, registerStubAgent } from "../support/stub-agent.ts"
import {
  answers,
  pausesAfter,
  type StubModelServer,
  startStubModelServer,
} from "../support/stub-model-server.ts"

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

const speakings = (["1.0", "0.3"] as const).flatMap((version) =>
  (["JSONRPC", "HTTP+JSON"] as const).map((binding) => ({ version, binding })),
)
const textOf = ({ artifacts }: Task): string =>
  artifacts
    .flatMap(({ parts }) => parts.map(({ content }) => (content?.$case === "text" ? content.value : "")))
    .join("")
const asTask = (result: unknown): Task => result as Task
const gate = () => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open: () => open(), opened }
}

describe.each(speakings)("a client of $version over $binding", (speaking) => {
  const told = (events: ReadonlyArray<StreamResponse>) =>
    heard(events, speaking.version === "0.3" && speaking.binding === "HTTP+JSON")
  const id = (name: string) => `${name}-${speaking.version}-${speaking.binding}`

  it("sends, is answered, asks on in the same context, and finds its tasks again", async () => {
    const client = await a2aClient(node, { ...speaking, agent: "remote" })
    upstream.behave(answers(["Hello", " world"]))
    const first = asTask(await client.sendMessage(request(userMessage(id("first"), "hi"))))
    expect(first.status?.state).toBe(TaskState.TASK_STATE_COMPLETED)
    expect(textOf(first)).toBe("Hello world")
    expect(first.history.map(({ messageId }) => messageId)).toEqual([id("first")])

    const { contextId } = first
    const second = asTask(
      await client.sendMessage(request(userMessage(id("second"), "and then?", { contextId }))),
    )
    expect(second.contextId).toBe(contextId)
    expect(second.id).not.toBe(first.id)
    const asked = questionsTo(upstream).at(-1)!.body.messages as ReadonlyArray<{
      role: string
      content: string
    }>
    expect(asked.map(({ role, content }) => `${role}: ${content}`).join("\n")).toContain(
      "user: hi\nassistant: Hello world\nuser: and then?",
    )
    const again = await client.getTask({ tenant: "", id: first.id })
    expect(textOf(again)).toBe("Hello world")
  })

  it("streams an answer piece by piece, and whoever subscribes meanwhile hears the same from its beginning", async () => {
    const client = await a2aClient(node, { ...speaking, agent: "remote" })
    const { open, opened } = gate()
    upstream.behave(pausesAfter(["one", " two"], [" three"], opened))
    const own: Array<StreamResponse> = []
    const streaming = (async () => {
      for await (const event of client.sendMessageStream(request(userMessage(id("stream"), "go"))))
        own.push(event)
    })()
    await vi.waitFor(() => expect(told(own).text).toBe("one two"), { timeout: 10_000 })
    const [snapshot] = own
    const task = snapshot?.payload?.$case === "task" ? snapshot.payload.value.id : ""
    const others = await Promise.all([1, 2].map(() => a2aClient(node, { ...speaking, agent: "remote" })))
    const followed = await Promise.all(
      others.map(async (other) => {
        const stream = other.resubscribeTask({ tenant: "", id: task })
        const first = await stream.next()
        return async () => [first.value as StreamResponse, ...(await gather(stream))]
      }),
    )
    open()
    await streaming
    for (const rest of followed) {
      const events = await rest()
      expect(told(events).text).toBe("one two three")
      expect(told(events).states).toEqual(["WORKING", "COMPLETED"])
    }
    expect(told(own)).toEqual({ text: "one two three", states: ["SUBMITTED", "WORKING", "COMPLETED"] })
  })

  it("cancels a task under way, and not one that has ended", async () => {
    const client = await a2aClient(node, { ...speaking, agent: "remote" })
    upstream.behave(pausesAfter(["one"], [], new Promise(() => {})))
    const begun = asTask(
      await client.sendMessage(request(userMessage(id("cancel"), "go"), { returnImmediately: true })),
    )
    expect(begun.status?.state).toBe(TaskState.TASK_STATE_WORKING)
    const cancel = () => client.cancelTask({ tenant: "", id: begun.id, metadata: undefined })
    expect((await cancel()).status?.state).toBe(TaskState.TASK_STATE_CANCELED)
    await expect(cancel()).rejects.toThrow(/cannot be canceled/)
    await expect(client.getTask({ tenant: "", id: "nothing" })).rejects.toThrow(/not found/)
  })

  it("keeps receivers by task, and is never told what is secret of them", async () => {
    const client = await a2aClient(node, { ...speaking, agent: "remote" })
    upstream.behave(answers(["done"]))
    const { id: taskId } = asTask(await client.sendMessage(request(userMessage(id("push"), "hi"))))
    const authentication = { scheme: "Bearer", credentials: "very-secret" }
    const config = {
      tenant: "",
      id: "mine",
      taskId,
      url: "http://192.0.2.1/hook",
      token: "hush",
      authentication,
    }
    await client.createTaskPushNotificationConfig(config)
    const found = await client.getTaskPushNotificationConfig({ tenant: "", taskId, id: "mine" })
    expect(found).toMatchObject({ id: "mine", url: config.url })
    expect(JSON.stringify(found)).not.toMatch(/very-secret|hush/)
    const all = await client.listTaskPushNotificationConfig({
      tenant: "",
      taskId,
      pageSize: 0,
      pageToken: "",
    })
    expect(all.configs.map((one) => one.id)).toEqual(["mine"])
    await client.deleteTaskPushNotificationConfig({ tenant: "", taskId, id: "mine" })
    await expect(client.getTaskPushNotificationConfig({ tenant: "", taskId, id: "mine" })).rejects.toThrow()
  })
})

describe("a task", () => {
  const speaking = { version: "1.0", binding: "JSONRPC", agent: "remote" } as const

  it("is one for the same message, however often and at once it is sent", async () => {
    const client = await a2aClient(node, speaking)
    upstream.behave(answers(["once"]))
    const before = questionsTo(upstream).length
    const send = async () => asTask(await client.sendMessage(request(userMessage("same", "hi"))))
    const tasks = [...(await Promise.all([send(), send(), send()])), await send()]
    expect(new Set(tasks.map(({ id }) => id)).size).toBe(1)
    expect(questionsTo(upstream).length - before).toBe(1)
  })

  it("is nobody else's: others do not learn that there is one, and their same message is another one", async () => {
    const mine = await a2aClient(node, speaking)
    const token = await node.login("ann")
    const hers = await a2aClient(node, { ...speaking, token })
    upstream.behave(answers(["mine"]))
    const task = asTask(
      await mine.sendMessage(request(userMessage("private", "hi", { contextId: "shared" }))),
    )
    await expect(hers.getTask({ tenant: "", id: task.id })).rejects.toThrow(/not found/)
    await expect(hers.cancelTask({ tenant: "", id: task.id, metadata: undefined })).rejects.toThrow(
      /not found/,
    )
    const other = asTask(
      await hers.sendMessage(request(userMessage("private", "hello", { contextId: "shared" }))),
    )
    expect(other.id).not.toBe(task.id)
    const asked = questionsTo(upstream).at(-1)!.body.messages as ReadonlyArray<{ content: string }>
    expect(JSON.stringify(asked)).not.toContain("mine")
    const listed = await hers.listTasks({
      tenant: "",
      contextId: "",
      status: TaskState.TASK_STATE_UNSPECIFIED,
      pageToken: "",
      statusTimestampAfter: undefined,
    })
    expect(listed.tasks.map(({ id }) => id)).toEqual([other.id])
  })

  it("is in lists at once, page by page, with totals, without artifacts unless asked for", async () => {
    const token = await node.login("lister")
    const client = await a2aClient(node, { ...speaking, token })
    upstream.behave(answers(["listed"]))
    const sent: Array<string> = []
    for (const number of [1, 2, 3])
      sent.unshift(asTask(await client.sendMessage(request(userMessage(`list-${number}`, "hi")))).id)
    const page = (pageToken: string, includeArtifacts = false) =>
      client.listTasks({
        tenant: "",
        contextId: "",
        status: TaskState.TASK_STATE_COMPLETED,
        pageSize: 2,
        pageToken,
        statusTimestampAfter: undefined,
        includeArtifacts,
      })
    const first = await page("")
    expect([first.tasks.length, first.totalSize]).toEqual([2, 3])
    expect(first.tasks.every(({ artifacts }) => artifacts.length === 0)).toBe(true)
    const second = await page(first.nextPageToken, true)
    expect(second.nextPageToken).toBe("")
    expect(second.tasks.map(textOf)).toEqual(["listed"])
    expect([...first.tasks, ...second.tasks].map(({ id }) => id)).toEqual(sent)
    await expect(page("nonsense")).rejects.toThrow(/pageToken/)
  })

  it.each(["-1", "12345", "today", "2026-13-45T00:00:00Z"])(
    "is not listed by the time %j, which is none",
    async (time) => {
      const client = await a2aClient(node, speaking)
      const asked = { tenant: "", contextId: "", status: TaskState.TASK_STATE_UNSPECIFIED, pageToken: "" }
      const listing = client.listTasks({ ...asked, statusTimestampAfter: time })
      await expect(listing).rejects.toThrow(/statusTimestampAfter/)
      const since = { ...asked, statusTimestampAfter: "2026-01-01T00:00:00.5+09:00" }
      await expect(client.listTasks(since)).resolves.toBeDefined()
    },
  )
})
