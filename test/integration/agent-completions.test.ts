/** Agents as OpenAI's own client meets them: listed and asked like models. */
import OpenAI, { APIError } from "openai"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { questionsTo, registerStubAgent } from "../support/stub-agent.ts"
import {
  answers,
  breaksAfter,
  fails,
  type StubModelServer,
  startStubModelServer,
} from "../support/stub-model-server.ts"

let node: TestNode
let upstream: StubModelServer
let ann: OpenAI
let bob: OpenAI

const clientOf = (key: string) =>
  new OpenAI({ baseURL: `${node.url}/v1`, apiKey: key, maxRetries: 0, logLevel: "off" })

beforeAll(async () => {
  upstream = await startStubModelServer()
  node = await startTestNode({ EGRESS_ALLOW: `127.0.0.1:${upstream.port}` })
  const token = await node.login("ann")
  ann = clientOf(token)
  bob = clientOf(await node.login("bob"))
  await registerStubAgent(node, upstream, { id: "remote" }, token)
  await registerStubAgent(node, upstream, { id: "own", access_level: "private" }, token)
}, 60_000)
afterAll(async () => {
  await node.stop()
  await upstream.stop()
})

const failureOf = async (asking: PromiseLike<unknown>): Promise<APIError> => {
  const failure = await asking.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(failure).toBeInstanceOf(APIError)
  return failure as APIError
}

const asked = (model: string, content = "Hello there") => ({
  model,
  messages: [{ role: "user" as const, content }],
})

describe("the list of models", () => {
  it("has the agents that the caller may use, and each by its name", async () => {
    const own = await ann.models.list()
    expect(own.data.map(({ id }) => id)).toEqual(expect.arrayContaining(["agent:guide", "agent:own"]))
    expect((await bob.models.list()).data.map(({ id }) => id)).not.toContain("agent:own")
    expect(await ann.models.retrieve("agent:own")).toMatchObject({
      id: "agent:own",
      object: "model",
      owned_by: "ann",
    })
    expect(await bob.models.retrieve("agent:guide")).toMatchObject({ owned_by: "millrace" })
  })

  it("does not give away what one may not use", async () => {
    expect(await failureOf(bob.models.retrieve("agent:own"))).toMatchObject({
      status: 403,
      code: "AGT_AUTH_001",
    })
    expect(await failureOf(bob.models.retrieve("agent:nobody"))).toMatchObject({
      status: 404,
      code: "AGT_REG_001",
    })
  })

  it("has what the rights of an API key allow", async () => {
    const token = await node.login("carol")
    const asks = clientOf(await node.narrow(token, ["agent:execute"]))
    expect((await asks.models.list()).data.every(({ id }) => id.startsWith("agent:"))).toBe(true)
    expect((await asks.chat.completions.create(asked("agent:guide"))).model).toBe("agent:guide")
    const calls = clientOf(await node.narrow(token, ["llm-model:use"]))
    expect((await calls.models.list()).data.some(({ id }) => id.startsWith("agent:"))).toBe(false)
    expect(await failureOf(calls.chat.completions.create(asked("agent:guide")))).toMatchObject({
      status: 403,
    })
    const none = clientOf(await node.narrow(token, ["trace:read"]))
    expect(await failureOf(none.models.list())).toMatchObject({ status: 403 })
  })
})

