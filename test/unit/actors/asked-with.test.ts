/** What the credential that asks leaves of its user's rights goes along with a question, to the last agent of it. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { holds } from "../../../actors/agent/access.ts"
import { Agent } from "../../../actors/agent/agent.ts"
import { answerCallerOf } from "../../../actors/agent/answer-caller.ts"
import type { Question } from "../../../actors/agent/question.ts"
import { ChatSession } from "../../../actors/chat-session/session.ts"
import { Task } from "../../../actors/task/task.ts"
import { ActivityFailure, type ActivityRun, type AnyKind, type EngineShape } from "../../../engine/index.ts"
import { AgentProtocol, ChatSessionProtocol, TaskProtocol } from "../../../schemas/index.ts"
import { implementation } from "../../support/deployment.ts"
import { register } from "../../support/llm-agents.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { ask, eventually, withProduct } from "../../support/product.ts"
import { indexed } from "./scripted-session.ts"

const callerWith = (permissions: ReadonlyArray<string>, scopes?: ReadonlyArray<string>) => {
  const platform = scriptedPlatform()
  const access: typeof platform.access = (...of) =>
    Effect.map(platform.access(...of), (found) => found && { ...found, permissions })
  const asked = { user: "ann", ...(scopes === undefined ? {} : { scopes }) }
  return Effect.runSync(answerCallerOf({ access }, "t", asked))!
}

describe("who an answer is for", () => {
  it.each([
    ["a login", ["chat:use", "agent:execute"], undefined, ["agent:execute", "chat:use"], false],
    ["a key for conversations", ["chat:use", "agent:execute"], ["chat:use"], ["chat:use"], false],
    ["a key for more than its user may", ["chat:use"], ["chat:use", "ops:ask"], ["chat:use"], false],
    ["a key for everything", ["agent:admin"], ["*"], ["agent:admin"], true],
    ["an administrator's login", ["*"], undefined, ["*"], true],
    ["an administrator's key", ["*"], ["agent:execute"], ["agent:execute"], false],
    ["an administrator's key to every agent", ["*"], ["agent:admin"], ["agent:admin"], true],
    ["a key for nothing that there is", ["*"], [], [], false],
  ])(
    "has the rights that are the user's and the credential's: %s",
    (_, own, scopes, left, isAdministrator) => {
      const caller = callerWith(own, scopes)
      expect([...caller.permissions].sort()).toEqual(left)
      expect(caller.isAdministrator).toBe(isAdministrator)
      expect([...caller.ownPermissions]).toEqual(own)
      expect(holds(caller, "agent:execute")).toBe(left.includes("agent:execute") || left.includes("*"))
    },
  )
})

/** Hands each question over once, asks back once, and keeps all that it was asked. */
const recording = () => {
  const asked: Array<Question> = []
  const answer = (question: Question, run: ActivityRun<unknown>) =>
    Effect.gen(function* () {
      asked.push(question)
      if (question.question === "move" && question.agents.length === 1)
        return { _tag: "HandedOver", toAgent: "b", reason: "better", context: "full" }
      if (!question.stream) return { _tag: "Said", tokens: 1, text: "x", blocks: [] }
      yield* run.emit({ from: 0, tokens: ["x"] })
      const awaitsInput = question.question === "ask back"
      return { _tag: "Said", tokens: 1, text: "", blocks: [], ...(awaitsInput ? { awaitsInput } : {}) }
    }).pipe(
      Effect.mapError(
        (cause) => new ActivityFailure({ code: "Test", detail: String(cause), retryable: false }),
      ),
    )
  const index = ({ revision }: { readonly revision: number }) => Effect.succeed({ revision })
  const of = (kind: unknown, more: object = {}) =>
    implementation(kind as AnyKind as never, { answer, index, ...more } as never)
  const check = () => Effect.succeed({ status: "healthy", consecutiveFailures: 0 })
  const kinds = [
    of(ChatSession, { index: indexed().put }),
    of(Task, { push: () => Effect.never }),
    of(Agent, { check }),
  ]
  return { kinds, scopes: () => asked.map(({ scopes }) => scopes), asked }
}

describe("what the asking credential is narrowed to", () => {
  const [narrow, other] = [["chat:use"], ["agent:execute", "agent:read"]]

  it(
    "is with each turn of a conversation, over hand-overs, and with no other turn",
    withProduct((product) =>
      Effect.gen(function* () {
        const { kinds, scopes, asked } = recording()
        const { engine } = yield* product.start(kinds)
        const session = <C extends (typeof ChatSessionProtocol)["Command"]>(command: C) =>
          ask(engine, ChatSessionProtocol, "s", command as never)
        const say = (messageId: string, content: string, more: object = {}) =>
          session({ _tag: "Say", messageId, content, ...more })
        yield* session({ _tag: "Open", agentId: "a", title: "", owner: "ann" })
        yield* say("m1", "move", { scopes: narrow })
        yield* eventually(() => asked.length === 2)
        yield* Effect.sleep(1_000)
        yield* say("m2", "and now")
        yield* eventually(() => asked.length === 3)
        expect(scopes()).toEqual([narrow, narrow, undefined])
      }),
    ),
  )

  it(
    "is with each turn of a task, and not in what is shown of it",
    withProduct((product) =>
      Effect.gen(function* () {
        const { kinds, scopes, asked } = recording()
        const { engine } = yield* product.start(kinds)
        const message = { agent: "a", owner: "ann", context: "c", messageId: "m1", text: "ask back" }
        yield* ask(engine, TaskProtocol, "t", { _tag: "Open", ...message, scopes: narrow })
        yield* eventually(() => asked.length === 1)
        yield* Effect.sleep(1_000)
        const more = { messageId: "m2", text: "move", scopes: other }
        yield* ask(engine, TaskProtocol, "t", { _tag: "Continue", ...more })
        yield* eventually(() => asked.length === 3)
        expect(scopes()).toEqual([narrow, other, other])
        const view = yield* ask(engine, TaskProtocol, "t", { _tag: "Read" })
        expect(JSON.stringify(view)).not.toMatch(/scopes/)
      }),
    ),
  )

  it(
    "is with what an agent is given to do",
    withProduct((product) =>
      Effect.gen(function* () {
        const { kinds, scopes } = recording()
        const { engine } = yield* product.start(kinds)
        yield* register(engine as EngineShape, "a")
        yield* ask(engine, AgentProtocol, "a", { _tag: "Execute", task: "go", scopes: narrow })
        yield* ask(engine, AgentProtocol, "a", { _tag: "Execute", task: "go" })
        expect(scopes()).toEqual([narrow, undefined])
      }),
    ),
  )
})
