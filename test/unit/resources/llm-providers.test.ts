/** That each provider is spoken to in its own words, and its answers come out in OpenAI's shapes. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  Egress,
  Llm,
  type LlmCall,
  type Model,
  ModelChecker,
  modelCheckerLayer,
  type Piece,
  parseAllowList,
  type Refused,
} from "../../../resources/index.ts"
import { callOf, type LlmWorld, llmLayer, llmWorld, modelAt, textOf } from "../../support/llm.ts"
import {
  answers,
  fails,
  hangs,
  raw,
  type StubModelServer,
  startStubModelServer,
} from "../../support/stub-model-server.ts"

let upstream: StubModelServer
beforeAll(async () => {
  upstream = await startStubModelServer()
})
afterAll(() => upstream.stop())

const worldOf = (more: Partial<Model>): LlmWorld => {
  const world = llmWorld()
  world.models.push(modelAt(upstream.url, more))
  return world
}

const complete = (world: LlmWorld, request: Partial<LlmCall["request"]> = {}) =>
  Effect.runPromise(
    Effect.result(Llm.use((llm) => llm.complete(callOf("stub", request)))).pipe(
      Effect.provide(llmLayer(world)),
    ),
  )

const stream = async (world: LlmWorld) => {
  const pieces: Array<Piece> = []
  const deliver = (piece: Piece) => Effect.sync(() => void pieces.push(piece))
  const ended = await Effect.runPromise(
    Effect.result(Llm.use((llm) => llm.stream(callOf("stub"), deliver))).pipe(
      Effect.provide(llmLayer(world)),
    ),
  )
  return { pieces, ended }
}

const last = () => upstream.asked.at(-1)!

describe("Anthropic", () => {
  const world = () => worldOf({ provider: "Anthropic", model_name: "claude" })
  const answer = {
    content: [
      { type: "text", text: "Let me look." },
      { type: "tool_use", id: "tu1", name: "look", input: { a: 1 } },
    ],
    stop_reason: "tool_use",
    usage: { input_tokens: 9, cache_read_input_tokens: 2, output_tokens: 5 },
  }
  const tools = [{ type: "function" as const, function: { name: "look", parameters: { type: "object" } } }]

  it("is asked in the Messages API, and its tool calls come back as functions", async () => {
    upstream.behave(raw(JSON.stringify(answer)))
    const messages: LlmCall["request"]["messages"] = [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "Hi" },
          { type: "image_url", image_url: { url: "data:image/png;base64,QUJD" } },
        ],
      },
      {
        role: "assistant",
        tool_calls: [{ id: "t0", type: "function", function: { name: "look", arguments: '{"b":2}' } }],
      },
      { role: "tool", tool_call_id: "t0", content: "seen" },
      { role: "tool", tool_call_id: "t1", content: "seen too" },
    ]
    const ended = await complete(world(), {
      messages,
      tools,
      tool_choice: "required",
      stop: "END",
      max_tokens: 77,
    })
    expect(last()).toMatchObject({
      path: "/v1/messages",
      headers: { "x-api-key": "sk-upstream", "anthropic-version": "2023-06-01" },
      body: {
        model: "claude",
        max_tokens: 77,
        stop_sequences: ["END"],
        system: [{ type: "text", text: "Be brief." }],
        tool_choice: { type: "any" },
        tools: [{ name: "look", input_schema: { type: "object" } }],
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "Hi" },
              { type: "image", source: { type: "base64", media_type: "image/png", data: "QUJD" } },
            ],
          },
          { role: "assistant", content: [{ type: "tool_use", id: "t0", name: "look", input: { b: 2 } }] },
          {
            role: "user",
            content: [
              { type: "tool_result", tool_use_id: "t0" },
              { type: "tool_result", tool_use_id: "t1" },
            ],
          },
        ],
      },
    })
    expect(ended).toMatchObject({
      success: {
        usage: { input: 11, output: 5, estimated: false },
        choices: [
          {
            finish_reason: "tool_calls",
            message: {
              content: "Let me look.",
              tool_calls: [{ id: "tu1", type: "function", function: { name: "look", arguments: '{"a":1}' } }],
            },
          },
        ],
      },
    })
  })

  const events = [
    { type: "message_start", message: { usage: { input_tokens: 9, output_tokens: 1 } } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "ping" },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hello" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: " world" } },
    { type: "content_block_stop", index: 0 },
    {
      type: "content_block_start",
      index: 1,
      content_block: { type: "tool_use", id: "tu1", name: "look", input: {} },
    },
    { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '{"a"' } },
    { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: ":1}" } },
    { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 21 } },
    { type: "message_stop" },
  ]
  const eventText = (list: ReadonlyArray<{ type: string }>) =>
    list.map((event) => `event: ${event.type}\r\ndata: ${JSON.stringify(event)}\r\n\r\n`).join("")

  it("streams text and tool calls", async () => {
    upstream.behave(raw(eventText(events), "text/event-stream"))
    const { pieces, ended } = await stream(world())
    expect(textOf(pieces)).toBe("Hello world")
    const calls = pieces.flatMap(({ choices }) => choices[0]!.delta.tool_calls ?? [])
    expect(calls[0]).toMatchObject({ index: 0, id: "tu1", function: { name: "look" } })
    expect(calls.map(({ function: called }) => called?.arguments).join("")).toBe('{"a":1}')
    expect(pieces.at(-1)!.choices[0]!.finish_reason).toBe("tool_calls")
    expect(ended).toMatchObject({ success: { usage: { input: 9, output: 21 } } })
  })

  it("breaks off when its stream does, or reports an error", async () => {
    upstream.behave(raw(eventText(events.slice(0, 5)), "text/event-stream"))
    expect((await stream(world())).ended).toMatchObject({ failure: { code: "LLM_CALL_008" } })
    const overloaded = [
      ...events.slice(0, 4),
      { type: "error", error: { type: "overloaded_error", message: "busy" } },
    ]
    upstream.behave(raw(eventText(overloaded), "text/event-stream"))
    expect((await stream(world())).ended).toMatchObject({ failure: { code: "LLM_CALL_008" } })
  })

  it("is not sent what it has no word for", async () => {
    const before = upstream.asked.length
    const ended = await complete(world(), { n: 2 })
    expect(ended).toMatchObject({ failure: { code: "LLM_CALL_002", details: { field: "n" } } })
    expect(upstream.asked.length).toBe(before)
  })

  it("that limits calls is waited for as it asks", async () => {
    upstream.behave(fails(429, { "retry-after": "60" }))
    expect(await complete(world())).toMatchObject({
      failure: { code: "LLM_CALL_004", retryAfterSeconds: 60 },
    })
  })
})

describe("Azure", () => {
  it("is asked by deployment and version, with its own header", async () => {
    upstream.behave(answers(["fine"]))
    const endpoint = `${upstream.url.replace(/\/v1$/, "")}/?api-version=2025-01-01`
    const ended = await complete(worldOf({ provider: "Azure", model_name: "my-gpt", endpoint }))
    expect(ended._tag).toBe("Success")
    expect(last().path).toBe("/openai/deployments/my-gpt/chat/completions?api-version=2025-01-01")
    expect(last().headers).toMatchObject({ "api-key": "sk-upstream" })
  })

  it("is asked in its newer form where the address says so", async () => {
    upstream.behave(answers(["fine"]))
    const endpoint = upstream.url.replace(/\/v1$/, "/openai/v1")
    await complete(worldOf({ provider: "Azure", model_name: "my-gpt", endpoint }))
    expect(last().path).toBe("/openai/v1/chat/completions")
    expect(last().headers).toMatchObject({ "api-key": "sk-upstream" })
    expect(last().headers.authorization).toBeUndefined()
  })
})

describe("the offline model", () => {
  const world = () => worldOf({ provider: "Offline", endpoint: "" })

  it("answers the same each time, streamed and not, and says that nothing was reasoned", async () => {
    const [one, two] = [await stream(world()), await stream(world())]
    const text = textOf(one.pieces)
    expect(text).toContain("offline model")
    expect(textOf(two.pieces)).toBe(text)
    expect(one.pieces.length).toBeGreaterThan(10)
    expect(await complete(world())).toMatchObject({ success: { choices: [{ message: { content: text } }] } })
  })

  it("keeps to the tokens that it may use, which are estimated, since it has none of its own", async () => {
    const whole = Result.getOrThrow(await complete(world(), { max_tokens: 5 }))
    expect(whole.choices).toMatchObject([{ finish_reason: "length" }])
    expect(whole.usage.output).toBeLessThanOrEqual(5)
    const streamed = Result.getOrThrow((await stream(world())).ended)
    for (const { input, output, estimated } of [whole.usage, streamed.usage])
      expect([input > 0, output > 0, estimated]).toEqual([true, true, true])
  })
})

describe("a check of health", () => {
  const check = (more: Partial<Model>) =>
    Effect.runPromise(
      ModelChecker.use((checker) =>
        checker.check(modelAt(upstream.url, more), Redacted.make("sk-upstream")),
      ).pipe(
        Effect.provide(modelCheckerLayer),
        Effect.provide(Egress.layer({ allow: parseAllowList("127.0.0.1") })),
      ),
    )
  const list = raw(JSON.stringify({ object: "list", data: [{ id: "stub-model", object: "model" }] }))

  it("finds a model healthy that its provider lists", async () => {
    upstream.behave(list)
    expect(await check({ provider: "OpenAI" })).toMatchObject({
      status: "healthy",
      latency_ms: expect.any(Number),
    })
    expect(last().path).toBe("/v1/models")
    expect(await check({ provider: "OpenAI", model_name: "other" })).toMatchObject({ status: "unhealthy" })
    expect(await check({ provider: "Offline" })).toMatchObject({ status: "healthy" })
  })

  it.each([401, 404, 500])("says why it is not, after %i, and never a key", async (status) => {
    upstream.behave(fails(status, {}, { message: "wrong key sk-upstream-12345678" }))
    const health = await check({})
    expect(health).toMatchObject({ status: "unhealthy", detail: expect.any(String) })
    expect(health.detail).not.toContain("12345678")
  })
})

describe("a provider's words", () => {
  it("are told without keys, and only where the caller is at fault", async () => {
    upstream.behave(fails(400, {}, { message: "bad request for key sk-upstream-12345678" }))
    const { failure } = (await complete(worldOf({}))) as { failure: Refused }
    expect(JSON.stringify(failure.details)).toContain("bad request")
    expect(JSON.stringify(failure.details)).not.toContain("12345678")
    upstream.behave(fails(401, {}, { message: "internal host db-7" }))
    const other = (await complete(worldOf({}))) as { failure: Refused }
    expect(JSON.stringify(other.failure)).not.toContain("db-7")
  })

  it("are not waited for longer than the model's time", async () => {
    upstream.behave(hangs)
    const ended = await complete(worldOf({ provider: "Anthropic", time_out_ms: 40 }))
    expect(ended).toMatchObject({ failure: { code: "LLM_CALL_005" } })
  })
})
