/** How an agent with a language model hands a conversation over. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { entryRow, transferRows } from "../../../actors/trace/hops.ts"
import { AgentProtocol, ChatSessionProtocol } from "../../../schemas/index.ts"
import { callOf, open, register, start, toB, transfersOf, turn } from "../../support/llm-agents.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { ask, tenant, withProduct } from "../../support/product.ts"
import { scriptedLlm, usagePerCall } from "../../support/scripted-llm.ts"

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
        expect(lines).toMatchObject([{ message: "[Agent Transfer] a → b", is_transfer: true, agent_id: "a" }])
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
        expect(llm.toolsOf(3)).toEqual(["transfer_back"])
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
