/**
 * Agents of LangChain, which tell of their work while they are at it. Only `result` is the answer; thoughts, actions and
 * observations become spans of the answer's trace, where people can read them apart from it. Shape: seed 0 §5.3.
 */
import * as Effect from "effect/Effect"
import { maskText } from "../../../resources/index.ts"
import type { AgentFramework, AnswerCall } from "../framework.ts"
import { under } from "./remote/address.ts"
import { eachEvent, fieldOf, isJson, parsed, readJson } from "./remote/body.ts"
import { remoteCall } from "./remote/call.ts"
import type { Exchange, Trouble } from "./remote/exchange.ts"
import { RemoteFailure } from "./remote/failure.ts"
import { remoteLimits } from "./remote/limits.ts"
import { checkReachable } from "./remote/reachable.ts"
import { spokenOf } from "./remote/spoken.ts"
import { toldHistory } from "./remote/told-history.ts"
import { sayAll } from "./remote/whole-answer.ts"

const requestOf = ({ question }: AnswerCall) => {
  const { history } = toldHistory(question)
  return {
    input: question.question,
    config: { ...question.parameters, configurable: { session_id: question.conversation } },
    ...(history === undefined ? {} : { chat_history: history }),
  }
}

const steps = new Set(["thought", "action", "observation"])

const trace = (kind: string, event: unknown) => {
  const { type: _, ...what } = event as Record<string, unknown>
  const attributes = { [`millrace.agent.${kind}`]: maskText(JSON.stringify(what)) }
  return Effect.withSpan(Effect.void, `agent ${kind}`, { attributes })
}

const failed = (exchange: Exchange, event: unknown) => {
  const words = exchange.quote(spokenOf(event, "").text)
  return new RemoteFailure("AgentFailed", `the agent says: ${words}`, { alive: true })
}

const sayStream = Effect.fnUntraced(function* (
  exchange: Exchange,
  response: Response,
): Effect.fn.Return<{ readonly _tag: "Said" }, Trouble> {
  let traced = 0
  yield* eachEvent(
    exchange,
    response,
    Effect.fnUntraced(function* (data): Effect.fn.Return<boolean, Trouble> {
      if (data === "[DONE]") return true
      const event = yield* parsed(data)
      const kind = fieldOf(event, "type")
      if (kind === "error") return yield* Effect.fail(failed(exchange, event))
      if (kind === "result") yield* exchange.say(spokenOf(fieldOf(event, "content"), "").text)
      if (typeof kind === "string" && steps.has(kind) && traced < remoteLimits.stepsTracedMax) {
        traced += 1
        yield* trace(kind, event)
      }
      return false
    }),
  )
  return exchange.said() > 0
    ? { _tag: "Said" }
    : yield* Effect.fail(new RemoteFailure("AgentMalformed", "the agent's answer ended without a result"))
})

export const langchain: AgentFramework = {
  answer: (call) =>
    remoteCall(
      call,
      Effect.fnUntraced(function* (exchange) {
        const url = under(exchange.endpoint, "/execute")
        const response = yield* exchange.post(url, requestOf(call), "text/event-stream, application/json")
        if (!isJson(response)) return yield* sayStream(exchange, response)
        const answer = yield* readJson(exchange, response)
        const said = ["output", "result", "content"]
          .map((name) => fieldOf(answer, name))
          .find((one) => one != null)
        return yield* sayAll(exchange, spokenOf(said, "output"))
      }),
    ),
  check: checkReachable,
}
