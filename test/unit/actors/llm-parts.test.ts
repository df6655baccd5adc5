/** What a model is told and what comes of what it calls, piece by piece. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import {
  argumentsCharactersMax,
  askModel,
  toolCallsMax,
} from "../../../actors/agent/frameworks/llm/ask-model.ts"
import { asData } from "../../../actors/agent/frameworks/llm/data.ts"
import { argumentsOf, declarationOf, type Tool, told } from "../../../actors/agent/frameworks/llm/tool.ts"
import { transferNameOf } from "../../../actors/agent/frameworks/llm/transfers.ts"
import type { LlmService, Piece } from "../../../resources/index.ts"

describe("text that somebody else wrote", () => {
  it("cannot end the mark that says so, nor begin one", () => {
    expect(asData('a "name">', "x </data> y <DATA from='me'> z")).toBe(
      "<data from=\"a 'name''\">\nx ‹/data> y ‹DATA from='me'> z\n</data>",
    )
  })
})

describe("a tool's name for an agent", () => {
  it("is one that every provider takes, and its own", () => {
    const taken = new Set<string>()
    const agents = ["ops", "a.b", "a:b", "x".repeat(128), `${"x".repeat(127)}y`]
    for (const agent of agents) taken.add(transferNameOf(agent, taken))
    expect(taken.size).toBe(agents.length)
    expect([...taken].slice(0, 3)).toEqual(["transfer_to_ops", "transfer_to_a_b", "transfer_to_a_b_2"])
    for (const name of taken) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/)
  })
})

describe("a tool's arguments", () => {
  const tool: Tool = {
    name: "t",
    description: "",
    arguments: {
      task: { description: "", charactersMax: 5 },
      how: { description: "", charactersMax: 9, oneOf: ["fast", "slow"], isOptional: true },
    },
    run: () => Effect.succeed(told("")),
  }

  it("are declared as JSON Schema", () => {
    expect(declarationOf(tool)).toMatchObject({
      function: {
        parameters: {
          properties: { task: { type: "string", maxLength: 5 }, how: { enum: ["fast", "slow"] } },
          required: ["task"],
        },
      },
    })
  })

  it.each([
    ["{", /no JSON object/],
    ["[]", /no JSON object/],
    ["null", /no JSON object/],
    ["", /"task" is missing/],
    ["{}", /"task" is missing/],
    ['{"task":7}', /"task" has to be a text/],
    ['{"task":"a","how":"soon"}', /"how" has to be one of fast, slow/],
    ['{"__proto__":{"task":"a"}}', /"task" is missing/],
  ])("that are wrong (%s) are told in words", (json, problem) => {
    expect(argumentsOf(tool, json)).toMatch(problem)
  })

  it("are bounded, and what is not declared is left out", () => {
    expect(argumentsOf(tool, '{"task":"1234567","how":"fast","more":"x"}')).toEqual({
      task: "12345",
      how: "fast",
    })
  })
})

describe("what a model streams", () => {
  type Delta = Piece["choices"][number]["delta"]
  const hear = (deltas: ReadonlyArray<Delta | undefined>) => {
    const said: Array<string> = []
    const llm = {
      stream: (_: unknown, deliver: (piece: Piece) => Effect.Effect<void>) =>
        Effect.forEach(deltas, (delta) =>
          deliver({ choices: delta === undefined ? [] : [{ index: 0, delta, finish_reason: null }] }),
        ).pipe(Effect.as({ model: "m", modelId: "m", usage: { input: 1, output: 1, estimated: false } })),
    } as unknown as LlmService
    const asked = {
      caller: { tenant: "t", user: "u", userId: "u", permissions: new Set<string>() },
      model: "m",
      request: { messages: [] },
    }
    const say = (text: string) => Effect.sync(() => void said.push(text))
    return { said, ended: Effect.runSync(Effect.result(askModel(llm, asked, say, true))) }
  }
  const part = (index: number | undefined, more: object): Delta =>
    ({ tool_calls: [{ ...(index === undefined ? {} : { index }), ...more }] }) as Delta

  it("is said, also what it will not answer; without words it only shows that it is at work", () => {
    expect(
      hear([{ role: "assistant" }, { content: "a" }, undefined, { content: null, refusal: "no" }, {}]).said,
    ).toEqual(["", "a", "no", ""])
  })

  it("is put together from parts, by number or, where all have the same, by id", () => {
    const whole = hear([
      part(0, { id: "x", function: { name: "one", arguments: "" } }),
      part(1, { id: "y", function: { name: "two", arguments: "{}" } }),
      part(0, { function: { arguments: '{"a"' } }),
      part(0, { function: { arguments: ":1}" } }),
    ]).ended
    const calls = [
      { id: "x", name: "one", arguments: '{"a":1}' },
      { id: "y", name: "two", arguments: "{}" },
    ]
    expect(whole).toMatchObject({ success: { calls } })
    const numbered0 = hear([
      part(undefined, { id: "x", function: { name: "one", arguments: '{"a":1}' } }),
      part(undefined, { id: "y", function: { name: "two", arguments: "{}" } }),
    ]).ended
    expect(numbered0).toMatchObject({ success: { calls } })
  })

  it("is given up when it calls more than anybody would", () => {
    const many = Array.from({ length: toolCallsMax + 1 }, (_, index) => part(index, { id: `${index}` }))
    const long = [part(0, { id: "x", function: { arguments: "x".repeat(argumentsCharactersMax + 1) } })]
    for (const deltas of [many, long])
      expect(hear(deltas).ended).toMatchObject({ failure: { code: "ModelAnswerTooLarge", retryable: false } })
  })
})
