/** Agents that are a prompt, tools and a language model: in conversations, over an engine in memory. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { toolRoundsMax } from "../../../actors/agent/frameworks/llm/llm.ts"
import { callsPerRoundMax, resultCharactersMax } from "../../../actors/agent/frameworks/llm/run-tools.ts"
import { seedBuiltins } from "../../../actors/index.ts"
import { entryRow, transferRows } from "../../../actors/trace/hops.ts"
import type { EngineShape } from "../../../engine/index.ts"
import { Refused, refuse } from "../../../resources/index.ts"
import {
  type AgentDescriptor,
  AgentProtocol,
  ChatSessionProtocol,
  type LlmSettings,
  OpsPlanProtocol,
  type SessionEvent,
} from "../../../schemas/index.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { ask, eventually, type Product, tenant, withProduct } from "../../support/product.ts"
import { scriptedLlm, usagePerCall } from "../../support/scripted-llm.ts"

type Llm = ReturnType<typeof scriptedLlm>

/** A node whose platform outlives it, with the model of the suite. */
const start = Effect.fnUntraced(function* (
  product: Product,
  llm: Llm,
  more: Partial<Product["platform"]> = {},
) {
  product.platform = { ...scriptedPlatform(), llm: llm.llm, models: llm.models, ...more }
  const node = yield* product.start()
  yield* seedBuiltins(node.engine, tenant)
  return node
})

const register = (
  engine: EngineShape,
  id: string,
  llm: LlmSettings = {},
  more: Partial<AgentDescriptor> = {},
) =>
  ask(engine, AgentProtocol, id, {
    _tag: "Register",
    name: `Agent ${id}`,
    framework: "llm",
    description: `knows ${id}`,
    skills: [],
    llm,
    ...more,
  })

const open = (engine: EngineShape, agentId: string) =>
  ask(engine, ChatSessionProtocol, "s", { _tag: "Open", agentId, title: "talk", owner: "ann" })
const read = (engine: EngineShape) => ask(engine, ChatSessionProtocol, "s", { _tag: "Read", after: 0 })

const idle = Effect.fnUntraced(function* (engine: EngineShape) {
  for (;;) {
    const view = yield* read(engine)
    if (view.activeTurn === undefined) return view
    yield* Effect.sleep(500)
  }
})

let messages = 0
/** The events of the turn that this question begins. */
const turn = Effect.fnUntraced(function* (engine: EngineShape, content: string) {
  const messageId = `m${++messages}`
  const { turn: number } = yield* ask(engine, ChatSessionProtocol, "s", { _tag: "Say", messageId, content })
  const { events, agent } = yield* idle(engine)
  const own = events.filter((event) => event.turn === number)
  return { events: own, agent, text: textOf(own), end: own.at(-1)! }
})

const textOf = (events: ReadonlyArray<SessionEvent>): string => {
  const restart = events.findLastIndex(({ type }) => type === "stream_restart")
  return events
    .slice(restart + 1)
    .map((event) => (event.type === "token" ? event.content : ""))
    .join("")
}
const transfersOf = (events: ReadonlyArray<SessionEvent>) =>
  events.flatMap((event) =>
    event.type === "agent_transfer" ? [`${event.from_agent} → ${event.to_agent}`] : [],
  )

const callOf = (name: string, given: unknown = {}) => ({ calls: [{ name, arguments: given }] })
const toB = callOf("transfer_to_b", { reason: "b knows more" })

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

