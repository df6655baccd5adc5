/** A language model that says what a suite wants, and tells what it was asked. */
import * as Effect from "effect/Effect"
import type { LlmCall, LlmService, Model, Piece, Refused } from "../../resources/index.ts"
import { modelAt } from "./llm.ts"

export interface ScriptedAnswer {
  readonly words?: ReadonlyArray<string>
  readonly calls?: ReadonlyArray<{ readonly name: string; readonly arguments: unknown }>
  /** After the words. */
  readonly refused?: Refused
  /** Before each word. */
  readonly waitMs?: number
}

type Script = (call: LlmCall, number: number) => ScriptedAnswer

const piece = (delta: Piece["choices"][number]["delta"]): Piece => ({
  choices: [{ index: 0, delta, finish_reason: null }],
})

/** Arguments arrive in two parts, as they do from providers. */
const callPieces = (calls: NonNullable<ScriptedAnswer["calls"]>): ReadonlyArray<Piece> =>
  calls.flatMap(({ name, arguments: given }, index) => {
    const json = typeof given === "string" ? given : JSON.stringify(given)
    const half = Math.floor(json.length / 2)
    return [
      piece({
        tool_calls: [{ index, id: `id-${index}`, type: "function", function: { name, arguments: "" } }],
      }),
      piece({ tool_calls: [{ index, function: { arguments: json.slice(0, half) } }] }),
      piece({ tool_calls: [{ index, function: { arguments: json.slice(half) } }] }),
    ]
  })

export const usagePerCall = { input: 10, output: 3, estimated: false }

/** `script`: what each call is answered, counted from 0; an array answers one after another, its last one for ever. */
export const scriptedLlm = (script: Script | ReadonlyArray<ScriptedAnswer>, more: Partial<Model> = {}) => {
  const asked: Array<LlmCall> = []
  const answerTo: Script =
    typeof script === "function" ? script : (_, number) => script[Math.min(number, script.length - 1)]!
  const next = (call: LlmCall) => {
    asked.push(structuredClone({ ...call, caller: { ...call.caller } }))
    return answerTo(call, asked.length - 1)
  }
  const given = (model: string) => ({ model, modelId: model, usage: usagePerCall })
  const llm: LlmService = {
    stream: (call, deliver) =>
      Effect.suspend(() => {
        const { words = [], calls = [], refused, waitMs = 0 } = next(call)
        return Effect.gen(function* () {
          for (const content of words) {
            if (waitMs > 0) yield* Effect.sleep(waitMs)
            yield* deliver(piece({ content }), call.model)
          }
          for (const one of callPieces(calls)) yield* deliver(one, call.model)
          if (refused !== undefined) return yield* refused
          return given(call.model)
        })
      }),
    complete: (call) =>
      Effect.suspend(() => {
        const { words = [], refused } = next(call)
        const message = { role: "assistant" as const, content: words.join(""), refusal: null }
        const choices = [{ index: 0, message, finish_reason: "stop" as const, logprobs: null }]
        return refused === undefined
          ? Effect.succeed({ ...given(call.model), choices })
          : Effect.fail(refused)
      }),
    embed: () => Effect.die(new Error("not part of this suite")),
  }
  const model = { ...modelAt("http://model"), id: "stub-id", ...more, rights: ["use" as const] }
  return {
    asked,
    llm,
    models: { list: () => Effect.succeed({ models: [model], total: 1 }) },
    /** Names of the tools that a call offered. */
    toolsOf: (number: number): ReadonlyArray<string> =>
      (asked[number]?.request.tools ?? []).map((tool) => ("function" in tool ? tool.function.name : "")),
    /** All that a call was told, as text. */
    toldIn: (number: number): string => JSON.stringify(asked[number]?.request.messages ?? []),
  }
}