describe("an agent that is asked", () => {
  it("gives a whole answer, with what it took", async () => {
    upstream.behave(answers(["Hello", " world"]))
    expect(await ann.chat.completions.create(asked("agent:remote"))).toMatchObject({
      object: "chat.completion",
      model: "agent:remote",
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "Hello world" } }],
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    })
  })

  it("is told what was said before, in its order", async () => {
    upstream.behave(answers(["Fine"]))
    await ann.chat.completions.create({
      model: "agent:remote",
      temperature: 0.2,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "How are you?" },
        { role: "assistant", content: "Well." },
        { role: "user", content: [{ type: "text", text: "And now?" }] },
      ],
    })
    expect(questionsTo(upstream).at(-1)!.body.messages).toEqual([
      { role: "user", content: "Be brief." },
      { role: "user", content: "How are you?" },
      { role: "assistant", content: "Well." },
      { role: "user", content: "And now?" },
    ])
  })

  it("streams pieces, the end, and the usage when it is asked for", async () => {
    upstream.behave(answers(["Hello", " world"]))
    const stream = await ann.chat.completions.create({
      ...asked("agent:remote"),
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Hello world")
    expect(chunks[0]!.choices[0]!.delta.role).toBe("assistant")
    expect(chunks.at(-2)!.choices[0]!.finish_reason).toBe("stop")
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 18 } })
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    const final = await ann.chat.completions.stream(asked("agent:guide")).finalChatCompletion()
    expect(final.choices[0]!.message.content).toContain("offline agent")
  })

  it("ends its events as OpenAI does", async () => {
    const body = { ...asked("agent:guide"), stream: true }
    const response = await node.request("POST", "/v1/chat/completions", { body })
    const events = (await response.text()).trim().split("\n\n")
    expect(events.at(-1)).toBe("data: [DONE]")
    expect(JSON.parse(events.at(-2)!.slice(6))).toMatchObject({ choices: [{ finish_reason: "stop" }] })
  })

  it("may hand the question over; who answers is named", async () => {
    const completion = await ann.chat.completions.create(asked("agent:guide", "which alerts were there"))
    expect(completion.model).toBe("agent:ops")
    const stream = await ann.chat.completions.create({
      ...asked("agent:guide", "which alerts were there"),
      stream: true,
    })
    const models = new Set<string>()
    for await (const chunk of stream) models.add(chunk.model)
    expect([...models]).toEqual(["agent:ops"])
  })

  it("that fails is an error in OpenAI's shape, before a stream has begun and after", async () => {
    upstream.behave(fails(400))
    for (const stream of [false, true])
      expect(
        await failureOf(ann.chat.completions.create({ ...asked("agent:remote"), stream })),
      ).toMatchObject({ status: 502, code: "AGT_ANS_001" })
    upstream.behave(breaksAfter(["Half"], "error"))
    const stream = await ann.chat.completions.create({ ...asked("agent:remote"), stream: true })
    const pieces: Array<string> = []
    const reading = (async () => {
      for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? "")
    })()
    expect(await failureOf(reading)).toMatchObject({ code: "AGT_ANS_001" })
    expect(pieces.join("")).toBe("Half")
  })

  it.each([false, true])("works no longer when its client leaves, streaming: %s", async (streaming) => {
    upstream.behave(breaksAfter(["Thinking"], "silence"))
    const before = questionsTo(upstream).length
    const leave = new AbortController()
    const body = { ...asked("agent:remote"), stream: streaming }
    const answering = node.request("POST", "/v1/chat/completions", { body, signal: leave.signal })
    const left = answering.then((response) => response.text()).catch(() => "left")
    await vi.waitFor(() => expect(questionsTo(upstream).length).toBeGreaterThan(before), 10_000)
    leave.abort()
    expect(await left).toBe("left")
    await questionsTo(upstream).at(-1)!.closed
  })
})

const user = { role: "user" as const, content: "hi" }
const tool = { type: "function" as const, function: { name: "look", parameters: { type: "object" } } }
const call = { id: "c1", type: "function" as const, function: { name: "look", arguments: "{}" } }
const image = { type: "image_url" as const, image_url: { url: "data:," } }

describe("what an agent cannot be asked for is refused by its name:", () => {
  it.each([
    ["tools", { tools: [tool] }],
    ["functions", { functions: [{ name: "look" }] }],
    ["n", { n: 2 }],
    ["logprobs", { logprobs: true }],
    ["response_format", { response_format: { type: "json_object" as const } }],
    ["messages.0.role", { messages: [{ role: "tool" as const, content: "x", tool_call_id: "c1" }, user] }],
    [
      "messages.0.tool_calls",
      { messages: [{ role: "assistant" as const, content: "", tool_calls: [call] }, user] },
    ],
    ["messages.0.content.0", { messages: [{ role: "user" as const, content: [image] }] }],
    ["messages.1.role", { messages: [user, { role: "assistant" as const, content: "x" }] }],
    ["messages.0.content", { messages: [{ role: "user" as const, content: "x".repeat(16_001) }] }],
  ])("%s", async (field, more) => {
    const failure = await failureOf(ann.chat.completions.create({ ...asked("agent:guide"), ...more }))
    expect(failure).toMatchObject({ status: 400, param: field, type: "invalid_request_error" })
  })

  it("an agent that one may not use, or that there is not", async () => {
    const forbidden = await failureOf(bob.chat.completions.create(asked("agent:own")))
    expect(forbidden).toMatchObject({ status: 403, code: "AGT_AUTH_001" })
    const missing = await failureOf(bob.chat.completions.create(asked("agent:nobody")))
    expect(missing).toMatchObject({ status: 404, code: "AGT_REG_001" })
  })
})

describe("a path that there is not", () => {
  it("under /v1 has errors in OpenAI's shape", async () => {
    const missing = await node.request("GET", "/v1/no-such-path")
    expect([missing.status, await json(missing)]).toEqual([
      404,
      { error: expect.objectContaining({ type: "invalid_request_error", code: "GTW_ROUTE_001" }) },
    ])
    const method = await node.request("DELETE", "/v1/models")
    expect([method.status, await json(method)]).toEqual([
      405,
      { error: expect.objectContaining({ param: null, code: "GTW_ROUTE_002" }) },
    ])
  })
})
