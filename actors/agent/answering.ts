/**
 * Carries out the activity `answer`, for whichever actor declares it: looks the agent up, checks whether who asks may use
 * it now, and has its framework answer. What is said is reported in pieces, or gathered where nobody listens.
 */
import * as Effect from "effect/Effect"
import {
  ActivityFailure,
  type ActivityRun,
  type EngineError,
  type EngineShape,
  type Rejected,
  TraceContext,
} from "../../engine/index.ts"
import { AgentProtocol, type AgentView, answerCharactersMax, everyPermission } from "../../schemas/index.ts"
import { EngineAccess } from "../engine-access.ts"
import { type Platform, PlatformAccess } from "../platform-access.ts"
import { mayUseAgent } from "./access.ts"
import type { AnswerCall, AnswerCaller, Outcome } from "./framework.ts"
import { frameworks } from "./frameworks/frameworks.ts"
import { type Answered, nothingSaid, type Piece, type Question, type Said } from "./question.ts"
import { makeSpeaker } from "./speaker.ts"

const failure = (code: string, detail: string, retryable = false) =>
  new ActivityFailure({ code, detail, retryable })

const askFailed = (error: EngineError | Rejected): ActivityFailure =>
  error._tag === "Rejected"
    ? failure(String((error.rejection as { readonly _tag: unknown })._tag), error.message)
    : failure(error.code, error.detail, error.kind === "retryable")

const lookUp = (engine: EngineShape, tenant: string, agent: string) =>
  engine.ask(AgentProtocol, agent, { _tag: "Describe" }, { tenant }).pipe(Effect.mapError(askFailed))

/** Whoever asks, with the rights of now; undefined for the platform itself. */
const callerOf = Effect.fnUntraced(function* (
  platform: Platform,
  tenant: string,
  user: string | undefined,
): Effect.fn.Return<AnswerCaller | undefined, ActivityFailure> {
  if (user === undefined) return undefined
  const access = yield* platform
    .access(tenant, user)
    .pipe(Effect.mapError(() => failure("DirectoryUnavailable", "the directory did not answer", true)))
  if (access === undefined || !access.active)
    return yield* Effect.fail(failure("AgentForbidden", `"${user}" may not use agents any more`))
  const permissions = new Set(access.permissions)
  return {
    user,
    userId: access.user_id,
    department: access.department,
    groups: access.groups,
    permissions,
    isAdministrator: permissions.has("agent:admin") || permissions.has(everyPermission),
  }
})

/** The agent, when it takes questions and this caller may ask it. */
export const usableAgent = Effect.fnUntraced(function* (
  engine: EngineShape,
  tenant: string,
  agent: string,
  caller: AnswerCaller | undefined,
): Effect.fn.Return<AgentView, ActivityFailure> {
  const view = yield* lookUp(engine, tenant, agent)
  if (view.archived) return yield* Effect.fail(failure("AgentArchived", `agent "${agent}" is archived`))
  if (caller !== undefined && !mayUseAgent(view, caller))
    return yield* Effect.fail(failure("AgentForbidden", `"${caller.user}" may not use agent "${agent}"`))
  return view
})

const answeredOf = (outcome: Outcome, tokens: number, text: string): Answered => {
  if (outcome._tag === "HandOver") {
    const { _tag: _, ...handover } = outcome
    return { _tag: "HandedOver", ...handover }
  }
  const { _tag, blocks = [], ...rest } = outcome
  return { _tag, tokens, text, blocks: text === "" ? [] : blocks, ...rest }
}

/** Nobody listens: the text is the answer. */
const gathered = () => {
  let text = ""
  let tokens = 0
  return {
    say: (piece: string) =>
      Effect.suspend(() => {
        text += piece
        tokens += 1
        return text.length > answerCharactersMax
          ? Effect.fail(failure("AnswerTooLong", `an answer has at most ${answerCharactersMax} characters`))
          : Effect.void
      }),
    isRepeating: () => true,
    finish: Effect.sync(() => tokens),
    text: () => text,
  }
}

/** `said`: what the actor heard of this answer before, asked for only after a crash or a failed attempt. */
export const answering =
  (said: (engine: EngineShape, question: Question, run: ActivityRun<Piece>) => Effect.Effect<Said, Error>) =>
  (question: Question, run: ActivityRun<Piece>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const engine = yield* (yield* EngineAccess).engine
        const platform = yield* (yield* PlatformAccess).platform
        const { tenant } = run.self
        const caller = yield* callerOf(platform, tenant, question.user)
        const view = yield* usableAgent(engine, tenant, question.agent, caller)
        const before =
          run.progressed === 0
            ? nothingSaid
            : yield* said(engine, question, run).pipe(
                Effect.mapError((error) => failure("Unavailable", error.message, true)),
              )
        const speaker = question.stream
          ? {
              ...(yield* makeSpeaker({
                emit: run.emit,
                said: before,
                onInterruption: view.onInterruption ?? "restart",
              })),
              text: () => "",
            }
          : gathered()
        const call: AnswerCall = {
          tenant,
          view,
          question,
          caller,
          engine,
          platform,
          key: run.key,
          traceId: TraceContext.parse(run.trace)?.traceId ?? "",
          say: speaker.say,
          isRepeating: speaker.isRepeating,
        }
        const outcome = yield* frameworks[view.framework].answer(call)
        const tokens = yield* speaker.finish
        return answeredOf(outcome, tokens, speaker.text())
      }),
    )
