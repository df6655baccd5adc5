/**
 * One attempt at an action of a rule besides telling people. It acts in the name of the rule's owner, who has to be there
 * and to hold what the action needs now: a rule is no way around a right.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ActivityRun, EngineError, EngineShape, Rejected } from "../../../engine/index.ts"
import {
  AgentProtocol,
  type AlertAction,
  messageCharactersMax,
  OpsPlanProtocol,
  type Permission,
  questionCharactersMax,
} from "../../../schemas/index.ts"
import { holds } from "../../agent/access.ts"
import { answerCallerOf } from "../../agent/answer-caller.ts"
import type { AnswerCaller } from "../../agent/framework.ts"
import { textOf } from "../../agent/frameworks/ops.ts"
import { usableAgent } from "../../agent/usable.ts"
import { EngineAccess } from "../../engine-access.ts"
import { type Platform, PlatformAccess } from "../../platform-access.ts"
import type { Input, Output } from "../activities.ts"
import { readWaiting } from "./deliver.ts"
import { deliveryHeader, request } from "./sending.ts"

/** How long an attempt waits; the next one gets the same answer. */
const planTimeoutMs = 60_000
const agentTimeoutMs = 5 * 60_000
const apiManagerMark = "api:"

interface Acting {
  readonly engine: EngineShape
  readonly platform: Platform
  readonly tenant: string
  readonly token: string
  readonly asked: AlertAction
  readonly owner: AnswerCaller | undefined
}

type Of<T extends AlertAction["action"]["type"]> = Extract<AlertAction["action"], { type: T }>

const givenUp = (detail: string): Output => ({ status: "given_up", detail })

/** What cannot be said again sensibly is given up; the rest is asked again with the same key. */
const engineFailed = (error: EngineError | Rejected): Output =>
  error._tag === "Rejected"
    ? {
        status: (error.rejection as { readonly _tag: unknown })._tag === "AgentBusy" ? "failed" : "given_up",
        detail: error.message,
      }
    : { status: error.kind === "retryable" ? "failed" : "given_up", detail: error.code }

const requireOwner = (owner: AnswerCaller | undefined, permission: Permission) => {
  if (owner === undefined) return Effect.fail(givenUp("the rule has no owner in whose name to act"))
  return holds(owner, permission)
    ? Effect.succeed(owner)
    : Effect.fail(givenUp(`the rule's owner "${owner.user}" does not hold "${permission}"`))
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const callApi = Effect.fnUntraced(function* (
  { api, method, body }: Of<"call_api">,
  { platform, token, asked }: Acting,
) {
  if (api.startsWith(apiManagerMark))
    return givenUp(
      `there is no managed API "${api.slice(apiManagerMark.length, 100)}": give the URL of the API`,
    )
  const now = yield* Clock.currentTimeMillis
  const hasBody = method !== "GET" && body !== ""
  const type = isJson(body) ? "application/json" : "text/plain; charset=utf-8"
  return yield* request({ platform, now }, api, {
    method,
    headers: {
      ...(hasBody ? { "Content-Type": type } : {}),
      "Idempotency-Key": token,
      ...deliveryHeader(asked.id),
    },
    ...(hasBody ? { body } : {}),
  })
})

/** The token is the plan's id: asked again it is the same plan. */
const askOps = Effect.fnUntraced(function* ({ question }: Of<"ask_ops">, acting: Acting) {
  const owner = yield* requireOwner(acting.owner, "ops:ask")
  if (question.trim() === "") return givenUp("there is no question")
  const { engine, tenant, token } = acting
  const command = { _tag: "Ask", question: question.slice(0, questionCharactersMax) } as const
  const options = { tenant, principal: owner.user, idempotencyKey: token, timeoutMs: planTimeoutMs }
  const { status, blocks } = yield* engine
    .ask(OpsPlanProtocol, token, command, options)
    .pipe(Effect.mapError(engineFailed))
  return { status: "delivered", detail: `plan ${token} ${status}: ${textOf(blocks)}` } satisfies Output
})

const executeAgent = Effect.fnUntraced(function* ({ agent, message }: Of<"execute_agent">, acting: Acting) {
  const owner = yield* requireOwner(acting.owner, "agent:execute")
  if (message.trim() === "") return givenUp("there is no message")
  const { engine, tenant, token } = acting
  yield* usableAgent(engine, tenant, agent, owner).pipe(
    Effect.mapError(
      ({ detail, retryable }): Output => ({ status: retryable ? "failed" : "given_up", detail }),
    ),
  )
  const options = { tenant, principal: owner.user, idempotencyKey: token, timeoutMs: agentTimeoutMs }
  const { status, text, code, toAgent } = yield* engine
    .ask(AgentProtocol, agent, { _tag: "Execute", task: message.slice(0, messageCharactersMax) }, options)
    .pipe(Effect.mapError(engineFailed))
  if (status === "failed") return givenUp(`the agent failed: ${code ?? text}`)
  const said = status === "handover" ? `it names "${toAgent}" as the one to ask: ${text}` : text
  return { status: "delivered", detail: said } satisfies Output
})

const ownerOf = (platform: Platform, tenant: string, user: string | undefined) =>
  user === undefined
    ? Effect.succeed(undefined)
    : answerCallerOf(platform, tenant, { user }).pipe(
        Effect.mapError(
          ({ retryable, detail }): Output =>
            retryable
              ? { status: "failed", detail }
              : givenUp(`the rule's owner "${user}" is not active any more`),
        ),
      )

const attempt = Effect.fnUntraced(function* (
  { n }: Input,
  run: Pick<ActivityRun, "self">,
): Effect.fn.Return<Output, Output, EngineAccess | PlatformAccess> {
  const engine = yield* (yield* EngineAccess).engine
  const platform = yield* (yield* PlatformAccess).platform
  const { tenant } = run.self
  const { token, action: asked } = yield* readWaiting(n, run)
  if (asked === undefined) return givenUp("there is nothing to carry out")
  const owner = yield* ownerOf(platform, tenant, asked.owner)
  const acting: Acting = { engine, platform, tenant, token, asked, owner }
  const { action } = asked
  switch (action.type) {
    case "call_api":
      return yield* callApi(action, acting)
    case "ask_ops":
      return yield* askOps(action, acting)
    case "execute_agent":
      return yield* executeAgent(action, acting)
  }
})

export const act = (input: Input, run: Pick<ActivityRun, "self">) =>
  Effect.catch(attempt(input, run), Effect.succeed)
