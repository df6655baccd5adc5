/** What the call path makes of everything that a provider can do, streamed and not. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { Refused } from "../../../resources/index.ts"
import { callOf, type LlmWorld, llmRunner, llmWorld, modelAt, textOf } from "../../support/llm.ts"
import {
  answers,
  type Behaviour,
  breaksAfter,
  fails,
  hangs,
  raw,
  resets,
  type StubModelServer,
  silentAfterRole,
  startStubModelServer,
} from "../../support/stub-model-server.ts"

let upstream: StubModelServer
let world: LlmWorld
beforeAll(async () => {
  upstream = await startStubModelServer()
})
afterAll(() => upstream.stop())
beforeEach(() => {
  world = llmWorld()
  world.models.push(modelAt(upstream.url))
})

const { run, streamed, completed } = llmRunner(() => world)

describe("a call", () => {
  it("answers with what the model says, and is in the ledger with tokens and price", async () => {
    upstream.behave(answers(["Hello", " world"]))
    const { ended } = await completed()
    expect(ended).toMatchObject({
      success: {
        model: "stub",
        choices: [{ message: { content: "Hello world" }, finish_reason: "stop" }],
        usage: { input: 11, output: 7, estimated: false },
      },
    })
    expect(world.entries).toMatchObject([
      {
        status: "ok",
        tokens_in: 11,
        tokens_out: 7,
        estimated: false,
        price_in: 2,
        agent: "guide",
        user_id: "u-1",
      },
    ])
    expect(upstream.asked.at(-1)!.headers.authorization).toBe("Bearer sk-upstream")
    expect(upstream.asked.at(-1)!.body.model).toBe("stub-model")
  })

  it("streams piece by piece", async () => {
    upstream.behave(answers(["Hello", " world"]))
    const { pieces, ended } = await streamed()
    expect(textOf(pieces)).toBe("Hello world")
    expect(ended).toMatchObject({ success: { usage: { input: 11, output: 7, estimated: false } } })
  })

  it("estimates tokens where the provider counts none, and says so", async () => {
    upstream.behave(answers(["Hello", " world"], { withUsage: false }))
    await streamed()
    await completed()
    for (const { estimated, tokens_in, tokens_out } of world.entries) {
      expect(estimated).toBe(true)
      expect(tokens_in).toBeGreaterThan(5)
      expect(tokens_out).toBeGreaterThan(1)
    }
    expect(world.entries).toHaveLength(2)
  })

  it("is refused before anything is sent when the rate is exceeded", async () => {
    world.rateAllows = false
    const before = upstream.asked.length
    const { refused } = await completed()
    expect(refused).toMatchObject({ reason: "limit", code: "LLM_RATE_001", retryAfterSeconds: 30 })
    expect(upstream.asked.length).toBe(before)
    expect(world.entries).toEqual([])
  })

  it("does not reach an address that nobody allowed", async () => {
    world.models[0] = modelAt("http://10.0.0.1/v1")
    const { refused } = await completed()
    expect(refused).toMatchObject({ code: "LLM_CALL_003" })
    expect(JSON.stringify(refused!.details)).not.toContain("10.0.0.1")
  })
})

interface Case {
  readonly title: string
  readonly behaviour: Behaviour
  readonly code: string
  readonly reason: string
  readonly tries: number
}

const before: ReadonlyArray<Case> = [
  {
    title: "400",
    behaviour: fails(400, {}, { param: "top_p" }),
    code: "LLM_CALL_002",
    reason: "malformed",
    tries: 1,
  },
  { title: "422", behaviour: fails(422), code: "LLM_CALL_002", reason: "malformed", tries: 1 },
  { title: "401", behaviour: fails(401), code: "LLM_CALL_003", reason: "upstream", tries: 1 },
  { title: "404", behaviour: fails(404), code: "LLM_CALL_003", reason: "upstream", tries: 1 },
  { title: "408", behaviour: fails(408), code: "LLM_CALL_005", reason: "timeout", tries: 3 },
  { title: "409", behaviour: fails(409), code: "LLM_CALL_004", reason: "unavailable", tries: 3 },
  { title: "429", behaviour: fails(429), code: "LLM_CALL_004", reason: "unavailable", tries: 3 },
  {
    title: "429 without money",
    behaviour: fails(429, {}, { code: "insufficient_quota" }),
    code: "LLM_CALL_003",
    reason: "upstream",
    tries: 1,
  },
  { title: "500", behaviour: fails(500), code: "LLM_CALL_001", reason: "upstream", tries: 3 },
  { title: "503", behaviour: fails(503), code: "LLM_CALL_001", reason: "upstream", tries: 3 },
  { title: "a reset connection", behaviour: resets, code: "LLM_CALL_001", reason: "upstream", tries: 3 },
]

describe.each([
  { way: "streamed", ask: () => streamed() },
  { way: "whole", ask: () => completed() },
])("an answer that is $way", ({ ask }) => {
  it.each(before)(
    "becomes $code after $title, in $tries tries",
    async ({ behaviour, code, reason, tries }) => {
      upstream.behave(behaviour)
      const start = upstream.asked.length
      const { refused } = await ask()
      expect(refused).toBeInstanceOf(Refused)
      expect(refused).toMatchObject({ code, reason })
      expect(upstream.asked.length - start).toBe(tries)
      expect(world.entries).toMatchObject([{ status: "failed", tokens_out: 0 }])
    },
  )

  it.each([
    ["text that is no JSON", raw("{oops")],
    ["an HTML page", raw("<html>hello</html>", "text/html")],
    ["JSON of another shape", raw('{"hello": 1}')],
    ["nothing", raw("")],
  ])("fails on %s", async (_, behaviour) => {
    upstream.behave(behaviour)
    const { refused } = await ask()
    expect(refused).toMatchObject({ code: "LLM_CALL_001", reason: "upstream" })
  })

  it("is tried again after a failure that passes", async () => {
    upstream.behave(fails(503), resets, answers(["fine"]))
    const { ended } = await ask()
    expect(ended._tag).toBe("Success")
    expect(world.entries).toMatchObject([{ status: "ok" }])
  })

  it("is not waited for longer than a provider's Retry-After is allowed to be", async () => {
    upstream.behave(fails(429, { "retry-after": "3600" }))
    const start = upstream.asked.length
    const { refused } = await ask()
    expect(refused).toMatchObject({ code: "LLM_CALL_004", retryAfterSeconds: 3600 })
    expect(upstream.asked.length - start).toBe(1)
  })

  it("that does not come ends in time", async () => {
    world.models[0] = modelAt(upstream.url, { time_out_ms: 60 })
    upstream.behave(hangs)
    const { refused } = await ask()
    expect(refused).toMatchObject({ code: "LLM_CALL_005", reason: "timeout" })
    // The provider may have read the question.
    expect(world.entries).toMatchObject([
      { status: "failed", estimated: true, tokens_in: expect.any(Number) },
    ])
    await upstream.asked.at(-1)!.closed
  })

  it("tells a caller what is wrong with the request, and which field", async () => {
    upstream.behave(fails(400, {}, { message: "top_p must be less", param: "top_p" }))
    const { refused } = await ask()
    expect(refused!.details).toMatchObject({
      field: "top_p",
      reason: expect.stringContaining("top_p must be less"),
    })
  })

  it("that is refused for our key marks the model unhealthy", async () => {
    upstream.behave(fails(401))
    await ask()
    expect(world.unhealthy).toEqual([`${world.models[0]!.id} the provider answered 401`])
  })
})

describe("a streamed answer", () => {
  it.each(["reset", "end", "garbage", "error"] as const)(
    "that breaks off midway (%s) keeps what came, is not tried again, and counts",
    async (ending) => {
      upstream.behave(breaksAfter(["Hello", " wor"], ending))
      const start = upstream.asked.length
      const { pieces, refused } = await streamed()
      expect(textOf(pieces)).toBe("Hello wor")
      expect(refused).toMatchObject({ code: "LLM_CALL_008" })
      expect(upstream.asked.length - start).toBe(1)
      expect(world.entries).toMatchObject([{ status: "failed", estimated: true }])
      expect(world.entries[0]!.tokens_out).toBeGreaterThan(0)
    },
  )

  it("that falls silent midway ends in time, and the connection with it", async () => {
    upstream.behave(breaksAfter(["Hello"], "silence"))
    const { pieces, refused } = await streamed("stub", { silenceMs: 30 })
    expect(textOf(pieces)).toBe("Hello")
    expect(refused).toMatchObject({ code: "LLM_CALL_008" })
    await upstream.asked.at(-1)!.closed
  })

  it("that has no first token in time is tried again, without a trace of the first try", async () => {
    upstream.behave(silentAfterRole, answers(["late"]))
    const { pieces, ended } = await streamed("stub", { firstTokenMs: 60 })
    expect(ended._tag).toBe("Success")
    expect(pieces.filter(({ choices }) => choices[0]?.delta.role !== undefined)).toHaveLength(1)
    expect(textOf(pieces)).toBe("late")
  })

  it("that is too large is cut off", async () => {
    const large = "x".repeat(1024 * 1024)
    upstream.behave(
      breaksAfter(
        Array.from({ length: 17 }, () => large),
        "silence",
      ),
    )
    const { refused } = await streamed()
    expect(refused).toMatchObject({ code: "LLM_CALL_008" })
    await upstream.asked.at(-1)!.closed
  })

  it("that the caller leaves closes the connection at once and counts what came", async () => {
    upstream.behave(breaksAfter(["Hello"], "silence"))
    await run((llm) =>
      Effect.gen(function* () {
        let came = () => {}
        const first = new Promise<void>((done) => {
          came = done
        })
        const fiber = yield* Effect.forkChild(
          llm.stream(callOf("stub"), (piece) => Effect.sync(() => textOf([piece]) && came())),
        )
        yield* Effect.promise(() => first)
        yield* Fiber.interrupt(fiber)
      }),
    )
    await upstream.asked.at(-1)!.closed
    expect(world.entries).toMatchObject([{ status: "aborted", estimated: true }])
    expect(world.entries[0]!.tokens_in).toBeGreaterThan(0)
    expect(world.entries[0]!.tokens_out).toBeGreaterThan(0)
  })
})
