/** What OpenAI's own client gets from a node, with a provider behind it that does as it is told. */
import OpenAI, { APIError } from "openai"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Tenancy } from "../../resources/index.ts"
import { errorOf, json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import {
  answers,
  breaksAfter,
  fails,
  raw,
  type StubModelServer,
  startStubModelServer,
} from "../support/stub-model-server.ts"

let node: TestNode
let upstream: StubModelServer
let modelId: string
let client: OpenAI
let stranger: OpenAI

const clientOf = (key: string) =>
  new OpenAI({ baseURL: `${node.url}/v1`, apiKey: key, maxRetries: 0, logLevel: "off" })

beforeAll(async () => {
  upstream = await startStubModelServer()
  node = await startTestNode({ EGRESS_ALLOW: `127.0.0.1:${upstream.port}` })
  client = clientOf(node.apiKey)
  const model = {
    name: "gpt-stub",
    provider: "Custom",
    endpoint: upstream.url,
    api_key: "sk-upstream-secret",
    model_name: "stub-model",
  }
  const made = await json(await node.request("POST", "/api/admin/llm-models/", { body: model }))
  modelId = String(made.id)
  expect((await node.request("POST", `/api/admin/llm-models/${modelId}/activate`)).status).toBe(200)
  const priced = await node.request("PUT", `/api/admin/llm-models/${modelId}/price`, {
    body: { input_per_million: 1_000, output_per_million: 2_000, currency: "USD" },
  })
  expect(priced.status).toBeLessThan(300)
  const me = await json(await node.request("GET", "/api/users/me"))
  const grant = { grantee_type: "USER", grantee_id: me.id, rights: ["use"] }
  const granted = await node.request("POST", `/api/llm-models/${modelId}/permissions`, { body: grant })
  expect(granted.status, await granted.clone().text()).toBeLessThan(300)
  stranger = clientOf(await node.login("somebody"))
})
afterAll(async () => {
  await node.stop()
  await upstream.stop()
})

const question = { model: "gpt-stub", messages: [{ role: "user" as const, content: "Hello there" }] }

const failureOf = async (asking: PromiseLike<unknown>): Promise<APIError> => {
  const failure = await asking.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(failure).toBeInstanceOf(APIError)
  return failure as APIError
}

describe("OpenAI's client", () => {
  it("gets a whole answer with its usage", async () => {
    upstream.behave(answers(["Hello", " world"]))
    const completion = await client.chat.completions.create({ ...question, temperature: 0.5, max_tokens: 20 })
    expect(completion).toMatchObject({
      object: "chat.completion",
      model: "gpt-stub",
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "Hello world" } }],
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    })
    expect(upstream.asked.at(-1)!.body).toMatchObject({
      model: "stub-model",
      temperature: 0.5,
      max_tokens: 20,
    })
    expect(upstream.asked.at(-1)!.headers.authorization).toBe("Bearer sk-upstream-secret")
  })

  it("gets pieces, the end, and the usage when it asks for it", async () => {
    upstream.behave(answers(["Hello", " world"]))
    const stream = await client.chat.completions.create({
      ...question,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Hello world")
    expect(chunks.at(-2)!.choices[0]!.finish_reason).toBe("stop")
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 18 } })
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  })

  it("ends its events as OpenAI does", async () => {
    upstream.behave(answers(["Hello"]))
    const response = await node.request("POST", "/v1/chat/completions", {
      body: { ...question, stream: true },
    })
    expect(response.headers.get("content-type")).toContain("text/event-stream")
    const events = (await response.text()).trim().split("\n\n")
    expect(events.at(-1)).toBe("data: [DONE]")
    expect(JSON.parse(events.at(-2)!.slice(6))).toMatchObject({ choices: [{ finish_reason: "stop" }] })
    expect(events.join()).not.toContain("usage")
  })

  it("calls tools through it", async () => {
    const calls = [{ index: 0, id: "c1", type: "function", function: { name: "look", arguments: '{"a":1}' } }]
    const delta = { role: "assistant", tool_calls: calls }
    const events = [
      { choices: [{ index: 0, delta, finish_reason: null }] },
      { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
    ].map((event) => `data: ${JSON.stringify(event)}\n\n`)
    upstream.behave(raw(`${events.join("")}data: [DONE]\n\n`, "text/event-stream"))
    const tools = [{ type: "function" as const, function: { name: "look", parameters: { type: "object" } } }]
    const final = await client.chat.completions.stream({ ...question, tools }).finalChatCompletion()
    expect(final.choices[0]!.message.tool_calls).toMatchObject([{ id: "c1", function: { name: "look" } }])
    expect(upstream.asked.at(-1)!.body).toMatchObject({ tools })
  })

  it("lists and looks at the models that it may call", async () => {
    const names = (await client.models.list()).data.map(({ id }) => id)
    expect(names).toContain("gpt-stub")
    expect(await client.models.retrieve("gpt-stub")).toMatchObject({ id: "gpt-stub", object: "model" })
  })

  it("sees nothing of a model that it was not granted", async () => {
    const before = upstream.asked.length
    expect((await stranger.models.list()).data.map(({ id }) => id)).not.toContain("gpt-stub")
    expect(await failureOf(stranger.models.retrieve("gpt-stub"))).toMatchObject({ status: 404 })
    expect(await failureOf(stranger.chat.completions.create(question))).toMatchObject({
      status: 404,
      code: "LLM_MODEL_001",
      type: "invalid_request_error",
    })
    expect(upstream.asked.length).toBe(before)
  })

  it("is told in OpenAI's shape what is wrong", async () => {
    expect(await failureOf(clientOf("ak_live_wrong").chat.completions.create(question))).toMatchObject({
      status: 401,
      type: "authentication_error",
    })
    const unknownField = { ...question, tempurature: 1 }
    expect(await failureOf(client.chat.completions.create(unknownField))).toMatchObject({
      status: 400,
      param: "tempurature",
      type: "invalid_request_error",
    })
    upstream.behave(fails(400, {}, { param: "messages[0].content", message: "too long" }))
    expect(await failureOf(client.chat.completions.create(question))).toMatchObject({
      status: 400,
      code: "LLM_CALL_002",
      param: "messages[0].content",
    })
    upstream.behave(fails(500))
    for (const stream of [false, true])
      expect(await failureOf(client.chat.completions.create({ ...question, stream }))).toMatchObject({
        status: 502,
        code: "LLM_CALL_001",
        type: "server_error",
      })
  })

  it("that leaves midway ends the call at the provider, and what came is in the ledger", async () => {
    upstream.behave(breaksAfter(["Hello"], "silence"))
    const stream = await client.chat.completions.create({ ...question, stream: true })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content === "Hello") break
    await upstream.asked.at(-1)!.closed
    const entries = Tenancy.use(({ within }) =>
      within(
        "default",
        (sql) => sql`SELECT estimated, tokens_out > 0 AS counted FROM llm_usage WHERE status = 'aborted'`,
      ),
    )
    await expect.poll(() => node.run(entries)).toEqual([{ estimated: true, counted: true }])
  })

  it("that leaves before a whole answer ends the call at the provider", async () => {
    const start = upstream.asked.length
    upstream.behave(() => {})
    const abort = new AbortController()
    const asking = client.chat.completions.create(question, { signal: abort.signal }).catch(() => {})
    await expect.poll(() => upstream.asked.length).toBe(start + 1)
    abort.abort()
    await asking
    await upstream.asked.at(-1)!.closed
  })

  it("is told in the stream when an answer breaks off", async () => {
    upstream.behave(breaksAfter(["Hello"], "reset"))
    const stream = await client.chat.completions.create({ ...question, stream: true })
    let text = ""
    const reading = async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ""
    }
    expect(await failureOf(reading())).toMatchObject({ code: "LLM_CALL_008" })
    expect(text).toBe("Hello")
  })

  it("gets words from the offline model, which says what it is", async () => {
    const stream = await client.chat.completions.create({ ...question, model: "offline", stream: true })
    const words: Array<string> = []
    for await (const chunk of stream) words.push(chunk.choices[0]?.delta.content ?? "")
    expect(words.length).toBeGreaterThan(10)
    expect(words.join("")).toContain("This is the offline model")
  })

  it("gets vectors from the offline model, in the form that it asks for by itself", async () => {
    const made = await client.embeddings.create({ model: "offline", input: ["고객 불만", "complaints"] })
    expect(made.data.map(({ embedding }) => Math.hypot(...embedding).toFixed(4))).toEqual([
      "1.0000",
      "1.0000",
    ])
    expect(made.usage.total_tokens).toBeGreaterThan(0)
  })

  it("makes vectors, where the provider can", async () => {
    const data = [{ object: "embedding", index: 0, embedding: [0.25, -1] }]
    const body = { object: "list", data, model: "e", usage: { prompt_tokens: 3, total_tokens: 3 } }
    upstream.behave(raw(JSON.stringify(body)))
    const made = await client.embeddings.create({
      model: "gpt-stub",
      input: "text",
      encoding_format: "float",
    })
    expect(made).toMatchObject({ data: [{ embedding: [0.25, -1] }], usage: { total_tokens: 3 } })
  })
})

