/** Agents that run elsewhere in conversations of a whole node: registered over HTTP, asked, watched, cut off. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startTestNode, type TestNode } from "../support/node.ts"
import { json, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts"
import { openSession, readEvents } from "../support/session-client.ts"
import { resultsOf, scriptA2a } from "./remote-agents/a2a-agent.ts"
import { credential, sendEvents } from "./remote-agents/remote-agent.ts"

let node: TestNode
let server: ScriptedServer
beforeAll(async () => {
  server = await startScriptedServer()
  node = await startTestNode({ EGRESS_ALLOW: "127.0.0.1" })
})
afterAll(async () => {
  await node.stop()
  await server.stop()
})

const post = async (path: string, body: unknown) => {
  const response = await node.request("POST", path, { body })
  const text = await response.text()
  expect(response.status, text).toBeLessThan(300)
  return JSON.parse(text)
}
const register = async (id: string, framework: string, more: object = {}) =>
  post("/api/agents/", { id, name: id, framework, endpoint: `${server.url}/${id}`, credential, ...more })
const ask = async (agent: string) => {
  const session = await openSession(node, agent)
  const body = { role: "user", content: "how are you?" }
  const asked = await node.request("POST", `/api/chat/sessions/${session}/messages/`, { body })
  const events = (await readEvents(asked)).map(({ data }) => data)
  const text = events.flatMap((event) => (event.type === "token" ? [event.content] : [])).join("")
  return { session, events, text, last: events.at(-1)! }
}

interface Elsewhere {
  readonly framework: string
  readonly more?: object
  readonly answer: ScriptedServer["answer"]
}

const chunk = (content: string) => ({ choices: [{ index: 0, delta: { content } }] })
const finish = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }
const words = ["All ", "is ", "well."]
const text = words.join("")

const elsewhere: ReadonlyArray<Elsewhere> = [
  { framework: "Agno", answer: (_, response) => json(response, 200, { response: { payload: { text } } }) },
  { framework: "ADK", answer: (_, response) => json(response, 200, { status: "success", result: text }) },
  {
    framework: "Langchain-agent",
    answer: (_, response) =>
      sendEvents(response, [
        { type: "thought", content: "hmm" },
        ...words.map((content) => ({ type: "result", content })),
      ]),
  },
  {
    framework: "Custom",
    more: { connection: { request: { q: "{{question}}" }, response_path: "a.0" } },
    answer: (_, response) => json(response, 200, { a: [text] }),
  },
  {
    framework: "OpenAI",
    more: { connection: { target: "m" } },
    answer: (_, response) => sendEvents(response, [...words.map(chunk), finish, "[DONE]"]),
  },
  {
    framework: "A2A",
    answer: ({ body }, response) => {
      const piece = (one: string) => ({
        artifactUpdate: {
          taskId: "t",
          contextId: "c",
          artifact: { artifactId: "a", parts: [{ text: one }] },
          append: true,
        },
      })
      const end = { statusUpdate: { taskId: "t", contextId: "c", status: { state: "TASK_STATE_COMPLETED" } } }
      return sendEvents(response, resultsOf(body, ...words.map(piece), end))
    },
  },
]

describe.each(elsewhere)("an agent of $framework", ({ framework, more = {}, answer }) => {
  const id = framework.toLowerCase()
  const serve = () =>
    framework === "A2A"
      ? scriptA2a(server, { version: "1.0", streaming: true }, answer)
      : Object.assign(server, { answer })

  it("answers in a conversation, is well, and its credential is shown to nobody", async () => {
    serve()
    await register(id, framework, more)
    const asked = await ask(id)
    expect(asked.text).toBe(text)
    expect(asked.last).toMatchObject({ type: "end" })
    expect(server.asked.at(-1)!.headers.authorization).toBe(`Bearer ${credential}`)
    const health = await node.request("POST", `/api/agents/${id}/health-check`)
    const seen = await node.request("GET", `/api/agents/${id}`)
    const told = (await seen.text()) + (await health.text())
    expect(told).toContain("healthy")
    expect(told).not.toMatch(/unhealthy|c0rrect/)
  })

  it("that is cut off ends the turn with an error", async () => {
    server.answer = (_, response) => void response.socket!.destroy()
    const { last } = await ask(id)
    expect(last).toMatchObject({ type: "error", code: "AgentBrokeOff" })
  })
})

describe("an agent that dies in the middle of its answer", () => {
  it("leaves what it said in the conversation, and an error at its end", async () => {
    server.answer = (_, response) =>
      sendEvents(response, [chunk("All "), chunk("is ")], ({ socket }) => void socket!.destroy())
    const { session, text: heard, last } = await ask("openai")
    expect(heard).toBe("All is ")
    expect(last).toMatchObject({ type: "error", code: "AgentBrokeOff" })
    const history = await node.request("GET", `/api/chat/sessions/${session}/messages/`)
    expect(await history.text()).toContain("All is ")
  })
})

describe("an agent inside", () => {
  it("is refused with the reason, and nothing is asked there", async () => {
    await register("inside", "Agno", { endpoint: "http://169.254.169.254/latest/meta-data/" })
    const { last } = await ask("inside")
    expect(last).toMatchObject({ type: "error", code: "AgentEgressRefused" })
  })
})
