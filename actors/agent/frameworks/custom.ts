/**
 * Agents with a protocol of their own: a template says what is sent, a path says where the answer's text is in what
 * comes back. Shape: seed 0 §5.4.
 */
import * as Effect from "effect/Effect"
import type { AgentFramework } from "../framework.ts"
import { fieldOf, isJson, parsed } from "./remote/body.ts"
import { remoteCall } from "./remote/call.ts"
import { RemoteFailure } from "./remote/failure.ts"
import { checkReachable } from "./remote/reachable.ts"
import { spokenOf } from "./remote/spoken.ts"
import { messagesOf } from "./remote/told-history.ts"
import { sayAll } from "./remote/whole-answer.ts"
import { filledIn } from "./template.ts"

const defaultTemplate = { question: "{{question}}", session_id: "{{session_id}}" }

/** Undefined: there is nothing. Steps into arrays are their indexes. */
const at = (value: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((inner, step) => fieldOf(inner, step), value)

export const custom: AgentFramework = {
  answer: (call) =>
    remoteCall(
      call,
      Effect.fnUntraced(function* (exchange) {
        const { question, view } = call
        const { request = defaultTemplate, responsePath } = view.connection ?? {}
        const body = yield* filledIn(request, {
          question: question.question,
          session_id: question.conversation,
          user_id: question.user ?? "",
          history: messagesOf(question),
          parameters: question.parameters ?? {},
        })
        const response = yield* exchange.post(exchange.endpoint, body, "application/json, text/plain")
        const text = yield* exchange.wait(() => response.text())
        if (
          !isJson(response) &&
          responsePath === undefined &&
          response.headers.get("content-type")?.startsWith("text/")
        )
          return yield* sayAll(exchange, { text, blocks: [] })
        const answer = yield* parsed(text)
        const found = responsePath === undefined ? answer : at(answer, responsePath)
        if (found === undefined || found === null) {
          const detail = `the agent's answer has nothing at "${responsePath ?? "its top"}"`
          return yield* Effect.fail(new RemoteFailure("AgentMalformed", detail))
        }
        return yield* sayAll(exchange, spokenOf(found, "answer"))
      }),
    ),
  check: checkReachable,
}
