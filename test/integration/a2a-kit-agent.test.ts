/** The agent of the compatibility kit's scenarios, as the kit meets it: behind a node, over the public protocol. */
import { type Part, type Task, TaskState } from "@a2a-js/sdk"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { a2aClient, request, userMessage } from "../support/a2a-client.ts"
import { type KitAgent, startKitAgent } from "../support/a2a-kit/agent.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
const agents: Array<KitAgent> = []

beforeAll(async () => {
  agents.push(await startKitAgent(0, "complete"), await startKitAgent(0, "ask"))
  node = await startTestNode({ EGRESS_ALLOW: agents.map(({ url }) => new URL(url).host).join(",") })
  for (const [index, id] of ["kit", "kit-asks"].entries()) {
    const body = { id, name: id, framework: "A2A", endpoint: agents[index]!.url }
    expect((await node.request("POST", "/api/agents/", { body })).status).toBe(201)
  }
})
afterAll(async () => {
  await node.stop()
  await Promise.all(agents.map(({ stop }) => stop()))
})

let messages = 0
const askedFor = async (agent: string, word: string): Promise<Task> => {
  const client = await a2aClient(node, { version: "1.0", binding: "JSONRPC", agent })
  return (await client.sendMessage(request(userMessage(`m${++messages}`, `Run ${word}`)))) as Task
}
const contentOf = ({ content }: Part): unknown =>
  content?.$case === "raw" ? Buffer.from(content.value).toString() : content?.value
const outcome = ({ status, artifacts }: Task) => [
  status?.state,
  artifacts.flatMap(({ parts }) => parts.map(contentOf)),
]

describe("the agent of the kit's scenarios", () => {
  it.each<readonly [string, TaskState, ReadonlyArray<unknown>]>([
    ["tck-stream-artifact-chunked-1f", TaskState.TASK_STATE_COMPLETED, ["chunk-1 chunk-2"]],
    ["tck-artifact-data-1f", TaskState.TASK_STATE_COMPLETED, [{ key: "value", count: 42 }]],
    ["tck-artifact-file-1f", TaskState.TASK_STATE_COMPLETED, ["x"]],
    ["tck-artifact-file-url-1f", TaskState.TASK_STATE_COMPLETED, ["https://example.com/output.txt"]],
    ["tck-complete-task-1f", TaskState.TASK_STATE_COMPLETED, ["Hello from TCK"]],
    ["tck-input-required-1f", TaskState.TASK_STATE_INPUT_REQUIRED, ["What else?"]],
  ])("does what %s says", async (word, state, artifacts) => {
    expect(outcome(await askedFor("kit", word))).toEqual([state, artifacts])
  })

  it("has its refusal told as the failure that it is to whoever asked", async () => {
    const { status } = await askedFor("kit", "tck-reject-task-1f")
    expect(status?.state).toBe(TaskState.TASK_STATE_FAILED)
  })

  it("asks back whatever it is told, where it is to", async () => {
    const [state] = outcome(await askedFor("kit-asks", "tck-complete-task-1f"))
    expect(state).toBe(TaskState.TASK_STATE_INPUT_REQUIRED)
  })
})
