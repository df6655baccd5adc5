/** Carries out what a model called: a hand-over at once, the rest side by side, each within its time and length. */
import * as Effect from "effect/Effect"
import type { ActivityFailure } from "../../../../engine/index.ts"
import type { ToolCall } from "./ask-model.ts"
import { asData } from "./data.ts"
import type { Message } from "./prompt.ts"
import { argumentsOf, type Tool, type ToolOutcome, told } from "./tool.ts"

/** Calls of one round; the model is told that the others were not carried out. */
export const callsPerRoundMax = 4
export const toolTimeoutMs = 60_000
export const resultCharactersMax = 8_000

export type HandOver = Extract<ToolOutcome, { _tag: "HandOver" }>

export type Round =
  | { readonly _tag: "HandOver"; readonly handOver: HandOver }
  | { readonly _tag: "Told"; readonly messages: ReadonlyArray<Message>; readonly plan: string | undefined }

const carryOut = (
  tools: ReadonlyArray<Tool>,
  { name, arguments: json }: ToolCall,
): Effect.Effect<ToolOutcome> =>
  Effect.suspend(() => {
    const tool = tools.find((one) => one.name === name)
    if (tool === undefined) return Effect.succeed(told("There is no such tool."))
    const given = argumentsOf(tool, json)
    if (typeof given === "string") return Effect.succeed(told(`Not carried out: ${given}.`))
    return tool.run(given).pipe(
      Effect.timeoutOrElse({
        duration: toolTimeoutMs,
        orElse: () => Effect.succeed(told(`No answer within ${toolTimeoutMs / 1_000} s.`)),
      }),
      Effect.catch(({ code, detail }: ActivityFailure) =>
        Effect.succeed(told(`Refused (${code}): ${detail}`)),
      ),
      Effect.withSpan(`agent tool ${tool.name}`),
    )
  })

const textOf = (text: string): string =>
  text.length <= resultCharactersMax ? text : `${text.slice(0, resultCharactersMax).toWellFormed()} … (cut)`

const isHandOver = (outcome: ToolOutcome): outcome is HandOver => outcome._tag === "HandOver"

/** `transfers` are tried first, one after another: who hands over needs none of the other results. */
export const runTools = Effect.fnUntraced(function* (
  { transfers, reading }: { readonly transfers: ReadonlyArray<Tool>; readonly reading: ReadonlyArray<Tool> },
  calls: ReadonlyArray<ToolCall>,
): Effect.fn.Return<Round> {
  const taken = calls.slice(0, callsPerRoundMax)
  const outcomes = new Map<ToolCall, ToolOutcome>()
  for (const call of taken.filter(({ name }) => transfers.some((tool) => tool.name === name))) {
    const outcome = yield* carryOut(transfers, call)
    if (isHandOver(outcome)) return { _tag: "HandOver", handOver: outcome }
    outcomes.set(call, outcome)
  }
  yield* Effect.forEach(
    taken.filter((call) => !outcomes.has(call)),
    (call) => Effect.map(carryOut(reading, call), (outcome) => outcomes.set(call, outcome)),
    { concurrency: callsPerRoundMax, discard: true },
  )
  let plan: string | undefined
  const messages = calls.map((call): Message => {
    const outcome = outcomes.get(call)
    if (outcome?._tag === "Told") plan = outcome.plan ?? plan
    const text =
      outcome?._tag === "Told"
        ? outcome.text
        : `Not carried out: at most ${callsPerRoundMax} tools can be called at once.`
    return { role: "tool", tool_call_id: call.id, content: asData(`tool ${call.name}`, textOf(text)) }
  })
  return { _tag: "Told", messages, plan }
})