describe("its tools", () => {
  it(
    "look things up, and what they tell is data",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm([
          { words: ["Let me see."], ...callOf("ops_question", { question: "what is the CPU usage now" }) },
          callOf("recent_alerts"),
          { words: ["It is", " high."] },
        ])
        const { engine } = yield* start(product, llm)
        yield* product.publish([
          { name: "host_cpu_usage_percent", labels: { host: "web" }, value: 42.5, at: product.time.now },
        ])
        yield* register(engine, "a", { tools: ["ops_question", "recent_alerts", "recommend_agents"] })
        yield* open(engine, "a")
        const { text, end } = yield* turn(engine, "how is it?")
        expect(text).toBe("Let me see.\n\nIt is high.")
        expect(end).toMatchObject({
          type: "stream_end",
          plan: expect.any(String),
          usage: { input: 30, output: 9, estimated: false },
        })
        expect(llm.toolsOf(0)).toEqual(["ops_question", "recent_alerts", "recommend_agents"])
        const told = llm.asked[2]!.request.messages
        expect(told.filter(({ role }) => role === "tool").map(({ content }) => content)).toEqual([
          expect.stringMatching(/^<data from="tool ops_question">[\s\S]*web[\s\S]*42\.5[\s\S]*<\/data>$/),
          expect.stringMatching(/No rule has reported an alert/),
        ])
        expect(told.at(-4)).toMatchObject({
          role: "assistant",
          content: "Let me see.",
          tool_calls: [{ id: "id-0" }],
        })
        const { plan } = end as { readonly plan: string }
        expect(yield* ask(engine, OpsPlanProtocol, plan, { _tag: "Read" })).toMatchObject({ owner: "ann" })
      }),
    ),
  )

  it(
    "are called a bounded number of times, side by side, with bounded results",
    withProduct((product) =>
      Effect.gen(function* () {
        const calls = Array.from({ length: callsPerRoundMax + 2 }, () => ({
          name: "recommend_agents",
          arguments: { task: "t" },
        }))
        const llm = scriptedLlm(({ request }) =>
          request.tool_choice === "none" ? { words: ["enough"] } : { calls },
        )
        const platform = scriptedPlatform()
        let running = 0
        let most = 0
        const found = {
          agent: "x",
          name: "X",
          description: "d".repeat(300),
          framework: "llm" as const,
          status: "PRODUCTION" as const,
          skills: [],
          score: 0.5,
          reason: "alike",
        }
        const { engine } = yield* start(product, llm, {
          recommendations: {
            ...platform.recommendations,
            recommend: () =>
              Effect.gen(function* () {
                most = Math.max(most, ++running)
                yield* Effect.sleep(100)
                running -= 1
                const recommendations = Array.from({ length: 50 }, () => found)
                return [{ model: "m", recommendations, minimumScore: 0, notEmbedded: 0 }]
              }),
          },
        })
        yield* register(engine, "a", { tools: ["recommend_agents"] })
        yield* open(engine, "a")
        expect((yield* turn(engine, "go")).text).toBe("enough")
        expect([llm.asked.length, most]).toEqual([toolRoundsMax + 1, callsPerRoundMax])
        const results = llm.asked[1]!.request.messages.filter(({ role }) => role === "tool")
        expect(results).toHaveLength(calls.length)
        for (const { content } of results) expect(content!.length).toBeLessThan(resultCharactersMax + 100)
        expect(results.at(-1)!.content).toMatch(/Not carried out: at most 4/)
      }),
    ),
  )

  it(
    "that fail, do not exist or are called wrongly are told to the model, which goes on",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm([
          {
            calls: [
              { name: "recommend_agents", arguments: { task: "x" } },
              { name: "recommend_agents", arguments: "{not json" },
              { name: "delete everything!", arguments: {} },
              { name: "recommend_agents", arguments: { task: 7 } },
            ],
          },
          { words: ["fine"] },
        ])
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a", { tools: ["recommend_agents"] })
        yield* open(engine, "a")
        expect((yield* turn(engine, "go")).text).toBe("fine")
        const told = llm.toldIn(1)
        expect(told).toMatch(/Refused \(TEST_001\)/)
        expect(told).toMatch(/no JSON object/)
        expect(told).toMatch(/There is no such tool/)
        expect(told).toMatch(/has to be a text/)
        // What providers refuse in names and arguments does not go back to them.
        expect(told).toMatch(/"name":"delete_everything_","arguments":"{}"/)
      }),
    ),
  )

  it(
    "ask another agent, which asks one more at most, and nobody who is waiting",
    withProduct((product) =>
      Effect.gen(function* () {
        const next: Readonly<Record<string, string>> = { a: "b", b: "c", c: "d" }
        const llm = scriptedLlm(({ caller, request }) => {
          const told = request.messages.some(({ role }) => role === "tool")
          const other = next[caller.agent!]
          if (told || other === undefined) return { words: [`${caller.agent} is done`] }
          const calls = [other, "a"].map((agent) => ({
            name: "ask_agent",
            arguments: { agent, task: "help" },
          }))
          return { calls }
        })
        const { engine } = yield* start(product, llm)
        for (const agent of ["a", "b", "c", "d"]) yield* register(engine, agent, { tools: ["ask_agent"] })
        yield* open(engine, "a")
        expect((yield* turn(engine, "go")).text).toBe("a is done")
        const called = llm.asked.map(({ caller }) => `${caller.agent} for ${caller.user}`)
        expect(called).toEqual(["a", "b", "c", "c", "b", "a"].map((agent) => `${agent} for ann`))
        expect(llm.toolsOf(1)).toEqual(["ask_agent"])
        // The third is offered no more agents to ask; what it calls all the same does not exist.
        expect(llm.toolsOf(2)).toEqual([])
        expect(llm.toldIn(3)).toMatch(/There is no such tool/)
        expect(llm.toldIn(4)).toMatch(/c is done[\s\S]*a is waiting for this answer itself/)
      }),
    ),
  )
})

