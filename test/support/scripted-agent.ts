/** An agent of elsewhere whose checks and index do what a suite says. */
import * as Effect from "effect/Effect"
import { kinds } from "../../actors/index.ts"
import { ActivityFailure } from "../../engine/index.ts"
import type { AgentDescriptor, AgentHealth, AgentView } from "../../schemas/index.ts"
import { implementation } from "./deployment.ts"

const Agent = kinds.find(({ protocol }) => protocol.kind === "agent")

export const remote: AgentDescriptor = {
  name: "Remote",
  framework: "agno",
  description: "",
  skills: [],
  owner: "olga",
  endpoint: "http://agno.example/agent",
}
export const found = (status: AgentHealth["status"]): AgentHealth => ({
  status,
  consecutiveFailures: 0,
  latencyMs: 3,
})

/** An agent whose checks find what `answers` say, one after the other, the last one again and again. */
export const scripted = (answers: Array<Effect.Effect<AgentHealth, ActivityFailure>>) => {
  const listed: Array<AgentView> = []
  const checked: Array<string> = []
  const asked: Array<{ readonly conversation: string }> = []
  let indexFails = false
  const kind = implementation(Agent, {
    index: ({ view }: { readonly view: AgentView }) =>
      Effect.suspend(() => {
        if (indexFails)
          return Effect.fail(
            new ActivityFailure({ code: "IndexUnavailable", detail: "away", retryable: false }),
          )
        listed.push(view)
        return Effect.succeed({ revision: view.revision })
      }),
    check: (view: AgentView) =>
      Effect.suspend(() => {
        checked.push(view.endpoint ?? "")
        return answers.length > 1 ? answers.shift()! : answers[0]!
      }),
    answer: (question: { readonly conversation: string }) =>
      Effect.sync(() => {
        asked.push(question)
        return { _tag: "Said", tokens: 1, text: "done", blocks: [] }
      }),
  } as never)
  return {
    kind,
    listed,
    checked,
    asked,
    breakIndex: (fails: boolean) => {
      indexFails = fails
    },
  }
}
