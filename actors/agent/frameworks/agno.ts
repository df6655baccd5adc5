/** Agents of Agno: one request with a command and its data, one answer with a payload. Shape: seed 0 §5.1. */
import * as Effect from "effect/Effect"
import type { AgentFramework, AnswerCall } from "../framework.ts"
import { fieldOf, readJson } from "./remote/body.ts"
import { remoteCall } from "./remote/call.ts"
import { RemoteFailure } from "./remote/failure.ts"
import { checkReachable } from "./remote/reachable.ts"
import { spokenOf } from "./remote/spoken.ts"
import { toldHistory } from "./remote/told-history.ts"
import { sayAll } from "./remote/whole-answer.ts"

export const defaultCommand = "chat"

const requestOf = ({ question, view }: AnswerCall) => ({
  version: "1.0",
  session_id: question.conversation,
  request: {
    type: "execute",
    payload: {
      command: view.connection?.target ?? defaultCommand,
      data: question.question,
      ...(question.parameters === undefined ? {} : { parameters: question.parameters }),
      ...toldHistory(question),
    },
  },
})

export const agno: AgentFramework = {
  answer: (call) =>
    remoteCall(
      call,
      Effect.fnUntraced(function* (exchange) {
        const came = yield* exchange.post(exchange.endpoint, requestOf(call), "application/json")
        const response = fieldOf(yield* readJson(exchange, came), "response")
        const payload = fieldOf(response, "payload")
        if (fieldOf(response, "type") === "error") {
          const words = exchange.quote(spokenOf(payload, "").text)
          return yield* Effect.fail(
            new RemoteFailure("AgentFailed", `the agent says: ${words}`, { alive: true }),
          )
        }
        if (payload === undefined)
          return yield* Effect.fail(new RemoteFailure("AgentMalformed", "the answer has no response.payload"))
        return yield* sayAll(exchange, spokenOf(payload, "payload"))
      }),
    ),
  check: checkReachable,
}
