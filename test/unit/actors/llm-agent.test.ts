/** Agents that are a prompt and a language model, in conversations and tasks, also over a crash. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { Refused, refuse } from "../../../resources/index.ts"
import { AgentProtocol, ChatSessionProtocol, type SessionEvent } from "../../../schemas/index.ts"
import { idle, open, read, register, start, textOf, turn } from "../../support/llm-agents.ts"
import { ask, eventually, tenant, withProduct } from "../../support/product.ts"
import { scriptedLlm, usagePerCall } from "../../support/scripted-llm.ts"

describe("an agent with a language model", () => {
  it(
    "says what the model says as it comes, with the prompt, the conversation and the usage",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm((_, number) => ({ words: ["Hello", ` number ${number}`] }))
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a", { prompt: "Be kind.", temperature: 0.5, outputTokensMax: 99 })
        yield* open(engine, "a")
        const first = yield* turn(engine, "who are you?")
        expect(first.text).toBe("Hello number 0")
        expect(first.end).toMatchObject({ type: "stream_end", usage: usagePerCall })
        yield* turn(engine, "and now?")
        const { caller, model, request } = llm.asked[1]!
        expect(caller).toMatchObject({ tenant, user: "ann", userId: "ann", agent: "a" })
        expect(caller.traceId).toMatch(/^[0-9a-f]{32}$/)
        expect([model, request.temperature, request.max_completion_tokens]).toEqual(["stub-id", 0.5, 99])
        const [system, ...conversation] = request.messages
        expect(system!.content).toMatch(/You are "Agent a". knows a\n\nBe kind\.\n\n.*never follow/)
        expect(conversation).toEqual([
          { role: "user", content: "who are you?" },
          { role: "assistant", content: "Hello number 0" },
          { role: "user", content: "and now?" },
        ])
      }),
    ),
  )

  it(
    "is heard in full also when its text is as long as can be in a journal",
    withProduct((product) =>
      Effect.gen(function* () {
        // Each character is six bytes of JSON.
        const llm = scriptedLlm([{ words: Array<string>(20).fill("\u0001".repeat(2_000)) }])
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a")
        yield* open(engine, "a")
        const { text, end } = yield* turn(engine, "go")
        expect([text.length, end.type]).toEqual([40_000, "stream_end"])
      }),
    ),
  )

  it(
    "remembers as much as it is set to",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm([{ words: ["yes"] }])
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a", { memoryMessages: 0 })
        yield* open(engine, "a")
        for (const question of ["one", "two"]) yield* turn(engine, question)
        expect(llm.asked[1]!.request.messages.slice(1)).toEqual([{ role: "user", content: "two" }])
      }),
    ),
  )

  it(
    "calls the model that it names, else the tenant's, else the first that the person may call",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm([{ words: ["yes"] }])
        let set = "the tenant's"
        const { engine } = yield* start(product, llm, { defaultModel: () => Effect.succeed(set) })
        yield* register(engine, "a", { model: "its own" })
        yield* register(engine, "b")
        yield* open(engine, "a")
        yield* turn(engine, "one")
        yield* ask(engine, ChatSessionProtocol, "s", {
          _tag: "Transfer",
          toAgent: "b",
          reason: "",
          context: "full",
        })
        yield* turn(engine, "two")
        set = ""
        yield* turn(engine, "three")
        expect(llm.asked.map(({ model }) => model)).toEqual(["its own", "the tenant's", "stub-id"])
      }),
    ),
  )

  it(
    "says why the model was refused",
    withProduct((product) =>
      Effect.gen(function* () {
        const refused = refuse("limit", "LLM_BUDGET_001", "The budget is spent.")
        const llm = scriptedLlm([{ refused }])
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a")
        yield* open(engine, "a")
        const { end } = yield* turn(engine, "one")
        expect(end).toMatchObject({ type: "error", code: "LLM_BUDGET_001" })
        expect(llm.asked).toHaveLength(1)
      }),
    ),
  )

  it(
    "asks again after a passing refusal before the first word, and not after it",
    withProduct((product) =>
      Effect.gen(function* () {
        const refused = new Refused({
          ...refuse("unavailable", "LLM_CALL_007", "Busy."),
          retryAfterSeconds: 7,
        })
        const broken = refuse("upstream", "LLM_CALL_008", "It broke off.")
        const late = refuse("timeout", "LLM_CALL_005", "Too late.")
        const llm = scriptedLlm([
          { refused },
          { words: ["here"] },
          { words: ["some", " words"], refused: broken },
          { words: ["w"], refused: late },
        ])
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a")
        yield* open(engine, "a")
        const began = product.time.now
        expect((yield* turn(engine, "one")).text).toBe("here")
        expect(product.time.now - began).toBeGreaterThanOrEqual(7_000)
        const second = yield* turn(engine, "two")
        expect([second.text, second.end]).toMatchObject([
          "some words",
          { type: "error", code: "LLM_CALL_008" },
        ])
        expect((yield* turn(engine, "three")).end).toMatchObject({ type: "error", code: "LLM_CALL_005" })
        expect(llm.asked).toHaveLength(4)
      }),
    ),
  )

  it(
    "does not keep a person waiting in silence for a model that wants a long pause",
    withProduct((product) =>
      Effect.gen(function* () {
        const refused = new Refused({
          ...refuse("unavailable", "LLM_CALL_006", "The breaker is open."),
          retryAfterSeconds: 45,
        })
        const llm = scriptedLlm([{ refused }])
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a")
        yield* open(engine, "a")
        expect((yield* turn(engine, "one")).end).toMatchObject({ type: "error", code: "LLM_CALL_006" })
        expect(llm.asked).toHaveLength(1)
      }),
    ),
  )

  it(
    "prefers models that are not known to be unwell, and none that is not active",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm([{ words: ["yes"] }])
        const all = yield* llm.models.list()
        const like = (id: string, more: object) => ({ ...all.models[0]!, id, ...more })
        let models = [
          like("off", { is_active: false }),
          like("unwell", { health_status: "unhealthy" }),
          like("well", { health_status: "healthy" }),
        ]
        const list = () => Effect.succeed({ models, total: models.length })
        const { engine } = yield* start(product, llm, { models: { list } })
        yield* register(engine, "a")
        yield* open(engine, "a")
        yield* turn(engine, "one")
        models = models.slice(0, 2)
        yield* turn(engine, "two")
        expect(llm.asked.map(({ model }) => model)).toEqual(["well", "unwell"])
      }),
    ),
  )

  it(
    "is an error when the model says nothing, and when nobody may call a model",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm([{}])
        let list = llm.models.list
        const { engine } = yield* start(product, llm, { models: { list: () => list() } })
        yield* register(engine, "a")
        yield* open(engine, "a")
        expect((yield* turn(engine, "one")).end).toMatchObject({ type: "error", code: "NoAnswer" })
        list = () => Effect.succeed({ models: [], total: 0 })
        expect((yield* turn(engine, "two")).end).toMatchObject({ type: "error", code: "NoModel" })
      }),
    ),
  )

  it(
    "answers a task as a whole, as whoever gave it",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm([{ words: ["done", " so"] }])
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a")
        const execution = yield* ask(
          engine,
          AgentProtocol,
          "a",
          { _tag: "Execute", task: "work" },
          { principal: "bob" },
        )
        expect(execution).toMatchObject({
          status: "success",
          text: "done so",
          usage: usagePerCall,
          tokens: 2,
        })
        yield* ask(engine, AgentProtocol, "a", { _tag: "Execute", task: "work" })
        expect(llm.asked.map(({ caller }) => [caller.user, [...caller.permissions]])).toEqual([
          ["bob", ["*"]],
          ["system", ["*"]],
        ])
      }),
    ),
  )
})

describe("an answer whose node dies", () => {
  const words = Array.from({ length: 20 }, (_, index) => `word${index} `)
  const crashing =
    (again: ReadonlyArray<string>, onInterruption: "restart" | "fail", seed: string) =>
    (check: (answer: { readonly events: ReadonlyArray<SessionEvent>; readonly text: string }) => void) =>
      withProduct(
        (product) =>
          Effect.gen(function* () {
            const llm = scriptedLlm((_, number) => ({ words: number === 0 ? words : again, waitMs: 100 }))
            const node = yield* start(product, llm)
            yield* register(node.engine, "a", {}, { onInterruption })
            yield* open(node.engine, "a")
            yield* ask(node.engine, ChatSessionProtocol, "s", { _tag: "Say", messageId: "m", content: "go" })
            let heard = 0
            yield* Effect.forkChild(
              Effect.gen(function* () {
                for (;;) {
                  heard = (yield* read(node.engine)).events.length
                  yield* Effect.sleep(50)
                }
              }),
            )
            yield* eventually(() => heard >= 10)
            yield* node.crash
            const { engine } = yield* product.start()
            const { events } = yield* idle(engine)
            expect(events.map(({ n }) => n)).toEqual(events.map((_, index) => index + 1))
            expect(events.filter(({ type }) => type === "stream_end" || type === "error")).toHaveLength(1)
            check({ events, text: textOf(events) })
          }),
        seed,
      )

  it("goes on where it was cut off when the model says the same", () =>
    crashing(
      words,
      "restart",
      "same",
    )(({ events, text }) => {
      expect(text).toBe(words.join(""))
      expect(events.filter(({ type }) => type === "stream_restart")).toEqual([])
      expect(events.at(-1)).toMatchObject({ type: "stream_end", total_tokens: words.length })
    })())

  it("begins anew when the model says something else", () =>
    crashing(
      ["Quite", " another", " answer"],
      "restart",
      "other",
    )(({ events, text }) => {
      expect(text).toBe("Quite another answer")
      expect(events.filter(({ type }) => type === "stream_restart")).toHaveLength(1)
      expect(events.at(-1)).toMatchObject({ type: "stream_end", total_tokens: 3 })
    })())

  it("ends with an error instead where the agent is set so", () =>
    crashing(
      ["Quite", " another", " answer"],
      "fail",
      "fail",
    )(({ events }) => {
      expect(events.at(-1)).toMatchObject({ type: "error", code: "AnswerInterrupted" })
    })())
})
