/** `agent.execute` as a stream: the seed's events in answers of JSON-RPC, to the end whoever reads. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { questionsTo, registerStubAgent } from "../support/stub-agent.ts"
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
  node = await startTestNode({ EGRESS_ALLOW: `127.0.0.1:${upstream.port}` })
  await registerStubAgent(node, upstream, { id: "remote" })
})
afterAll(async () => {
  await node.stop()
  await upstream.stop()
})

const post = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  node.request("POST", "/a2a", { body, headers })

const events = async (response: Response) => {
  expect(response.headers.get("content-type")).toContain("text/event-stream")
  const text = await response.text()
  return text.split("\n\n").flatMap((event) => {
    const data = event.split("\n").find((line) => line.startsWith("data: "))
    return data === undefined ? [] : [JSON.parse(data.slice(6))]
  })
}
const streamed = (params: unknown) => ({ jsonrpc: "2.0", method: "agent.execute", params, id: 5 })

describe("agent.execute", () => {
  it("streams what the agent says, and ends with the result", async () => {
    upstream.behave(answers(["Hello", " world"]))
    const params = { agent_id: "remote", task: "hi" }
    const accepted = await events(await post(streamed(params), { accept: "text/event-stream" }))
    const asked = await events(await post(streamed({ ...params, stream: true })))
    for (const all of [accepted, asked]) {
      expect(all.every(({ jsonrpc, id }) => jsonrpc === "2.0" && id === 5)).toBe(true)
      const results = all.map(({ result }) => result)
      expect(results[0]).toMatchObject({ type: "start", agent_id: "remote" })
      const tokens = results.filter(({ type }) => type === "token")
      expect(tokens.map(({ content }) => content).join("")).toBe("Hello world")
      expect(tokens.map(({ index }) => index)).toEqual(tokens.map((_, index) => index))
      expect(results.at(-1)).toMatchObject({
        type: "end",
        status: "success",
        data: { text: "Hello world" },
        metadata: { tokens_used: 18 },
      })
    }
  })

  it("streams a hand-over, and a failure in the middle as an error", async () => {
    const moved = await events(
      await post(streamed({ agent_id: "guide", task: "which alerts were there", stream: true })),
    )
    expect(moved.map(({ result }) => result.type)).toContain("agent_transfer")
    upstream.behave(breaksAfter(["Half"], "error"))
    const broken = await events(await post(streamed({ agent_id: "remote", task: "hi", stream: true })))
    expect(broken.at(-1)).toMatchObject({ id: 5, error: { code: -32005 } })
  })

  it("answers what cannot be begun without a stream", async () => {
    const response = await post(streamed({ agent_id: "nobody", task: "hi", stream: true }))
    expect(response.headers.get("content-type")).toContain("application/json")
    expect(await json(response)).toMatchObject({ id: 5, error: { code: -32001 } })
  })

  it("goes on when the reader of its stream leaves", async () => {
    let finish = () => {}
    upstream.behave((asked, response) => {
      // A check of the agent's health may come in between.
      if ("messages" in asked.body) finish = () => answers(["Late"])(asked, response)
      else response.end()
    })
    const before = questionsTo(upstream).length
    const leave = new AbortController()
    const headers = { "idempotency-key": "left" }
    const body = streamed({ agent_id: "remote", task: "hi", stream: true })
    const response = await node.request("POST", "/a2a", { body, headers, signal: leave.signal })
    expect(response.status).toBe(200)
    await vi.waitFor(() => expect(questionsTo(upstream).length).toBeGreaterThan(before), 10_000)
    leave.abort()
    const again = node.request("POST", "/a2a", {
      body: { ...body, params: { agent_id: "remote", task: "hi" } },
      headers,
    })
    finish()
    expect(await json(await again)).toMatchObject({ result: { data: { text: "Late" } } })
    expect(questionsTo(upstream).length).toBe(before + 1)
  })
})