describe("a hand-over", () => {
  it(
    "moves the conversation within the turn, with reason and policy, and is a line of the trace",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm([
          { words: ["hi"] },
          { words: ["One moment."], ...toB },
          { words: ["I am b."] },
        ])
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a", { transferTo: ["b", "a", "nobody"] })
        yield* register(engine, "b")
        yield* open(engine, "a")
        yield* turn(engine, "hello")
        const { events, agent, text, end } = yield* turn(engine, "something for b")
        expect([agent, text, transfersOf(events)]).toEqual(["b", "One moment.I am b.", ["a → b"]])
        expect(events.find(({ type }) => type === "agent_transfer")).toMatchObject({ reason: "b knows more" })
        // Of both agents' calls.
        expect(end).toMatchObject({ type: "stream_end", usage: { input: 20, output: 6, estimated: false } })
        expect(llm.toolsOf(1)).toEqual(["transfer_to_b"])
        const [system, ...told] = llm.asked[2]!.request.messages
        expect(system!.content).toMatch(/You are "Agent b"/)
        expect(told).toEqual([
          { role: "user", content: '<data from="agent a, why it hands over">\nb knows more\n</data>' },
          { role: "user", content: "hello" },
          { role: "user", content: '<data from="agent a">\nhi\n</data>' },
          { role: "user", content: "something for b" },
        ])
        const lines = product
          .entries()
          .flatMap((entry, index) => transferRows(entryRow({ partition: 0, sequence: 1, index }, entry, 0)))
        expect(lines).toMatchObject([{ message: "[Agent Transfer] a → b", is_transfer: true }])
      }),
    ),
  )

  for (const [context, expected] of [
    ["full", ["q1", "a1", "q2", "a2", "q3", "a3", "q4", "a4", "q5"]],
    ["summary", ["q5"]],
  ] as const) {
    it(
      `with the policy ${context} gives the next agent just that`,
      withProduct((product) =>
        Effect.gen(function* () {
          const llm = scriptedLlm((call, number) => {
            if (call.caller.agent === "b") return { words: ["b"] }
            const content = call.request.messages.at(-1)!.content as string
            if (call.request.tools === undefined) return { words: ["They counted to four."] }
            return content === "q5"
              ? callOf("transfer_to_b", { reason: "r", context })
              : { words: [`a${number + 1}`] }
          })
          const { engine } = yield* start(product, llm)
          yield* register(engine, "a", { transferTo: ["b"] })
          yield* register(engine, "b")
          yield* open(engine, "a")
          for (const question of ["q1", "q2", "q3", "q4", "q5"]) yield* turn(engine, question)
          const told = llm.toldIn(llm.asked.length - 1)
          expect([...told.matchAll(/[qa]\d/g)].map(([one]) => one)).toEqual(expected)
          // The summary is made once, by the agent that hands over, and is the next one's for good.
          expect(told.includes("They counted to four.")).toBe(context === "summary")
          const before = llm.asked.length
          yield* turn(engine, "q6")
          expect(llm.asked.length).toBe(before + 1)
          expect(llm.toldIn(before).includes("They counted to four.")).toBe(context === "summary")
        }),
      ),
    )
  }

  it(
    "by a person with a summary that nobody wrote is summarized by the model of the agent that gets it",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm([{ words: ["a1"] }, { words: ["A summary."] }, { words: ["b1"] }])
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a")
        yield* register(engine, "b")
        yield* open(engine, "a")
        yield* turn(engine, "q1")
        yield* ask(engine, ChatSessionProtocol, "s", {
          _tag: "Transfer",
          toAgent: "b",
          reason: "r",
          context: "summary",
        })
        const { end } = yield* turn(engine, "q2")
        expect(llm.toldIn(1)).toMatch(/Summarize[\s\S]*user: q1[\s\S]*a: a1/)
        expect(llm.toldIn(2)).toMatch(/A summary\./)
        expect(llm.toldIn(2)).not.toMatch(/q1/)
        expect(end).toMatchObject({ usage: { input: 20, output: 6 } })
      }),
    ),
  )

  it(
    "is not offered to whom the person may not use, and refused when the right went in the meantime",
    withProduct((product) =>
      Effect.gen(function* () {
        const secret = { accessLevel: "user_specific" as const, allowedUsers: ["bob"] }
        const llm = scriptedLlm(({ request }) =>
          request.messages.at(-1)!.role === "tool" ? { words: ["Then I answer."] } : toB,
        )
        const platform = scriptedPlatform()
        const access = (_: string, username: string) =>
          Effect.map(platform.access(tenant, username), (found) => ({
            ...found!,
            permissions: ["llm-model:use"],
          }))
        const { engine } = yield* start(product, llm, {
          ...platform,
          llm: llm.llm,
          models: llm.models,
          access,
        })
        yield* register(engine, "a", { transferTo: ["b"] })
        yield* register(engine, "b", {}, secret)
        yield* open(engine, "a")
        const first = yield* turn(engine, "one")
        expect([first.text, first.agent, transfersOf(first.events)]).toEqual(["Then I answer.", "a", []])
        expect(llm.toolsOf(0)).toEqual([])
        // Lists still show it as public: the agent itself says no.
        const view = platform.views.get(`${tenant}/b`)!
        const { accessLevel: _, allowedUsers: __, ...open_ } = view
        platform.views.set(`${tenant}/b`, open_)
        const before = llm.asked.length
        const second = yield* turn(engine, "two")
        expect(llm.toolsOf(before)).toEqual(["transfer_to_b"])
        expect([second.text, second.agent]).toEqual(["Then I answer.", "a"])
        expect(llm.toldIn(before + 1)).toMatch(/Refused \(AgentForbidden\)/)
      }),
    ),
  )

  it(
    "does not go back within the turn, and does in a later one",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm([
          toB,
          { calls: [{ name: "transfer_to_a", arguments: { reason: "back" } }] },
          { words: ["b stays"] },
          callOf("transfer_back", { reason: "a again" }),
          { words: ["a is back"] },
        ])
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a", { transferTo: ["b"] })
        yield* register(engine, "b", { transferTo: ["a"] })
        yield* open(engine, "a")
        const first = yield* turn(engine, "one")
        expect([first.text, transfersOf(first.events)]).toEqual(["b stays", ["a → b"]])
        expect(llm.toolsOf(1)).toEqual([])
        const second = yield* turn(engine, "two")
        expect(llm.toolsOf(3)).toEqual(["transfer_to_a", "transfer_back"])
        expect([second.text, second.agent, transfersOf(second.events)]).toEqual(["a is back", "a", ["b → a"]])
      }),
    ),
  )

  it(
    "is not offered when the turn has moved as often as it may",
    withProduct((product) =>
      Effect.gen(function* () {
        const all = ["a", "b", "c", "d", "e"]
        const llm = scriptedLlm(({ caller, request }) => {
          const next = all[all.indexOf(caller.agent!) + 1]
          return request.tools === undefined
            ? { words: ["here it ends"] }
            : callOf(`transfer_to_${next}`, { reason: "on" })
        })
        const { engine } = yield* start(product, llm)
        for (const agent of all) yield* register(engine, agent, { transferTo: all })
        yield* open(engine, "a")
        const { events, text, agent } = yield* turn(engine, "go")
        expect([agent, text, transfersOf(events)]).toEqual(["d", "here it ends", ["a → b", "b → c", "c → d"]])
      }),
    ),
  )

  it(
    "by a call is what a task answers with",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm([toB])
        const { engine } = yield* start(product, llm)
        yield* register(engine, "a", { transferTo: ["b"] })
        yield* register(engine, "b")
        const execution = yield* ask(engine, AgentProtocol, "a", { _tag: "Execute", task: "work" })
        expect(execution).toMatchObject({ status: "handover", toAgent: "b", usage: usagePerCall })
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
