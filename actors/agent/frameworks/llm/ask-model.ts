/** One call of the model: what it says is said on as it comes, and the tools that it calls are gathered. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../../../engine/index.ts"
import type { ChatRequest, LlmCaller, LlmService, Piece, Usage } from "../../../../resources/index.ts"
import { failureOf } from "./model.ts"

/** Of the calls in one answer of the model. */
export const toolCallsMax = 16
export const argumentsCharactersMax = 32_000

export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON, as the model wrote it. */
  readonly arguments: string
}

export interface ModelAnswer {
  readonly text: string
  readonly calls: ReadonlyArray<ToolCall>
  readonly usage: Usage
}

type CallDelta = NonNullable<Piece["choices"][number]["delta"]["tool_calls"]>[number]

const tooMany = () =>
  new ActivityFailure({
    code: "ModelAnswerTooLarge",
    detail: `a model calls at most ${toolCallsMax} tools at once, with arguments of ${argumentsCharactersMax} characters`,
    retryable: false,
  })

/** Parts of calls arrive one after another; some providers number all of them 0 and tell them apart by their ids. */
class Calls {
  readonly #calls: Array<{ index: number; id: string; name: string; arguments: string }> = []

  /** False: more than is taken. */
  add({ index = 0, id, function: called }: CallDelta): boolean {
    const same = this.#calls.findLast((call) => call.index === index)
    const isNew = same === undefined || (id !== undefined && id !== "" && same.id !== id)
    if (isNew && this.#calls.length === toolCallsMax) return false
    const call = isNew ? { index, id: id || `call_${this.#calls.length}`, name: "", arguments: "" } : same
    if (isNew) this.#calls.push(call)
    call.name += called?.name ?? ""
    call.arguments += called?.arguments ?? ""
    return call.arguments.length <= argumentsCharactersMax && call.name.length <= 256
  }

  get all(): ReadonlyArray<ToolCall> {
    return this.#calls.map(({ id, name, arguments: given }) => ({ id, name, arguments: given }))
  }
}

/** `mayRetry`: nothing was said before this call. */
export const askModel = (
  llm: LlmService,
  asked: { readonly caller: LlmCaller; readonly model: string; readonly request: ChatRequest },
  say: (text: string) => Effect.Effect<void, ActivityFailure>,
  mayRetry: boolean,
): Effect.Effect<ModelAnswer, ActivityFailure> =>
  Effect.gen(function* () {
    const calls = new Calls()
    let text = ""
    // Delivering cannot fail: what may not be said ends the call, and with it the connection, from beside.
    const broken = yield* Deferred.make<never, ActivityFailure>()
    const giveUp = (failure: ActivityFailure) => Effect.andThen(Deferred.fail(broken, failure), Effect.never)
    const deliver = ({ choices }: Piece) =>
      Effect.gen(function* () {
        const delta = choices[0]?.delta
        if (delta === undefined || delta === null) return
        for (const part of delta.tool_calls ?? []) if (!calls.add(part)) yield* giveUp(tooMany())
        const said = (delta.content ?? "") + (delta.refusal ?? "")
        text += said
        yield* say(said)
      }).pipe(Effect.catch(giveUp))
    const { usage } = yield* Effect.raceFirst(
      llm.stream(asked, deliver).pipe(Effect.mapError((error) => failureOf(error, mayRetry && text === ""))),
      Deferred.await(broken),
    )
    return { text, calls: calls.all, usage }
  })
