/** Agents of ADK: a task with parameters, answered with a status and a result. Shape: seed 0 §5.2. */
import * as Effect from "effect/Effect"
import type { AgentFramework, AnswerCall } from "../framework.ts"
import { defaultCommand } from "./agno.ts"
import { under } from "./remote/address.ts"
import { fieldOf, readJson } from "./remote/body.ts"
import { remoteCall } from "./remote/call.ts"
import { RemoteFailure } from "./remote/failure.ts"
import { checkReachable } from "./remote/reachable.ts"
import { spokenOf } from "./remote/spoken.ts"
import { toldHistory } from "./remote/told-history.ts"
import { sayAll } from "./remote/whole-answer.ts"

const requestOf = ({ question, view }: AnswerCall) => ({
  task: view.connection?.target ?? defaultCommand,
  parameters: {
    ...question.parameters,
    query: question.question,
    ...(question.user === undefined ? {} : { user_id: question.user }),
  },
  context: { session: question.conversation, ...toldHistory(question) },
})

/** What the agent says about a failure, wherever it says it. */
const complaintOf = (answer: unknown): string => {
  for (const field of ["message", "error", "result"]) {
    const { text } = spokenOf(fieldOf(answer, field), "")
    if (text.trim() !== "") return text
  }
  return "no reason given"
}

export const adk: AgentFramework = {
  answer: (call) =>
    remoteCall(
      call,
      Effect.fnUntraced(function* (exchange) {
        const url = under(exchange.endpoint, "/execute")
        const answer = yield* readJson(
          exchange,
          yield* exchange.post(url, requestOf(call), "application/json"),
        )
        const status = fieldOf(answer, "status")
        if (typeof status !== "string")
          return yield* Effect.fail(new RemoteFailure("AgentMalformed", "the answer has no status"))
        if (status.toLowerCase() !== "success") {
          const words = `${exchange.quote(status)}: ${exchange.quote(complaintOf(answer))}`
          return yield* Effect.fail(
            new RemoteFailure("AgentFailed", `the agent says ${words}`, { alive: true }),
          )
        }
        return yield* sayAll(exchange, spokenOf(fieldOf(answer, "result"), "result"))
      }),
    ),
  check: checkReachable,
}
