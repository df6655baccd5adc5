/** What a call leaves behind: ledger entries of tries that nobody knows the end of, and the attributes of its span. */
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest"
import { Llm } from "../../../resources/index.ts"
import { callOf, type LlmWorld, llmLayer, llmRunner, llmWorld, modelAt } from "../../support/llm.ts"
import {
  answers,
  fails,
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

const { streamed, completed } = llmRunner(() => world)

it("a try that timed out is estimated beside the answer of the next one", async () => {
  upstream.behave(silentAfterRole, fails(504), answers(["late"]))
  const { ended } = await streamed("stub", { firstTokenMs: 60 })
  expect(ended._tag).toBe("Success")
  expect(world.entries).toMatchObject([
    { status: "ok", estimated: false, tokens_in: 11, tokens_out: 7 },
    { status: "failed", estimated: true, tokens_in: expect.any(Number), tokens_out: 0 },
    { status: "failed", estimated: true, tokens_in: expect.any(Number), tokens_out: 0 },
  ])
  for (const { tokens_in } of world.entries) expect(tokens_in).toBeGreaterThan(0)
  expect(new Set(world.entries.map(({ id }) => id)).size).toBe(3)
  expect(world.entries.map(({ fallback_of }) => fallback_of)).toEqual([null, null, null])
})

it("a try that the provider refused costs nothing beside the next one", async () => {
  upstream.behave(fails(503), fails(429), answers(["fine"]))
  await completed()
  expect(world.entries).toMatchObject([{ status: "ok" }])
})

const spansOf = async (use: Effect.Effect<unknown, unknown, Llm>) => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    },
  })
  await Effect.runPromise(
    Effect.exit(use).pipe(Effect.provide(llmLayer(world)), Effect.provideService(Tracer.Tracer, tracer)),
  )
  return spans.map(({ name, kind, attributes }) => ({ name, kind, ...Object.fromEntries(attributes) }))
}

it("a call's span tells operation, provider, model and tokens in the words of OpenTelemetry, and no text", async () => {
  upstream.behave(answers(["Hello", " world"]))
  const spans = await spansOf(Llm.use((llm) => llm.complete(callOf("stub"))))
  expect(spans).toContainEqual({
    name: "chat stub-model",
    kind: "client",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "custom",
    "gen_ai.request.model": "stub-model",
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 7,
    "millrace.llm.model": "stub",
    "millrace.llm.estimated": false,
  })
  const text = JSON.stringify(spans)
  for (const secret of ["Hello", "sk-upstream", "how are you"]) expect(text).not.toContain(secret)
})

it("the span of a call that failed has them as well", async () => {
  upstream.behave(fails(400))
  const spans = await spansOf(Llm.use((llm) => llm.complete(callOf("stub"))))
  expect(spans).toContainEqual(
    expect.objectContaining({ "gen_ai.request.model": "stub-model", "gen_ai.usage.input_tokens": 0 }),
  )
})
