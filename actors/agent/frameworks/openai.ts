/** Agents that speak OpenAI's chat protocol: the conversation goes along with each question, the answer is streamed. */
import * as Effect from "effect/Effect"
import type { TokenUsage } from "../../../schemas/index.ts"
import type { AgentFramework, AnswerCall, Outcome } from "../framework.ts"
import { under } from "./remote/address.ts"
import { eachEvent, fieldOf, isJson, parsed, readJson } from "./remote/body.ts"
import { remoteCall } from "./remote/call.ts"
import type { Exchange, Trouble } from "./remote/exchange.ts"
import { RemoteFailure } from "./remote/failure.ts"
import { checkWith, wellEnough } from "./remote/reachable.ts"
import { messagesOf } from "./remote/told-history.ts"
import { noText } from "./remote/whole-answer.ts"

const chatPath = "/chat/completions"

const requestOf = ({ question }: AnswerCall, model: string) => ({
  model,
  messages: [...messagesOf(question), { role: "user", content: question.question }],
  stream: true,
  stream_options: { include_usage: true },
})

const count = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined

const usageOf = (answer: unknown): TokenUsage | undefined => {
  const usage = fieldOf(answer, "usage")
  const input = count(fieldOf(usage, "prompt_tokens"))
  return input === undefined
    ? undefined
    : { input, output: count(fieldOf(usage, "completion_tokens")) ?? 0, estimated: false }
}

const outcome = (usage: TokenUsage | undefined): Outcome => ({
  _tag: "Said",
  ...(usage === undefined ? {} : { usage }),
})

const firstChoice = (answer: unknown): unknown => {
  const choices = fieldOf(answer, "choices")
  return Array.isArray(choices) ? choices[0] : undefined
}

/** Some services tell of a failure in the middle of a stream, or with status 200. */
const complaint = (exchange: Exchange, answer: unknown): RemoteFailure | undefined => {
  const error = fieldOf(answer, "error")
  if (error === undefined || error === null) return undefined
  const message = fieldOf(error, "message")
  const words = exchange.quote(typeof message === "string" ? message : JSON.stringify(error))
  return new RemoteFailure("AgentFailed", `the agent says: ${words}`)
}

const sayContent = (exchange: Exchange, holder: unknown): Effect.Effect<void, Trouble> => {
  const content = fieldOf(holder, "content")
  return typeof content === "string" ? exchange.say(content) : Effect.void
}

const sayStream = Effect.fnUntraced(function* (
  exchange: Exchange,
  response: Response,
): Effect.fn.Return<Outcome, Trouble> {
  let usage: TokenUsage | undefined
  let finished = false
  yield* eachEvent(
    exchange,
    response,
    Effect.fnUntraced(function* (data): Effect.fn.Return<boolean, Trouble> {
      if (data === "[DONE]") {
        finished = true
        return true
      }
      const chunk = yield* parsed(data)
      const failure = complaint(exchange, chunk)
      if (failure !== undefined) return yield* Effect.fail(failure)
      const choice = firstChoice(chunk)
      yield* sayContent(exchange, fieldOf(choice, "delta"))
      if (typeof fieldOf(choice, "finish_reason") === "string") finished = true
      usage = usageOf(chunk) ?? usage
      return false
    }),
  )
  if (!finished)
    return yield* Effect.fail(
      exchange.said() === 0
        ? noText()
        : new RemoteFailure("AgentBrokeOff", "the agent broke off in the middle of its answer"),
    )
  return exchange.said() === 0 ? yield* Effect.fail(noText()) : outcome(usage)
})

/** Services that do not stream answer whole. */
const sayWhole = Effect.fnUntraced(function* (
  exchange: Exchange,
  response: Response,
): Effect.fn.Return<Outcome, Trouble> {
  const answer = yield* readJson(exchange, response)
  const failure = complaint(exchange, answer)
  if (failure !== undefined) return yield* Effect.fail(failure)
  yield* sayContent(exchange, fieldOf(firstChoice(answer), "message"))
  return exchange.said() === 0 ? yield* Effect.fail(noText()) : outcome(usageOf(answer))
})

export const openai: AgentFramework = {
  answer: (call) =>
    remoteCall(
      call,
      Effect.fnUntraced(function* (exchange) {
        const model = call.view.connection?.target
        if (model === undefined) {
          const detail = `agent "${call.view.agent}" names no model: set "connection.target" to its name there`
          return yield* Effect.fail(new RemoteFailure("AgentSettingsInvalid", detail))
        }
        const url = under(exchange.endpoint, chatPath)
        const response = yield* exchange.post(
          url,
          requestOf(call, model),
          "text/event-stream, application/json",
        )
        return yield* isJson(response) ? sayWhole(exchange, response) : sayStream(exchange, response)
      }),
    ),
  /** Asks for the list of models: it costs nothing, and shows whether the credential is taken. */
  check: checkWith(async ({ endpoint, headers, open }) => {
    const base = new URL(endpoint)
    base.pathname = base.pathname.replace(/\/+$/, "").replace(chatPath, "")
    const response = await open(under(base, "/models"), { headers })
    if (response.status === 401 || response.status === 403) {
      await response.body?.cancel()
      throw new RemoteFailure("AgentRefused", `it refuses the credential (${response.status})`)
    }
    await wellEnough(response)
  }),
}
