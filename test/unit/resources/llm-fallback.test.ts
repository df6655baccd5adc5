/** When another model answers instead, when a model is left alone, and what a node takes at once. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { LlmService, Refused } from "../../../resources/index.ts"
import { callOf, type LlmWorld, llmRunner, llmWorld, modelAt, textOf } from "../../support/llm.ts"
import {
  answers,
  breaksAfter,
  fails,
  hangs,
  type StubModelServer,
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

describe("a model that falls back to another one", () => {
  const second = () => modelAt(upstream.url, { name: "second", model_name: "second-model" })

  beforeEach(() => {
    const other = second()
    world.models.splice(0, 1, modelAt(upstream.url, { fallback_model_id: other.id }), other)
  })

  it("is replaced before the first token, and both are in the ledger", async () => {
    upstream.behave(fails(500), fails(500), fails(500), answers(["from the second"]))
    const { pieces, ended } = await streamed()
    expect(textOf(pieces)).toBe("from the second")
    expect(ended).toMatchObject({ success: { model: "second" } })
    expect(world.entries).toMatchObject([
      { model_name: "stub", status: "failed", fallback_of: null },
      { model_name: "second", status: "ok", fallback_of: world.models[0]!.id },
    ])
  })

  it("is not replaced after the first token", async () => {
    upstream.behave(breaksAfter(["mine"], "reset"), answers(["never"]))
    const { pieces, refused } = await streamed()
    expect(textOf(pieces)).toBe("mine")
    expect(refused).toMatchObject({ code: "LLM_CALL_008" })
  })

  it("is not replaced for a request that is at fault", async () => {
    upstream.behave(fails(400), answers(["never"]))
    expect((await completed()).refused).toMatchObject({ code: "LLM_CALL_002" })
  })

  it("is not replaced by one that the caller may not call, and the first failure is told", async () => {
    world.forbidden.add(world.models[1]!.id)
    upstream.behave(fails(401))
    expect((await completed()).refused).toMatchObject({ code: "LLM_CALL_003" })
    expect(world.entries).toHaveLength(1)
  })

  it("does not go round in a circle", async () => {
    const [first, other] = world.models
    world.models[1] = { ...other!, fallback_model_id: first!.id }
    upstream.behave(fails(401))
    await completed()
    expect(world.entries.map(({ model_name: name }) => name)).toEqual(["stub", "second"])
  })
})

describe("a model that fails again and again", () => {
  const often = (llm: LlmService, times: number) =>
    Effect.forEach(Array.from({ length: times }), () =>
      Effect.map(Effect.result(llm.complete(callOf("stub"))), (end) =>
        end._tag === "Failure" ? (end.failure as Refused).code : "ok",
      ),
    )

  it("is left alone after five failures, and is not asked at all then", async () => {
    upstream.behave(fails(500))
    const start = upstream.asked.length
    const codes = await run((llm) => often(llm, 7), { attemptsMax: 1 })
    expect(codes).toEqual([...Array(5).fill("LLM_CALL_001"), "LLM_CALL_006", "LLM_CALL_006"])
    expect(upstream.asked.length - start).toBe(5)
    expect(world.entries).toHaveLength(5)
  })

  it("is asked on and on when the callers or our key are at fault", async () => {
    upstream.behave(fails(400))
    expect(await run((llm) => often(llm, 12))).toEqual(Array(12).fill("LLM_CALL_002"))
    upstream.behave(fails(401))
    expect(await run((llm) => often(llm, 12))).toEqual(Array(12).fill("LLM_CALL_003"))
  })
})

describe("a node that is busy", () => {
  it("refuses what is above its limit and takes calls again afterwards", async () => {
    upstream.behave(hangs, answers(["fine"]))
    const codes = await run(
      (llm) =>
        Effect.gen(function* () {
          const start = upstream.asked.length
          const first = yield* Effect.forkChild(llm.complete(callOf("stub")))
          yield* Effect.promise(() => expect.poll(() => upstream.asked.length).toBe(start + 1))
          const second = yield* Effect.result(llm.complete(callOf("stub")))
          yield* Fiber.interrupt(first)
          return [second, yield* Effect.result(llm.complete(callOf("stub")))]
        }),
      { callsMax: 1 },
    )
    expect(codes[0]).toMatchObject({ failure: { code: "LLM_CALL_007" } })
    expect(codes[1]!._tag).toBe("Success")
  })
})