describe("what calls took", () => {
  const me = async (query: string) =>
    (await json(await node.request("GET", `/api/llm-usage/me?${query}`))).usage

  it("is shown to oneself and to administrators", async () => {
    upstream.behave(answers(["Hello"]))
    const before = (await me("group_by=model")) as ReadonlyArray<Record<string, number | string>>
    await client.chat.completions.create(question)
    const after = (await me("group_by=model")) as ReadonlyArray<Record<string, number | string>>
    const priced = (rows: typeof before) =>
      rows.find(({ name, currency }) => name === "gpt-stub" && currency === "USD")
    expect(Number(priced(after)!.cost) - Number(priced(before)?.cost ?? 0)).toBeCloseTo(0.025, 6)
    const all = await json(await node.request("GET", "/api/admin/llm-usage/?group_by=user"))
    expect((all.usage as typeof before).map(({ name, currency }) => [name, currency])).toEqual([
      ["developer", ""],
      ["developer", "USD"],
    ])
  })

  it("says which day does not exist", async () => {
    expect(await errorOf(await node.request("GET", "/api/llm-usage/me?start_date=2026-02-31"))).toMatchObject(
      {
        status: 400,
        code: "LLM_USAGE_001",
      },
    )
  })

  it("is bounded by a budget, which says when it renews", async () => {
    const budget = { scope: "MODEL", scope_id: modelId, tokens_max: 1, cost_max: null, currency: "USD" }
    const set = await node.request("PUT", "/api/admin/llm-budgets/", { body: budget })
    expect(await json(set)).toMatchObject({ tokens_max: 1, tokens_used: expect.any(Number) })
    const response = await node.request("POST", "/v1/chat/completions", { body: question })
    expect(response.status).toBe(429)
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0)
    expect(await response.json()).toMatchObject({
      error: { code: "LLM_BUDGET_001", type: "rate_limit_error" },
    })
    await node.request("PUT", "/api/admin/llm-budgets/", { body: { ...budget, tokens_max: null } })
    expect(await json(await node.request("GET", "/api/admin/llm-budgets/"))).toEqual({ budgets: [] })
  })
})
