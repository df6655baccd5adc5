/** What illustrates an answer, as clients of the public A2A protocol get it: data and files, beside the text. */
import { type Artifact, type Part, type Task, TaskState } from "@a2a-js/sdk"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { remoteLimits } from "../../actors/agent/frameworks/remote/limits.ts"
import { a2aClient, gather, request, userMessage } from "../support/a2a-client.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts"
import { type FileContent, type Says, serveA2a } from "./remote-agents/a2a-agent.ts"

let node: TestNode
let server: ScriptedServer

beforeAll(async () => {
  server = await startScriptedServer()
  node = await startTestNode({ EGRESS_ALLOW: new URL(server.url).host })
  const agent = { id: "elsewhere", name: "Elsewhere", framework: "A2A", endpoint: server.url }
  expect((await node.request("POST", "/api/agents/", { body: agent })).status).toBe(201)
})
afterAll(async () => {
  await node.stop()
  await server.stop()
})

const link = "https://example.com/out.txt"
const linked: FileContent = { $case: "url", value: link }
const attached = (text: string): FileContent => ({ $case: "raw", value: Buffer.from(text) })

const gives = (...values: ReadonlyArray<unknown>) =>
  serveA2a(server, {
    version: "1.0",
    streaming: true,
    execute: (says: Says) => {
      says.task()
      for (const [index, value] of values.entries()) says.artifact(`a${index}`, false, value)
      says.status(TaskState.TASK_STATE_COMPLETED)
    },
  })

const contentOf = ({ content }: Part): unknown => {
  if (content?.$case === "raw") return { holds: Buffer.from(content.value).toString() }
  return content?.$case === "url" ? { at: content.value } : content?.value
}
/** The library's client of 0.3 over REST knows no names of files. */
const namesOf = (artifacts: ReadonlyArray<Artifact>): ReadonlyArray<string> =>
  artifacts.flatMap(({ parts }) => parts.flatMap(({ filename }) => (filename === "" ? [] : [filename])))
const contents = (artifacts: ReadonlyArray<Artifact>) =>
  artifacts.map(({ artifactId, parts }) => [artifactId, parts.map(contentOf)])

const speakings = (["1.0", "0.3"] as const).flatMap((version) =>
  (["JSONRPC", "HTTP+JSON"] as const).map((binding) => ({ version, binding, agent: "elsewhere" })),
)

describe.each(speakings)("a client of $version over $binding", (speaking) => {
  const id = (name: string) => `${name}-${speaking.version}-${speaking.binding}`
  const expected = [
    ["answer-1", ["All is well."]],
    ["answer-1-1", [{ load: 0.5 }]],
    ["answer-1-2", [{ holds: "text" }]],
  ]

  it("gets data and a small file beside the text, in the answer as in the task", async () => {
    gives("All is well.", { load: 0.5 }, attached("text"))
    const client = await a2aClient(node, speaking)
    const done = (await client.sendMessage(request(userMessage(id("send"), "how is it?")))) as Task
    expect(contents(done.artifacts)).toEqual(expected)
    const isNamed = speaking.version === "1.0" || speaking.binding === "JSONRPC"
    expect(namesOf(done.artifacts)).toEqual(isNamed ? ["out.txt"] : [])
    expect(contents((await client.getTask({ tenant: "", id: done.id })).artifacts)).toEqual(expected)
  })

  it("gets each of them whole in a stream, before the end", async () => {
    gives("All is well.", { load: 0.5 }, attached("text"))
    const client = await a2aClient(node, speaking)
    const asked = request(userMessage(id("stream"), "how is it?"))
    const events = await gather(client.sendMessageStream(asked))
    const updates = events.flatMap(({ payload }) =>
      payload?.$case === "artifactUpdate" && payload.value.artifact !== undefined
        ? [payload.value.artifact]
        : [],
    )
    expect(contents(updates).filter(([name]) => name !== "answer-1")).toEqual(expected.slice(1))
    const last = events.at(-1)?.payload
    expect(last?.$case === "statusUpdate" && last.value.status?.state).toBe(TaskState.TASK_STATE_COMPLETED)
  })

  it("gets a file by its address once, as a file", async () => {
    gives(linked)
    const client = await a2aClient(node, speaking)
    const done = (await client.sendMessage(request(userMessage(id("link"), "where is it?")))) as Task
    expect(contents(done.artifacts)).toEqual([["answer-1-1", [{ at: link }]]])
  })
})

describe("an answer", () => {
  it("of the operations agent has what was run as data", async () => {
    const client = await a2aClient(node, { version: "1.0", binding: "JSONRPC", agent: "ops" })
    const asked = request(userMessage("ops", "what is the CPU usage now"))
    const { artifacts } = (await client.sendMessage(asked)) as Task
    expect(artifacts[0]!.parts[0]!.content?.$case).toBe("text")
    const data = artifacts.slice(1).flatMap(({ parts }) => parts.map(({ content }) => content))
    expect(data).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ $case: "data", value: expect.objectContaining({ title: "metric query" }) }),
      ]),
    )
  })

  it("comes without files that are too large, or whose address is none of the web", async () => {
    gives("Here.", attached("x".repeat(remoteLimits.fileBytesMax + 1)), {
      $case: "url",
      value: "javascript:alert(1)",
    })
    const client = await a2aClient(node, { version: "1.0", binding: "JSONRPC", agent: "elsewhere" })
    const { artifacts } = (await client.sendMessage(request(userMessage("large", "give it")))) as Task
    expect(artifacts.map(({ artifactId }) => artifactId)).toEqual(["answer-1"])
  })
})
