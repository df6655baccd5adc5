/** The tools that an agent with a language model may use. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it } from "vitest"
import { toolRoundsMax } from "../../../actors/agent/frameworks/llm/llm.ts"
import { callsPerRoundMax, resultCharactersMax } from "../../../actors/agent/frameworks/llm/run-tools.ts"
import { OpsPlanProtocol } from "../../../schemas/index.ts"
import { callOf, idle, open, register, start, textOf, turn } from "../../support/llm-agents.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { ask, eventually, withProduct } from "../../support/product.ts"
import { scriptedLlm } from "../../support/scripted-llm.ts"

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

  it(
    "run again when their node dies, and nothing of the answer comes twice",
    withProduct((product) =>
      Effect.gen(function* () {
        const llm = scriptedLlm(({ request }) =>
          request.messages.at(-1)!.role === "tool"
            ? { words: ["Nobody", " is."] }
            : { words: ["Let me", " see."], ...callOf("recommend_agents", { task: "cook" }) },
        )
        const platform = scriptedPlatform()
        let looked = 0
        const recommend = () =>
          Effect.suspend(() => {
            looked += 1
            const none = [{ model: "m", recommendations: [], minimumScore: 0, notEmbedded: 0 }]
            return Effect.as(Effect.sleep(5_000), none)
          })
        const more = { recommendations: { ...platform.recommendations, recommend } }
        const node = yield* start(product, llm, more)
        yield* register(node.engine, "a", { tools: ["recommend_agents"] })
        yield* open(node.engine, "a")
        const asking = yield* Effect.forkChild(turn(node.engine, "who can cook?"))
        yield* eventually(() => looked === 1)
        yield* Effect.sleep(1_000)
        yield* node.crash
        yield* Fiber.interrupt(asking)
        const { engine } = yield* product.start()
        const { events } = yield* idle(engine)
        expect(textOf(events)).toBe("Let me see.\n\nNobody is.")
        expect(looked).toBe(2)
        expect(events.map(({ type }) => type)).toEqual([
          "message",
          "stream_start",
          ...Array<string>(4).fill("token"),
          "stream_end",
        ])
      }),
    ),
  )
})
